"""The video encoder: Florence-2's tokens, any split equals the whole clip, and what is no frame is refused."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.causaldual import CausalDualBlock
from perception.attention.rollout import mean_row
from perception.vision.davit import Davit
from perception.vision.encoder import CloserLook, VideoEncoder, VideoState, yard_encoder
from perception.vision.pixels import IMAGENET_DEVIATION, IMAGENET_MEAN
from perception.vision.weights import load_davit
from tests.attention_checks import assert_close, assert_reads_nothing_back, lively, seeded
from tests.davits import SHAPE, florence, save


def frames(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def encoder(*, size_px: tuple[int, int] | None = None) -> VideoEncoder:
    time = CausalDualBlock(24, 4, 3, (3, 3), frames=2, decay=0.9)
    return lively(VideoEncoder(Davit(SHAPE), size_px=size_px, time=time, look=CloserLook(24, 4)))


@torch.no_grad()
def test_tokens_are_florence_2s(tmp_path: Path) -> None:
    theirs = florence()
    module = VideoEncoder(load_davit(save(tmp_path, theirs.state_dict()), SHAPE))
    clip = frames(2, 3, 34, 50, 3)
    tokens, state = module.step(clip, module.start())
    assert state == VideoState()
    pixels = (clip.flatten(0, 1).permute(0, 3, 1, 2) / 255 - column(IMAGENET_MEAN)) / column(IMAGENET_DEVIATION)
    expected = theirs(pixels).last_hidden_state.flatten(2).transpose(1, 2)
    assert_close(tokens, expected.unflatten(0, (2, 3)))


def column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values)[:, None, None]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans())
@settings(max_examples=25)
@torch.no_grad()
def test_steps_equal_the_whole_clip(cuts: list[int], has_size: bool) -> None:
    module = encoder(size_px=(24, 32) if has_size else None)
    clip = frames(2, sum(cuts), 20, 31, 3)
    state, pieces = module.start(), []
    for piece in clip.split(cuts, dim=1):
        tokens, state = module.step(piece, state)
        pieces.append(tokens)
    assert_close(torch.cat(pieces, dim=1), module(clip))


@torch.no_grad()
def test_streams_of_a_batch_do_not_know_of_each_other() -> None:
    module, clip = encoder(), frames(3, 4, 20, 31, 3)
    together = module(clip)
    for row in range(3):
        assert_close(together[row : row + 1], module(clip[row : row + 1]))


@torch.no_grad()
def test_one_stream_restarts_alone() -> None:
    module, clip = encoder(), frames(2, 4, 20, 31, 3)
    before, state = module.step(clip[:, :2], module.start())
    after, _ = module.step(clip[:, 2:], module.restart(state, torch.tensor([True, False])))
    assert_close(after[0], module(clip[:1, 2:])[0])
    assert_close(after[1], module(clip)[1, 2:])
    assert before.shape == after.shape
    assert module.restart(module.start(), torch.tensor([True])) == VideoState()


@torch.no_grad()
def test_a_size_that_changes_in_mid_stream_starts_anew_where_frames_are_taken_as_they_come() -> None:
    module, first, then = encoder(), frames(1, 2, 20, 31, 3), frames(1, 2, 40, 31, 3)
    _, state = module.step(first, module.start())
    tokens, state = module.step(then, state)
    assert tokens.shape == (1, 2, 6, 24)
    assert_close(tokens, module(then))
    again, _ = module.step(then, state)
    assert not torch.isclose(again, tokens).all()  # it remembers again


@torch.no_grad()
def test_a_size_that_changes_in_mid_stream_forgets_nothing_where_frames_are_resized() -> None:
    module, first, then = encoder(size_px=(24, 32)), frames(1, 2, 20, 31, 3), frames(1, 2, 48, 64, 3)
    _, state = module.step(first, module.start())
    tokens, _ = module.step(then, state)
    assert tokens.shape == (1, 2, 4, 24)
    assert not torch.isclose(tokens, module(then)).all()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (torch.zeros(1, 1, 20, 31, 3), "not float32"),
        (torch.full((1, 1, 20, 31, 3), torch.nan), "not float32"),
        (torch.zeros(1, 20, 31, 3, dtype=torch.uint8), r"streams, times, height, width, 3\), not \(1, 20, 31, 3\)"),
        (torch.zeros(1, 1, 1, 1, 3, dtype=torch.uint8), "1 x 1 pixels shows nothing"),
        (torch.zeros(1, 1, 3, 20, 31, dtype=torch.uint8), r"height, width, 3\), not"),
    ],
)
def test_what_is_no_frame_is_refused(wrong: Tensor, why: str) -> None:
    module = encoder()
    with pytest.raises(ValueError, match=why):
        module.step(wrong, module.start())


@torch.no_grad()
def test_the_closer_look_changes_the_tokens_that_most_was_drawn_from_and_no_others() -> None:
    module, x = lively(CloserLook(24, 4, share=0.25)), seeded(2, 12, 24)
    seen, q, k = module.all.look(x)
    best = mean_row([(q, k)]).topk(3).indices
    closer = module.best.block(seen)  # as if every token asked
    expected = seen.clone()
    for row in range(2):
        expected[row, best[row]] = closer[row, best[row]]
    assert_close(module(x), expected)


def test_the_yards_encoder_is_small_and_learns_in_every_part() -> None:
    module = yard_encoder()
    assert sum(one.numel() for one in module.parameters()) < 1_000_000
    tokens = module(frames(1, 2, 60, 80, 3))
    assert tokens.shape == (1, 2, 80, 96)
    tokens.square().mean().backward()
    silent = [name for name, one in module.named_parameters() if one.grad is None or not one.grad.isfinite().all()]
    assert silent == []


@torch.no_grad()
def test_bf16_stays_near_fp32() -> None:
    module, clip = encoder(), frames(1, 3, 20, 31, 3)
    expected = module(clip)
    found = module.to(torch.bfloat16)(clip)
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().mean() < 0.1 * expected.abs().mean()


@torch.no_grad()
def test_a_step_reads_nothing_back_so_that_a_cuda_graph_can_hold_it() -> None:
    module = encoder(size_px=(24, 32))
    assert_reads_nothing_back(module, lambda clip: module.step(clip, module.start())[0], frames(1, 2, 20, 31, 3))
