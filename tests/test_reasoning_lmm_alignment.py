"""What was looked at becomes frames and boxes, with sinks left out."""

from __future__ import annotations

import pytest
import torch

from reasoning.lmm.alignment import Alignment, focus
from reasoning.lmm.cache import Notes
from reasoning.lmm.grounding import Grounding, Look

WORDS, PLACES, FRAMES = 4, 12, 3  # a grid of 3 rows and 4 columns
COUNT = WORDS + PLACES * FRAMES
GRIDS = dict.fromkeys(range(FRAMES), (3, 4))


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
        shown = weights if layer == 1 else empty
        grounding.looks[layer] = Look(visual_mass=zero, divergence=zero, weights=shown, reliance=zero)
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
    first, second, third = alignment.frames(GRIDS)
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
    assert alignment.frames(GRIDS)[0].share > 0.95


def test_sinks_are_no_evidence() -> None:
    weights = torch.zeros(1, COUNT)
    weights[0, at(0, 0)], weights[0, at(2, 7)] = 0.8, 0.1
    known = notes()
    known.sinks[at(0, 0)] = True
    alignment = Alignment(known)
    alignment.add(looking_at(weights))
    assert alignment.frames(GRIDS)[0].block == 2


def test_chosen_heads_alone_are_followed_and_words_after_the_question_are_ignored() -> None:
    weights = torch.zeros(2, COUNT + 5)
    weights[0, at(0, 1)] = weights[1, at(1, 1)] = 0.5
    weights[:, COUNT:] = 0.1
    alignment = Alignment(notes())
    alignment.add(looking_at(weights, {1: torch.tensor([False, True])}))
    assert alignment.frames(GRIDS)[0].block == 1


def test_who_looked_at_nothing_has_no_evidence() -> None:
    assert Alignment(notes()).frames(GRIDS) == []


def test_a_quoted_line_that_was_looked_at_has_its_share() -> None:
    weights = torch.zeros(1, COUNT + 6)
    weights[0, at(1, 5)] = 0.1
    weights[0, COUNT + 1 : COUNT + 3] = 0.15
    weights[0, COUNT + 5] = 0.6  # a word of the question itself
    alignment = Alignment(notes(), [range(1, 3), range(3, 5)])
    alignment.add(looking_at(weights))
    assert alignment.lines() == pytest.approx([0.75, 0.0])
    assert alignment.frames(GRIDS)[0].share == pytest.approx(0.25)


def test_words_of_a_frame_have_no_place_in_its_box() -> None:
    known = notes()
    known.block[WORDS - 1] = 0  # the frame's time, written before it
    weights = torch.zeros(1, COUNT)
    weights[0, WORDS - 1], weights[0, at(0, 11)] = 0.9, 0.2
    alignment = Alignment(known)
    alignment.add(looking_at(weights))
    assert alignment.frames(GRIDS)[0].box == pytest.approx((0.75, 2 / 3, 1.0, 1.0))


def test_focus_is_what_the_words_that_are_read_had_looked_at() -> None:
    generator = torch.Generator().manual_seed(1)
    read, words = torch.rand(4, generator=generator), torch.rand(4, 11, generator=generator)
    expected = [sum(float(read[word] * words[word, key]) for word in range(4)) for key in range(11)]
    torch.testing.assert_close(focus(read, words, 13), torch.tensor([*expected, 0.0, 0.0]))
    torch.testing.assert_close(focus(read, words, 7), torch.tensor(expected[:7]))


def test_the_map_is_the_sum_over_tokens_of_direct_and_focused_looks() -> None:
    generator = torch.Generator().manual_seed(2)
    rows = torch.rand(3, COUNT + 3, generator=generator)
    alignment, expected = Alignment(notes()), torch.zeros(COUNT)
    for _ in range(4):
        weights = torch.rand(2, COUNT + 3, generator=generator)
        grounding = looking_at(weights)
        grounding.words[1] = rows
        alignment.add(grounding)
        for head in weights:
            direct, read = head[:COUNT] * notes().visual, head[COUNT:]
            sharpness = max(direct.max(), read.max())
            expected += sharpness * (direct + (read @ rows)[:COUNT] * notes().visual)
    torch.testing.assert_close(alignment.map, expected)


def test_what_only_the_questions_words_looked_at_is_evidence_too() -> None:
    weights = torch.zeros(1, COUNT + 2)
    weights[0, COUNT + 1] = 1.0  # the answer's row reads the second word of the question alone
    grounding = looking_at(weights)
    rows = torch.zeros(2, COUNT + 2)
    rows[1, at(2, 3)] = 0.5
    grounding.words[1] = rows
    alignment = Alignment(notes())
    alignment.add(grounding)
    assert alignment.frames(GRIDS)[0].block == 2
