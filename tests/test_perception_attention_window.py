"""Window attention against loops over windows and heads, on maps and lines that the windows do not fill."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.window import WindowAttention, divide, join
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow_window(module: WindowAttention, tokens: Tensor) -> Tensor:
    """tokens (P, C) of one window -> (P, C), one head after the other."""
    width, heads = tokens.shape[1], module.heads
    depth = width // heads
    rows = tokens @ module.qkv.weight.T + module.qkv.bias
    out = torch.empty_like(tokens)
    for head in range(heads):
        q, k, v = (rows[:, part * width + head * depth :][:, :depth] for part in range(3))
        out[:, head * depth : (head + 1) * depth] = torch.softmax(q @ k.T / depth**0.5, dim=1) @ v
    return out @ module.proj.weight.T + module.proj.bias


def slow_map(module: WindowAttention, x: Tensor) -> Tensor:
    """x (B, H, W, C) -> the same, window by window."""
    (batch, height, width, channels), (tall, wide) = x.shape, module.window
    out = torch.empty_like(x)
    for row in range(batch):
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                tile = x.new_zeros(tall, wide, channels)
                part = x[row, top : top + tall, left : left + wide]
                tile[: part.shape[0], : part.shape[1]] = part
                seen = slow_window(module, tile.reshape(-1, channels)).reshape(tall, wide, channels)
                out[row, top : top + tall, left : left + wide] = seen[: part.shape[0], : part.shape[1]]
    return out


@pytest.mark.parametrize("sizes", [(4, 6), (5, 7), (1, 2)])
@torch.no_grad()
def test_a_map_equals_its_windows_one_by_one(sizes: tuple[int, int]) -> None:
    module = lively(WindowAttention(8, 2, (2, 3)))
    x = seeded(2, *sizes, 8)
    assert_close(module(x), slow_map(module, x))


@torch.no_grad()
def test_a_line_is_divided_too() -> None:
    module = lively(WindowAttention(8, 2, (4,)))
    x = seeded(2, 7, 8)
    assert_close(module(x)[1, :4], slow_window(module, x[1, :4]))
    assert_close(module(x)[1, 4:], slow_window(module, torch.cat([x[1, 4:], torch.zeros(1, 8)]))[:3])


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=3))
def test_what_was_divided_joins_again(axes: list[tuple[int, int]]) -> None:
    sizes, window = [size for size, _ in axes], [step for _, step in axes]
    x = seeded(2, *sizes, 3)
    assert torch.equal(join(divide(x, window), window, sizes), x)


@torch.no_grad()
def test_a_window_does_not_know_of_the_next() -> None:
    module = lively(WindowAttention(8, 2, (2, 2)))
    x = seeded(1, 4, 4, 8)
    changed = x.clone()
    changed[:, :2, :2] += 1
    same = (module(changed) == module(x)).all(dim=-1)[0]
    assert same.sum() == 12
    assert not same[:2, :2].any()


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(WindowAttention(8, 2, (2, 3)))
    assert_rows_are_independent(module, seeded(3, 3, 4, 8))
    assert_gradients_are_finite(module, module, seeded(2, 3, 4, 8))
