"""What was looked at becomes frames and boxes, with sinks left out."""

from __future__ import annotations

import pytest
import torch

from reasoning.lmm.alignment import Alignment
from reasoning.lmm.cache import Notes
from reasoning.lmm.grounding import Grounding, Look

WORDS, PLACES, FRAMES = 4, 12, 3  # a grid of 3 rows and 4 columns
COUNT = WORDS + PLACES * FRAMES


def notes() -> Notes:
    block = torch.cat((torch.full((WORDS,), -1), torch.arange(FRAMES).repeat_interleave(PLACES)))
    return Notes(
        visual=block >= 0,
        log_size=torch.zeros(COUNT),
        block=block,
        place=torch.cat((torch.full((WORDS,), -1), torch.arange(PLACES).repeat(FRAMES))),
        position=torch.arange(COUNT),
        sinks=torch.zeros(COUNT, 3, dtype=torch.bool),
    )


def looking_at(weights: torch.Tensor, heads: dict[int, torch.Tensor] | None = None) -> Grounding:
    """Return a grounding whose middle layer's heads have these weights (H, N)."""
    grounding = Grounding(visual=notes().visual, layers=3, heads=heads or {})
    empty = torch.zeros_like(weights)
    for layer in range(3):
        zero = torch.zeros(len(weights))
        grounding.looks[layer] = Look(visual_mass=zero, divergence=zero, weights=weights if layer == 1 else empty)
    return grounding


def at(frame: int, place: int) -> int:
    return WORDS + PLACES * frame + place


def test_the_frame_and_the_box_that_were_looked_at_come_first() -> None:
    weights = torch.zeros(2, COUNT)
    weights[0, at(1, 5)] = weights[0, at(1, 6)] = 0.4
    weights[1, at(2, 0)] = 0.1
    weights[:, 0] = 0.5  # words are no evidence
    alignment = Alignment(notes())
    alignment.add(looking_at(weights))
    first, second, third = alignment.frames(columns=4, rows=3)
    assert (first.block, second.block, third.share) == (1, 2, 0.0)
    assert first.share == pytest.approx(0.32 / 0.33)
    assert first.box == pytest.approx((0.25, 1 / 3, 0.75, 2 / 3))
    assert second.box == pytest.approx((0.0, 0.0, 0.25, 1 / 3))


def test_a_head_that_looks_sharply_counts_more_than_one_that_looks_everywhere() -> None:
    weights = torch.zeros(2, COUNT)
    weights[0, at(0, 3)] = 0.9
    weights[1, WORDS:] = 0.9 / (PLACES * FRAMES)
    alignment = Alignment(notes())
    alignment.add(looking_at(weights))
    assert alignment.frames(columns=4, rows=3)[0].share > 0.95


def test_sinks_are_no_evidence() -> None:
    weights = torch.zeros(1, COUNT)
    weights[0, at(0, 0)], weights[0, at(2, 7)] = 0.8, 0.1
    known = notes()
    known.sinks[at(0, 0)] = True
    alignment = Alignment(known)
    alignment.add(looking_at(weights))
    assert [seen.block for seen in alignment.frames(columns=4, rows=3, count=1)] == [2]


def test_chosen_heads_alone_are_followed_and_words_after_the_question_are_ignored() -> None:
    weights = torch.zeros(2, COUNT + 5)
    weights[0, at(0, 1)] = weights[1, at(1, 1)] = 0.5
    weights[:, COUNT:] = 0.1
    alignment = Alignment(notes())
    alignment.add(looking_at(weights, {1: torch.tensor([False, True])}))
    assert [seen.block for seen in alignment.frames(columns=4, rows=3, count=1)] == [1]


def test_who_looked_at_nothing_has_no_evidence() -> None:
    assert Alignment(notes()).frames(columns=4, rows=3) == []
