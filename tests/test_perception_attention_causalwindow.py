"""Causal window attention against a loop over every token and what it may see, whole and in pieces."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.causalwindow import CausalWindowAttention
from perception.attention.window import WindowAttention
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def whole(module: CausalWindowAttention, x: Tensor) -> Tensor:
    return module.step(x, module.start(x))[0]


def slow(module: CausalWindowAttention, x: Tensor) -> Tensor:
    """x (T, H, W, C) of a size that windows fill -> the same shape, token by token and head by head."""
    count, height, width, channels = x.shape
    (tall, wide), depth = module.window, channels // module.heads
    q, k, v = (x @ module.qkv.weight.T + module.qkv.bias).split(channels, dim=-1)
    out = torch.empty_like(x)
    for t in range(count):
        for i in range(height):
            for j in range(width):
                times = slice(max(0, t - module.frames + 1), t + 1)
                rows, columns = slice(i - i % tall, i - i % tall + tall), slice(j - j % wide, j - j % wide + wide)
                keys, values = k[times, rows, columns].reshape(-1, channels), v[times, rows, columns]
                for head in range(module.heads):
                    part = slice(head * depth, (head + 1) * depth)
                    shares = torch.softmax(keys[:, part] @ q[t, i, j, part] / depth**0.5, dim=0)
                    out[t, i, j, part] = shares @ values.reshape(-1, channels)[:, part]
    return out @ module.proj.weight.T + module.proj.bias


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
@torch.no_grad()
def test_equals_every_token_by_itself(frames: int) -> None:
    module = lively(CausalWindowAttention(4, 2, (2, 1), frames))
    x = seeded(1, 4, 4, 2, 4)
    assert_close(whole(module, x)[0], slow(module, x[0]))


@torch.no_grad()
def test_one_frame_is_plain_window_attention_also_where_windows_stick_out() -> None:
    module, plain = CausalWindowAttention(8, 2, (2, 2)), lively(WindowAttention(8, 2, (2, 2)))
    module.load_state_dict(plain.state_dict())
    x = seeded(2, 3, 3, 5, 8)
    assert_close(whole(module, x).flatten(0, 1), plain(x.flatten(0, 1)))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 4))
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int], frames: int) -> None:
    module = lively(CausalWindowAttention(4, 2, (2, 2), frames))
    x = seeded(1, sum(cuts), 3, 3, 4)
    state, pieces = module.start(x), []
    for piece in x.split(cuts, dim=1):
        y, state = module.step(piece, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), whole(module, x))
    assert state.keys.shape == module.start(x).keys.shape
    assert state.seen.tolist() == [min(sum(cuts), frames - 1)]


@torch.no_grad()
def test_no_frame_sees_a_later_one_or_one_that_is_too_old() -> None:
    module = lively(CausalWindowAttention(4, 2, (2, 2), 2))
    x = seeded(1, 5, 2, 2, 4)
    changed = x.clone()
    changed[:, 2] += 1
    same = (whole(module, changed) == whole(module, x)).flatten(2).all(dim=-1)[0]
    assert same.tolist() == [True, True, False, False, True]


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(CausalWindowAttention(4, 2, (2, 2), 3))
    assert_rows_are_independent(lambda x: whole(module, x), seeded(3, 4, 3, 3, 4))
    assert_gradients_are_finite(module, lambda x: whole(module, x), seeded(2, 4, 3, 3, 4))
