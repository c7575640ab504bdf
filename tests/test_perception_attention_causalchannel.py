"""Causal channel attention against sums over all that was so far, whole and in pieces, with and without forgetting."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.causalchannel import CausalChannelAttention
from perception.attention.channel import ChannelAttention
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def whole(module: CausalChannelAttention, x: Tensor) -> Tensor:
    return module.step(x, module.start(x))[0]


def slow(module: CausalChannelAttention, x: Tensor) -> Tensor:
    """x (T, N, C) -> (T, N, C): at each frame, the weighted mean over all positions of all frames so far."""
    count, positions, width = x.shape
    size = width // module.groups
    q, k, v = (x @ module.qkv.weight.T + module.qkv.bias).split(width, dim=-1)
    out = torch.empty_like(x)
    for t in range(count):
        for group in range(module.groups):
            part = slice(group * size, (group + 1) * size)
            total, weight = torch.zeros(size, size), 0.0
            for s in range(t + 1):
                for n in range(positions):
                    total += module.decay ** (t - s) * torch.outer(q[s, n, part], k[s, n, part])
                    weight += module.decay ** (t - s)
            shares = torch.softmax(total / weight * module.sharpness[group], dim=1)
            for n in range(positions):
                out[t, n, part] = shares @ v[t, n, part]
    return out @ module.proj.weight.T + module.proj.bias


@pytest.mark.parametrize("decay", [1.0, 0.7])
@torch.no_grad()
def test_equals_all_that_was_so_far(decay: float) -> None:
    module = lively(CausalChannelAttention(6, 2, decay))
    x = seeded(1, 4, 1, 5, 6)
    assert_close(whole(module, x)[0, :, 0], slow(module, x[0, :, 0]))


@torch.no_grad()
def test_the_last_frame_of_a_clip_mixes_as_plain_channel_attention_over_the_clip() -> None:
    module, plain = CausalChannelAttention(8, 2), lively(ChannelAttention(8, 2))
    module.load_state_dict({**plain.state_dict(), "sharpness": torch.full((2,), 45.0**0.5)})
    x = seeded(2, 5, 3, 3, 8)  # 45 positions a clip
    assert_close(whole(module, x)[:, -1], plain(x)[:, -1])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.sampled_from([1.0, 0.9]))
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int], decay: float) -> None:
    module = lively(CausalChannelAttention(6, 2, decay))
    x = seeded(1, sum(cuts), 2, 3, 6)
    state, pieces = module.start(x), []
    for piece in x.split(cuts, dim=1):
        y, state = module.step(piece, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), whole(module, x))
    assert state.mean.shape == (1, 2, 3, 3)


@torch.no_grad()
def test_a_stream_without_end_stays_what_it_is() -> None:
    """What has been the same for ever, in a state that counted more frames than float32 can, is the same again."""
    module = lively(CausalChannelAttention(6, 2))
    x = seeded(1, 1, 2, 3, 6)
    first, state = module.step(x, module.start(x))
    later, state = module.step(x, state._replace(frames=torch.tensor([1e9])))
    assert_close(later, first)
    assert state.frames.isfinite().all()


@torch.no_grad()
def test_the_past_is_kept_in_full_precision_by_a_model_that_has_half_of_it() -> None:
    module = lively(CausalChannelAttention(6, 2)).bfloat16()
    x = seeded(1, 3, 2, 3, 6).bfloat16()
    y, state = module.step(x, module.start(x))
    assert y.dtype == torch.bfloat16
    assert {part.dtype for part in (*state, *module.start(x))} == {torch.float32}


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(CausalChannelAttention(6, 2, 0.9))
    assert_rows_are_independent(lambda x: whole(module, x), seeded(3, 4, 3, 3, 6))
    assert_gradients_are_finite(module, lambda x: whole(module, x), seeded(2, 4, 3, 3, 6))
