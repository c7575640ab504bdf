"""Questions for the order of two events."""

from __future__ import annotations

import pytest

from reasoning.rivals import find_rivals


@pytest.mark.parametrize(
    ("text", "abouts", "wants"),
    [
        ("What was heard first, the tone or the voice?", ("sound", "speech"), "first"),
        ("which came first, the movement or the scene change", ("motion", "scene"), "first"),
        ("did the tone or the voice come first?", ("sound", "speech"), "first"),
        ("did anybody speak or move first", ("speech", "motion"), "first"),
        ("Was the tone before or after the voice?", ("sound", "speech"), "first"),
        ("which came last, the movement or the tone?", ("motion", "sound"), "last"),
    ],
)
def test_two_events_are_found(text: str, abouts: tuple[str, str], wants: str) -> None:
    rivals = find_rivals(text, [])
    assert rivals is not None
    assert rivals.is_known
    assert (tuple(topic.about for topic in rivals.topics), rivals.wants) == (abouts, wants)


@pytest.mark.parametrize(
    "text", ["what came first, the dog or the flickering", "was the truck before or after the rooster"]
)
def test_an_event_that_is_not_understood_is_said_to_be_so(text: str) -> None:
    rivals = find_rivals(text, [])
    assert rivals is not None
    assert not rivals.is_known


@pytest.mark.parametrize(
    "text",
    [
        "did anybody speak or move",
        "was the first movement on the left or on the right",
        "did the first car or person come past",
        "is anything moving right now or not",
        "what was the first thing said",
        "did anything happen before 0:10 or after 0:20",
    ],
)
def test_other_alternatives_are_no_order(text: str) -> None:
    assert find_rivals(text, []) is None
