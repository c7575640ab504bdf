"""Which sense words are about, and which of the things perceived."""

from __future__ import annotations

import pytest

from reasoning.topics import find_topic, residue


@pytest.mark.parametrize(
    ("text", "nth"),
    [
        ("the first movement", 1),
        ("when did somebody last speak", -1),
        ("which words were spoken last?", -1),
        ("how long did the movement last?", 0),
        ("how long did the last movement last?", -1),
        ("did it last longer than the tone", 0),
        ("the second time something moved", 2),
        ("at which second did it move", 0),
        ("the last but nothing", -1),
        ("the 3rd beep", 3),
        ("the next sound", 1),
    ],
)
def test_ordinals_are_told_from_verbs_and_units(text: str, nth: int) -> None:
    assert find_topic(text).nth == nth


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("movement on the left", "left"),
        ("in the lower part of the picture something moved", "bottom"),
        ("did anything move on the left or on the right", ""),
        ("anything on the right side?", "right"),
    ],
)
def test_sides_of_the_picture(text: str, side: str) -> None:
    topic = find_topic(text)
    assert (topic.about, topic.side) == ("motion", side)


@pytest.mark.parametrize(("text", "hz"), [("a 440 hz tone", 440), ("a tone of 1.5 khz", 1500), ("a tone", 0)])
def test_pitch(text: str, hz: float) -> None:
    assert find_topic(text).pitch_hz == hz


@pytest.mark.parametrize(
    "text",
    [
        "was it quiet",
        "did nothing move",
        "was nobody talking",
        "without any sound",
        "was the road still",
        "no movement",
    ],
)
def test_absence(text: str) -> None:
    assert find_topic(text).is_absence


@pytest.mark.parametrize(
    "text", ["is it still moving", "didn't anything move", "did anybody speak", "was there a tone"]
)
def test_presence(text: str) -> None:
    assert not find_topic(text).is_absence


@pytest.mark.parametrize("text", ["was there a quiet moment", "any pause?", "did the speaker pause"])
def test_some_quiet_is_told_from_quiet_all_along(text: str) -> None:
    assert find_topic(text).is_moment


@pytest.mark.parametrize(
    ("text", "is_thing", "is_rare"),
    [
        ("did something move", False, False),
        ("did a car pass", True, False),
        ("did somebody walk in", True, False),
        ("did a truck pass", True, True),
        ("what moved", True, False),
        ("did it move", False, False),
    ],
)
def test_things_that_move(text: str, is_thing: bool, is_rare: bool) -> None:
    topic = find_topic(text)
    assert (topic.has_thing, topic.has_rare_thing) == (is_thing, is_rare)


def test_the_longest_and_the_loudest() -> None:
    assert find_topic("the longest movement").extreme == "longest"
    assert find_topic("the loudest sound").extreme == "strongest"


def test_small_words_leave_no_residue() -> None:
    assert residue("what was going on there in the first part of the video") == ""
    assert residue("what is the capital of france") == "capital france"
