"""The causal convolution against the library's three-dimensional one, whole and in pieces."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from perception.attention.causalconv import CausalConv
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


@pytest.mark.parametrize("kernel", [(3, 3, 3), (4, 1, 3), (1, 3, 1)])
@torch.no_grad()
def test_equals_a_convolution_that_is_padded_in_front(kernel: tuple[int, int, int]) -> None:
    conv = lively(CausalConv(4, kernel))
    x = seeded(2, 5, 3, 6, 4)
    padded = F.pad(x.movedim(-1, 1), (kernel[2] // 2,) * 2 + (kernel[1] // 2,) * 2 + (kernel[0] - 1, 0))
    expected = F.conv3d(padded, conv.weight, conv.bias, groups=4).movedim(1, -1)
    assert_close(conv.step(x, conv.start(x))[0], expected)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int]) -> None:
    conv = lively(CausalConv(2))
    x = seeded(1, sum(cuts), 3, 3, 2)
    state, pieces = conv.start(x), []
    for piece in x.split(cuts, dim=1):
        y, state = conv.step(piece, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), conv.step(x, conv.start(x))[0])
    assert state.shape == (1, 2, 3, 3, 2)


def test_rows_are_independent_and_gradients_finite() -> None:
    conv = lively(CausalConv(4))
    assert_rows_are_independent(lambda x, before: conv.step(x, before)[0], seeded(3, 4, 3, 3, 4), seeded(3, 2, 3, 3, 4))
    inputs = seeded(2, 4, 3, 3, 4), seeded(2, 2, 3, 3, 4)
    assert_gradients_are_finite(conv, lambda x, before: conv.step(x, before)[0], *inputs)
