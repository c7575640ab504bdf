"""The dual block: equal to Florence-2's in transformers, on maps that no window fills."""

import pytest
import torch
from torch import Tensor, nn
from transformers import Florence2VisionConfig
from transformers.models.florence2.modeling_florence2 import Florence2VisionBlock

from perception.attention.channel import ChannelAttention
from perception.attention.droppath import DropPath
from perception.attention.dual import AttentionHalf, DualBlock
from perception.attention.window import WindowAttention
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def florence() -> nn.Module:
    config = Florence2VisionConfig(embed_dim=[12], num_heads=[3], num_groups=[2], depths=[1], window_size=3)
    config._attn_implementation = "eager"
    block: nn.Module = Florence2VisionBlock(config, 0, spatial_drop_path_rate=0.0, channel_drop_path_rate=0.0)
    return lively(block)


def as_ours(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    named = {name.replace("window_attn", "attn").replace("channel_attn", "attn"): one for name, one in weights.items()}
    assert len(named) == len(weights)
    return named


@pytest.mark.parametrize("sizes", [(6, 6), (7, 5), (1, 1)])
@torch.no_grad()
def test_equals_the_block_of_florence_2(sizes: tuple[int, int]) -> None:
    theirs, ours = florence(), DualBlock(12, 3, 2, (3, 3)).eval()
    ours.load_state_dict(as_ours(theirs.state_dict()))
    x = seeded(2, 12, *sizes)
    assert_close(ours(x), theirs(x))


@torch.no_grad()
def test_a_half_alone_is_a_single_block_of_either_kind() -> None:
    x = seeded(1, 8, 5, 5)
    window, channel = WindowAttention(8, 2, (2, 2)), ChannelAttention(8, 2)
    halves = [lively(AttentionHalf(8, attention, mlp_ratio=2.0)) for attention in (window, channel)]
    dual = DualBlock(8, 2, 2, (2, 2), mlp_ratio=2.0).eval()
    dual.spatial_block.load_state_dict(halves[0].state_dict())
    dual.channel_block.load_state_dict(halves[1].state_dict())
    assert_close(dual(x), halves[1](halves[0](x)))


@torch.no_grad()
def test_memory_layout_changes_nothing() -> None:
    module = lively(DualBlock(8, 2, 2, (2, 2)))
    x = seeded(2, 8, 5, 3)
    assert_close(module(x.contiguous(memory_format=torch.channels_last)), module(x))


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(DualBlock(8, 2, 2, (2, 2)))
    assert_rows_are_independent(module, seeded(3, 8, 3, 5))
    assert_gradients_are_finite(module, module, seeded(2, 8, 3, 5))


def test_a_dropped_path_is_whole_rows_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.25)
    x = torch.ones(4000, 2, 3)
    rows = drop(x).flatten(1)
    assert rows.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (rows == rows[:, :1]).all()
    assert rows.mean().item() == pytest.approx(1, abs=0.05)
    assert drop.eval()(x) is x
