"""The CMT layer against loops over heads and cells of the reduced map."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.attention.cmt import CmtFusion, CmtLayer, InvertedResidual, ReducedAttention
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow(module: ReducedAttention, x: Tensor) -> Tensor:
    """x (H, W, C) -> the same shape; the reduced map has as many cells as there are codes."""
    height, width, channels = x.shape
    step, depth = module.reduce.stride[0], channels // module.heads
    assert module.reduce.bias is not None
    keys, values = [], []
    for i in range(module.height_code.shape[1]):
        for j in range(module.width_code.shape[1]):
            cell = module.reduce.bias.clone()
            for di in range(step):
                for dj in range(step):
                    if i * step + di < height and j * step + dj < width:
                        cell += module.reduce.weight[:, 0, di, dj] * x[i * step + di, j * step + dj]
            cell = F.layer_norm(cell, (channels,), module.norm.weight, module.norm.bias)
            both = module.to_kv.weight @ cell + module.to_kv.bias
            keys.append(both[:channels] + module.height_code[:, i] + module.width_code[:, j])
            values.append(both[channels:])
    q, k, v = x.reshape(-1, channels) @ module.to_q.weight.T + module.to_q.bias, torch.stack(keys), torch.stack(values)
    out = torch.empty_like(q)
    for head in range(module.heads):
        part = slice(head * depth, (head + 1) * depth)
        out[:, part] = torch.softmax(q[:, part] @ k[:, part].T / depth**0.5, dim=1) @ v[:, part]
    return (out @ module.proj.weight.T + module.proj.bias).reshape(x.shape)


@pytest.mark.parametrize(
    ("sizes", "cells", "reduction"), [((4, 6), (2, 3), 2), ((5, 3), (2, 1), 3), ((2, 3), (2, 3), 1)]
)
@torch.no_grad()
def test_attention_equals_cell_by_cell(sizes: tuple[int, int], cells: tuple[int, int], reduction: int) -> None:
    module = lively(ReducedAttention(8, 2, reduction, cells))
    x = seeded(2, *sizes, 8)
    assert_close(module(x), torch.stack([slow(module, row) for row in x]))


@torch.no_grad()
def test_codes_stretch_over_maps_of_other_sizes() -> None:
    module = ReducedAttention(4, 2, 1, (2, 2))
    module.height_code.copy_(torch.tensor([0.0, 1.0]).expand(4, 2))
    module.width_code.zero_()
    assert module._code(4, 3)[:, 0, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1])


@torch.no_grad()
def test_feed_forward_adds_each_channels_neighbourhood() -> None:
    module = lively(InvertedResidual(3, 2))
    x = seeded(1, 3, 4, 5)
    wide = F.gelu(F.conv2d(x, module.widen.weight, module.widen.bias))
    filtered = torch.cat(
        [F.conv2d(wide[:, c : c + 1], module.filter.weight[c : c + 1], padding=1) for c in range(6)], dim=1
    )
    assert module.filter.bias is not None
    inner = F.gelu(wide + filtered + module.filter.bias[:, None, None])
    assert_close(module(x), F.conv2d(inner, module.narrow.weight, module.narrow.bias))


@torch.no_grad()
def test_a_layer_adds_both_parts_and_fusion_mixes_first() -> None:
    fusion = lively(CmtFusion(8, 2, reduction=2, cells=(2, 2)))
    x = seeded(2, 16, 3, 4)
    mixed, layer = fusion.joint(x), fusion.layer
    assert isinstance(layer, CmtLayer)
    y = mixed + layer.attn(layer.norm1(mixed.movedim(1, -1))).movedim(-1, 1)
    y = y + layer.ffn(layer.norm2(y.movedim(1, -1)).movedim(-1, 1))
    assert_close(fusion(x), y)


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(CmtFusion(8, 2, reduction=2, cells=(2, 2)))
    assert_rows_are_independent(module, seeded(3, 16, 3, 5))
    assert_gradients_are_finite(module, module, seeded(2, 16, 3, 5))
