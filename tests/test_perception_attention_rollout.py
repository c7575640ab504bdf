"""The carried row against the product of whole matrices."""

import pytest
import torch
from torch import Tensor

from perception.attention.rollout import ROWS, class_row, mean_row
from perception.attention.selfattention import SelfAttentionBlock
from tests.attention_checks import assert_close, assert_rows_are_independent, lively, seeded


def rolled_out(blocks: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the product of all blocks' matrices, the last one leftmost, (B, N, N)."""
    product = torch.eye(blocks[0][0].shape[2]).expand(len(blocks[0][0]), -1, -1)
    for q, k in blocks:
        weights = torch.softmax(torch.einsum("bhid,bhjd->bhij", q, k) / q.shape[3] ** 0.5, dim=-1).mean(dim=1)
        product = (0.5 * weights + 0.5 * torch.eye(q.shape[2])) @ product
    return product


def looks(tokens: int, depth: int) -> list[tuple[Tensor, Tensor]]:
    return [(seeded(2, 2, tokens, 4, seed=seed), seeded(2, 2, tokens, 4, seed=-seed)) for seed in range(1, depth + 1)]


@pytest.mark.parametrize(("tokens", "depth"), [(7, 1), (9, 4), (ROWS + 3, 2)])
def test_one_row_equals_that_row_of_the_full_product(tokens: int, depth: int) -> None:
    blocks = looks(tokens, depth)
    assert_close(class_row(blocks), rolled_out(blocks)[:, 0])
    assert_close(mean_row(blocks), rolled_out(blocks).mean(dim=1))


def test_the_order_of_the_blocks_matters_and_rows_sum_to_one() -> None:
    blocks = looks(6, 3)
    assert not torch.isclose(class_row(blocks), class_row(blocks[::-1]), atol=1e-4).all()
    assert_close(class_row(blocks).sum(dim=1), torch.ones(2))


def test_rows_are_independent_also_behind_blocks_that_look() -> None:
    layers = [lively(SelfAttentionBlock(8, 2), seed) for seed in range(2)]

    def scores(x: Tensor) -> Tensor:
        blocks = []
        for layer in layers:
            x, q, k = layer.look(x)
            blocks.append((q, k))
        return class_row(blocks)

    with torch.no_grad():
        assert_rows_are_independent(scores, seeded(3, 5, 8))


def test_gradients_are_finite() -> None:
    q, k = (one.requires_grad_() for one in looks(5, 1)[0])
    class_row([(q, k)]).square().sum().backward()
    for one in (q, k):
        assert one.grad is not None
        assert one.grad.isfinite().all()
        assert one.grad.abs().sum() > 0
