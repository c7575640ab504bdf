"""Channel group attention against loops over groups and channels, in both scales and in DaViT's own order."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from perception.attention.channel import ChannelAttention, from_davit_rows
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow(module: ChannelAttention, x: Tensor) -> Tensor:
    """x (N, C) -> (N, C): channel i of a group is a mixture of the group's channels."""
    count, width = x.shape
    size = width // module.groups
    q, k, v = (x @ module.qkv.weight.T + module.qkv.bias).split(width, dim=1)
    scale = (count if module.scale == "positions" else size) ** -0.5
    out = torch.empty_like(x)
    for group in range(module.groups):
        channels = range(group * size, (group + 1) * size)
        for i in channels:
            scores = torch.stack([(q[:, i] * k[:, j]).sum() * scale for j in channels])
            shares = torch.softmax(scores, dim=0)
            out[:, i] = sum(shares[place] * v[:, j] for place, j in enumerate(channels))
    return out @ module.proj.weight.T + module.proj.bias


@pytest.mark.parametrize("scale", ["positions", "channels"])
@torch.no_grad()
def test_equals_channel_by_channel(scale: Literal["positions", "channels"]) -> None:
    module = lively(ChannelAttention(12, 3, scale))
    x = seeded(2, 5, 3, 12)
    expected = torch.stack([slow(module, row.reshape(15, 12)) for row in x]).reshape(x.shape)
    assert_close(module(x), expected)


@torch.no_grad()
def test_weights_of_davits_own_code_fit_after_a_turn_of_their_rows() -> None:
    module = lively(ChannelAttention(12, 3, "channels"))
    weight, bias = seeded(36, 12, seed=1), seeded(36, seed=2)
    x = seeded(1, 9, 12)
    rows = (x[0] @ weight.T + bias).reshape(9, 3, 3, 4)  # (N, qkv, G, C_g), as DaViT reads them
    q, k, v = rows.permute(1, 2, 0, 3)
    shares = torch.softmax(torch.einsum("gni,gnj->gij", k * 4**-0.5, v), dim=-1)
    mixed = torch.einsum("gij,gnj->ngi", shares, q).reshape(9, 12)
    module.qkv.weight.copy_(from_davit_rows(weight))
    module.qkv.bias.copy_(from_davit_rows(bias))
    assert_close(module(x)[0], mixed @ module.proj.weight.T + module.proj.bias)


@torch.no_grad()
def test_twice_the_same_map_mixes_as_once_when_scaled_by_positions_squared() -> None:
    """The scores grow with the root of the number of positions, so a quarter of the queries' size undoes 16 copies."""
    module = lively(ChannelAttention(8, 2))
    x = seeded(1, 3, 3, 8)
    once = module(x)
    module.qkv.weight[:8] /= 4
    module.qkv.bias[:8] /= 4
    assert_close(module(x.repeat(1, 4, 4, 1))[:, :3, :3], once)


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(ChannelAttention(8, 2))
    assert_rows_are_independent(module, seeded(3, 3, 5, 8))
    assert_gradients_are_finite(module, module, seeded(2, 3, 5, 8))
