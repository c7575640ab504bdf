"""Token drop against its rule, place by place; what is kept is a function of the frames alone."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reasoning.lmm.drop import LEARNT, TokenDrop, calibrate


def drifting(frames: int, places: int, pace: float, seed: int = 0) -> list[Tensor]:
    """Return frames whose places turn slowly, each in its own plane and at its own pace."""
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(places, 16, generator=generator) for _ in range(2))
    second -= first * (first * second).sum(-1, keepdim=True) / first.square().sum(-1, keepdim=True)
    first, second = (torch.nn.functional.normalize(one, dim=-1) for one in (first, second))
    paces = pace * torch.rand(places, 1, generator=generator)
    return [torch.cos(paces * t) * first + torch.sin(paces * t) * second for t in range(frames)]


def slow(frames: list[Tensor], threshold: float, refresh: int) -> list[list[bool]]:
    """Drop where the cosine to the last kept token of the place is above the threshold, as the rule reads."""
    kept: dict[int, tuple[list[float], int]] = {}
    decisions = []
    for number, frame in enumerate(frames):
        row = []
        for place, token in enumerate(frame.tolist()):
            if place in kept:
                other, since = kept[place]
                dot = sum(a * b for a, b in zip(token, other, strict=True))
                cosine = dot / (math.hypot(*token) * math.hypot(*other))
                row.append(cosine <= threshold or number - since >= refresh)
            else:
                row.append(True)
            if row[-1]:
                kept[place] = (token, number)
        decisions.append(row)
    return decisions


@given(seed=st.integers(0, 1000), threshold=st.sampled_from([0.5, 0.9, 0.99]), refresh=st.integers(2, 40))
def test_it_equals_the_slow_reference(seed: int, threshold: float, refresh: int) -> None:
    frames = drifting(30, 6, pace=0.3, seed=seed)
    drop = TokenDrop(threshold, refresh)
    assert [drop.step(frame).tolist() for frame in frames] == slow(frames, threshold, refresh)
    assert drop.seen == 180
    assert drop.kept == sum(map(sum, slow(frames, threshold, refresh)))


def test_a_slow_drift_is_kept_now_and_then() -> None:
    """The rule it replaces compares with the frame before, and would keep the first frame only."""
    frames = drifting(200, 4, pace=0.02)
    drop = TokenDrop(0.95, refresh=10_000)
    kept = [int(drop.step(frame).sum()) for frame in frames]
    assert sum(kept[1:]) >= 4
    neighbours = [torch.nn.functional.cosine_similarity(a, b) for a, b in pairwise(frames)]
    assert min(float(one.min()) for one in neighbours) > 0.95


def test_the_first_frame_and_another_size_are_kept_whole() -> None:
    drop = TokenDrop(0.9)
    assert drop.step(torch.ones(4, 8)).all()
    assert not drop.step(torch.ones(4, 8)).any()
    assert drop.step(torch.ones(6, 8)).all()
    assert drop.keep_rate == pytest.approx(10 / 14)


def test_above_one_everything_is_kept() -> None:
    drop = TokenDrop(2.0)
    assert not any(drop.step(torch.ones(4, 8)).logical_not().any() for _ in range(3))
    assert drop.keep_rate == 1.0


@pytest.mark.parametrize("keep_rate", [0.05, 0.2, 0.5, 0.9])
def test_a_calibrated_threshold_keeps_the_wanted_share(keep_rate: float) -> None:
    frames = drifting(80, 40, pace=0.5, seed=3)
    drop = TokenDrop(calibrate(frames, keep_rate, refresh=1000), refresh=1000)
    for frame in frames:
        drop.step(frame)
    assert drop.keep_rate == pytest.approx(keep_rate, abs=0.02)


def test_likeness_is_what_step_decides_by() -> None:
    frames = drifting(10, 5, pace=0.4)
    drop = TokenDrop(0.97, refresh=10_000)
    assert drop.likeness(frames[0]).tolist() == [-1.0] * 5
    for frame in frames:
        cosines = drop.likeness(frame)
        assert torch.equal(drop.step(frame), cosines <= 0.97)


def test_of_a_first_frame_what_stands_out_is_new() -> None:
    tokens = torch.ones(16, 8)
    tokens[11] = torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1])
    assert int(TokenDrop(0.9).novelty(tokens).argmax()) == 11


def test_a_token_that_is_no_number_is_kept() -> None:
    drop = TokenDrop(0.5)
    tokens = torch.ones(4, 8)
    drop.step(tokens)
    tokens[2] = torch.nan
    assert drop.step(tokens).tolist() == [False, False, True, False]


def test_a_threshold_is_learnt_from_the_first_frames() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(32, 16, generator=generator)
    frames = [
        base + 0.5 * torch.rand(32, 1, generator=generator) * torch.randn(32, 16, generator=generator)
        for _ in range(400)
    ]
    drop = TokenDrop(2.0, refresh=1000, keep_rate=0.3)
    kept = [int(drop.step(frame).sum()) for frame in frames]
    assert kept[:LEARNT] == [32] * LEARNT
    assert 0.15 < sum(kept[LEARNT:]) / (32 * len(kept[LEARNT:])) < 0.45
