"""The causal dual block: any split equals the whole, nothing sees what comes later, and rows restart by themselves."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.causalchannel import CausalChannelAttention
from perception.attention.causaldual import CausalDualBlock, CausalHalf
from perception.attention.dual import DualBlock
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)


def block(frames: int = 3, decay: float = 0.9) -> CausalDualBlock:
    return lively(CausalDualBlock(8, 2, 2, (2, 2), frames=frames, decay=decay, mlp_ratio=2.0))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 3), st.sampled_from([1.0, 0.8]))
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int], frames: int, decay: float) -> None:
    module = block(frames, decay)
    x = seeded(2, sum(cuts), 8, 3, 1)
    state, pieces = module.start(x), []
    for piece in x.split(cuts, dim=1):
        y, state = module.step(piece, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, dim=1), module(x))


@torch.no_grad()
def test_the_first_frame_equals_a_dual_block_of_space() -> None:
    """Of one frame alone, the middle of each kernel's last slice is a plain convolution, and all scores are its own."""
    module, plain = block(), DualBlock(8, 2, 2, (2, 2), mlp_ratio=2.0).eval()
    weights = dict(module.state_dict())
    for half in ("spatial_block", "channel_block"):
        for conv in ("conv1", "conv2"):
            weights[f"{half}.{conv}.weight"] = weights[f"{half}.{conv}.weight"][:, :, -1]
    weights.pop("channel_block.attn.sharpness").fill_(15**0.5)  # of 15 positions
    plain.load_state_dict(weights)
    x = seeded(2, 1, 8, 3, 5)
    assert_close(module(x)[:, 0], plain(x[:, 0]))


@torch.no_grad()
def test_no_frame_sees_a_later_one() -> None:
    module, x = block(), seeded(1, 6, 8, 3, 3)
    changed = x.clone()
    changed[:, 4:] += 1
    assert torch.equal(module(changed)[:, :4], module(x)[:, :4])
    assert not torch.isclose(module(changed)[:, 4:], module(x)[:, 4:]).all()


@torch.no_grad()
def test_the_state_does_not_grow() -> None:
    module, x = block(), seeded(1, 9, 8, 3, 3)

    def sizes(state: tuple[object, ...]) -> list[object]:
        return [
            part.shape if isinstance(part, Tensor) else sizes(part)
            for part in state
            if isinstance(part, tuple | Tensor)
        ]

    first = module.step(x[:, :1], module.start(x))[1]
    assert sizes(module.step(x, first)[1]) == sizes(module.start(x))


def test_rows_are_independent_and_gradients_finite() -> None:
    module = block()
    assert_rows_are_independent(module, seeded(3, 4, 8, 3, 3))
    assert_gradients_are_finite(module, module, seeded(2, 4, 8, 3, 3))
    assert_reads_nothing_back(
        module, lambda x: module.step(x, module.step(x, module.start(x))[1])[0], seeded(2, 3, 8, 3, 3)
    )
    assert_gradients_are_finite(
        single := lively(CausalHalf(8, CausalChannelAttention(8, 2))), single, seeded(2, 3, 8, 2, 2)
    )
