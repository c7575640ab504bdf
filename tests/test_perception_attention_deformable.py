"""Deformable cross-attention against a loop over queries, heads and sampled places with bilinear weights by hand."""

import math

import pytest
import torch
from torch import Tensor

from perception.attention.deformable import DeformableCrossAttention, cell_places
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)


def bilinear(image: Tensor, x: float, y: float) -> Tensor:
    """image (D, H, W), the place in cells from the middle of the first one -> (D,); zero beyond the border."""
    total = torch.zeros(len(image))
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= column < image.shape[2] and 0 <= row < image.shape[1]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[:, row, column]
    return total


def slow(module: DeformableCrossAttention, query: Tensor, place: Tensor, values: Tensor) -> Tensor:
    """query (C,), place (2,), values (C, H, W) -> (C,)."""
    depth = len(query) // module.heads
    height, width = values.shape[1:]
    mapped = torch.einsum("oc,chw->ohw", module.to_values.weight, values) + module.to_values.bias[:, None, None]
    offsets = (module.to_offsets.weight @ query + module.to_offsets.bias).reshape(module.heads, module.points, 2)
    scores = (module.to_weights.weight @ query + module.to_weights.bias).reshape(module.heads, module.points)
    heads = []
    for head in range(module.heads):
        seen = torch.zeros(depth)
        for point, share in enumerate(torch.softmax(scores[head], dim=0)):
            x = place[0] * width - 0.5 + offsets[head, point, 0]
            y = place[1] * height - 0.5 + offsets[head, point, 1]
            seen += share * bilinear(mapped[head * depth : (head + 1) * depth], x.item(), y.item())
        heads.append(seen)
    return module.proj.weight @ torch.cat(heads) + module.proj.bias


@torch.no_grad()
def test_equals_place_by_place_also_beyond_the_border() -> None:
    module = lively(DeformableCrossAttention(8, 2, 3))
    queries, places, values = seeded(2, 6, 8), seeded(2, 6, 2, seed=1).sigmoid(), seeded(2, 8, 3, 5)
    places[0, 0], places[1, 1] = torch.tensor([0.0, 1.0]), torch.tensor([1.4, -0.3])
    expected = [
        [slow(module, *one, image) for one in zip(rows, where, strict=True)]
        for rows, where, image in zip(queries, places, values, strict=True)
    ]
    assert_close(module(queries, places, values), torch.stack([torch.stack(row) for row in expected]))


@torch.no_grad()
def test_a_fresh_head_looks_one_cell_further_at_every_point() -> None:
    module = DeformableCrossAttention(8, 4, 2)
    offsets = module.to_offsets(seeded(1, 8)).reshape(4, 2, 2)
    assert_close(offsets[:, 0], torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]]))
    assert_close(offsets[:, 1], 2 * offsets[:, 0])


@torch.no_grad()
def test_a_query_at_a_cell_without_offsets_reads_that_cell() -> None:
    module = DeformableCrossAttention(4, 2, 1)
    module.to_offsets.bias.zero_()
    for linear in (module.to_values, module.proj):
        linear.weight.copy_(torch.eye(4))
        linear.bias.zero_()
    values, places = seeded(1, 4, 3, 5), cell_places(3, 5)
    assert places[1].tolist() == pytest.approx([0.3, 1 / 6])
    assert_close(module(torch.zeros(1, 15, 4), places[None], values), values.flatten(2).transpose(1, 2))


@torch.no_grad()
def test_places_keep_their_precision_in_bfloat16() -> None:
    module = DeformableCrossAttention(4, 2, 2).bfloat16()
    ramp = torch.arange(200.0).expand(1, 4, 1, 200) / 200
    for linear in (module.to_values, module.proj):
        linear.weight.copy_(torch.eye(4))
        linear.bias.zero_()
    module.to_offsets.bias.zero_()
    queries, places = torch.zeros(1, 200, 4, dtype=torch.bfloat16), cell_places(1, 200)[None]
    out = module(queries, places, ramp.bfloat16())
    assert torch.equal(out[0, :, 0], ramp[0, 0, 0].bfloat16())


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(DeformableCrossAttention(8, 2, 3))
    inputs = seeded(3, 4, 8), seeded(3, 4, 2).sigmoid(), seeded(3, 8, 3, 5)
    assert_rows_are_independent(module, *inputs)
    assert_gradients_are_finite(module, module, *inputs)
    assert_reads_nothing_back(module, module, *inputs)
