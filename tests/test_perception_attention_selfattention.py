"""The plain block against loops over heads."""

import torch
import torch.nn.functional as F
from torch import Tensor

from perception.attention.selfattention import SelfAttentionBlock
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow(block: SelfAttentionBlock, x: Tensor) -> Tensor:
    """x (N, C) -> (N, C)."""
    width = x.shape[1]
    depth = width // block.heads
    normed = F.layer_norm(x, (width,), block.norm1.weight, block.norm1.bias)
    rows = normed @ block.qkv.weight.T + block.qkv.bias
    mixed = torch.empty_like(x)
    for head in range(block.heads):
        part = slice(head * depth, (head + 1) * depth)
        q, k, v = (rows[:, start : start + width][:, part] for start in (0, width, 2 * width))
        mixed[:, part] = torch.softmax(q @ k.T / depth**0.5, dim=1) @ v
    x = x + mixed @ block.proj.weight.T + block.proj.bias
    normed = F.layer_norm(x, (width,), block.norm2.weight, block.norm2.bias)
    inner = F.gelu(normed @ block.ffn.fc1.weight.T + block.ffn.fc1.bias)
    return x + inner @ block.ffn.fc2.weight.T + block.ffn.fc2.bias


@torch.no_grad()
def test_equals_head_by_head_and_looking_changes_nothing() -> None:
    block = lively(SelfAttentionBlock(8, 2))
    x = seeded(2, 5, 8)
    assert_close(block(x), torch.stack([slow(block, row) for row in x]))
    seen, q, k = block.look(x)
    assert torch.equal(seen, block(x))
    assert q.shape == k.shape == (2, 2, 5, 4)


def test_rows_are_independent_and_gradients_finite() -> None:
    block = lively(SelfAttentionBlock(8, 2))
    assert_rows_are_independent(block, seeded(3, 5, 8))
    assert_gradients_are_finite(block, block, seeded(2, 5, 8))
