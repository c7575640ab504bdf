"""The short text of a record, and when it deserves a vector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory.describe import describe, has_own_vector, list_words, place
from runtime.messages import Box
from tests.memory_records import frame, gap, motion, tone, utterance


def test_an_utterance_is_its_words() -> None:
    assert describe(utterance(0, 0, 1, " go forward ")) == "go forward"


def test_speech_without_words_says_so_and_gets_no_vector() -> None:
    silent = utterance(0, 0, 1, "  ")
    assert describe(silent) == "speech without recognised words"
    assert not has_own_vector(silent)


def test_sounds_name_pitch_or_loudness() -> None:
    beep = tone(0, 0, 1)
    assert describe(beep) == "tone at 440 Hz"
    assert describe(replace(beep, label="noise", pitch_hz=0.0)) == "loud noise"
    assert describe(replace(beep, label="noise", pitch_hz=0.0, rise_db=8.0)) == "noise"


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0.0, 0.4, 0.2, 0.6), "on the left"),
        ((0.8, 0.0, 1.0, 0.2), "at the top right"),
        ((0.4, 0.4, 0.6, 0.6), "in the middle"),
        ((0.4, 0.9, 0.6, 1.0), "at the bottom"),
    ],
)
def test_a_box_has_a_place(box: Box, words: str) -> None:
    assert place(box) == words


def test_movement_names_each_place_once_largest_first() -> None:
    left, right = (0.0, 0.4, 0.2, 0.6), (0.8, 0.4, 1.0, 0.6)
    moved = replace(motion(0, 0, 1), boxes=(right, left, right))
    assert describe(moved) == "movement on the right and on the left"
    assert describe(replace(moved, area=0.9)) == "movement across the whole picture"
    assert describe(replace(moved, boxes=())) == "movement"


def test_pictures_name_cut_and_light() -> None:
    assert describe(frame(0, 0)) == "picture"
    assert describe(replace(frame(0, 0), luma=0.01)) == "dark picture"
    assert describe(frame(0, 0, is_cut=True)) == "scene change"
    assert describe(replace(frame(0, 0, is_cut=True), luma=0.99)) == "scene change to a bright picture"


def test_a_gap_says_how_long_and_why() -> None:
    assert describe(gap(0, 1, 3.5)) == "nothing received for 2.5 s: the network was slow"


def test_only_speech_and_sound_have_vectors() -> None:
    assert has_own_vector(utterance(0, 0, 1, "hello"))
    assert has_own_vector(tone(0, 0, 1))
    assert not any(has_own_vector(record) for record in (motion(0, 0, 1), frame(0, 0), gap(0, 0, 1)))


def test_lists_read_as_english() -> None:
    assert [list_words(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
