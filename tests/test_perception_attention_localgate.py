"""The local gate against its formula, over maps and volumes."""

import pytest
import torch
import torch.nn.functional as F

from perception.attention.localgate import LocalGate
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


@pytest.mark.parametrize("sizes", [(3, 5), (2, 3, 5)])
@torch.no_grad()
def test_each_cell_takes_a_share_of_both(sizes: tuple[int, ...]) -> None:
    gate = lively(LocalGate(4, is_volume=len(sizes) == 3))
    first, second = seeded(2, 4, *sizes), seeded(2, 4, *sizes, seed=1)
    weight, bias = gate.share.parameters()
    both = F.pad(torch.cat([first, second], dim=1), (1, 1) * len(sizes))
    for dim in range(len(sizes)):
        both = both.unfold(2 + dim, 3, 1)  # the three neighbours along each axis go to the end
    score = torch.einsum("oin,bi...n->bo...", weight.flatten(2), both.flatten(2 + len(sizes)))
    share = 1 / (1 + torch.exp(-score - bias.view(-1, *[1] * len(sizes))))
    out = gate(first, second)
    assert_close(out, second + share * (first - second))
    assert (out <= torch.maximum(first, second)).all()
    assert (out >= torch.minimum(first, second)).all()


def test_rows_are_independent_and_gradients_finite() -> None:
    gate = lively(LocalGate(4))
    assert_rows_are_independent(gate, seeded(3, 4, 3, 5), seeded(3, 4, 3, 5, seed=1))
    assert_gradients_are_finite(gate, gate, seeded(2, 4, 3, 5), seeded(2, 4, 3, 5, seed=1))
