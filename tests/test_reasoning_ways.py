"""Where movements come from and go to is told by their first and last place, not by any place on the way."""

from __future__ import annotations

import pytest

from reasoning.topics import find_topic
from reasoning.ways import find_way, is_near, name_way
from runtime.messages import Box
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

LEFT, MIDDLE, RIGHT = (0.0, 0.4, 0.2, 0.6), (0.4, 0.4, 0.6, 0.6), (0.8, 0.4, 1.0, 0.6)
CROSSING = (
    hit("motion", 3, 5, box=LEFT),
    hit("motion", 5, 7, box=MIDDLE),
    hit("motion", 7, 9, box=RIGHT),
    hit("motion", 20, 22, box=MIDDLE),
    hit("motion", 22, 24, box=LEFT),
)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("did somebody enter from the left", ("left", "")),
        ("what came in on the right side", ("right", "")),
        ("did anything come from the top", ("top", "")),
        ("did a car appear at the bottom", ("bottom", "")),
        ("did anybody leave to the right", ("", "right")),
        ("when did somebody exit on the left", ("", "left")),
        ("did the last one disappear at the top edge", ("", "top")),
        ("somebody left at the bottom", ("", "bottom")),
        ("did something move from left to right", ("left", "right")),
        ("did it drive from the top to the bottom", ("top", "bottom")),
        ("did anything move on the left", ("", "")),
        ("did something move to the left of the table", ("", "")),
        ("which way did it leave", ("", "")),
    ],
)
def test_where_a_movement_begins_and_ends(text: str, way: tuple[str, str]) -> None:
    assert find_way(text) == way
    topic = find_topic(text)
    assert (topic.about, topic.begins, topic.ends) == ("motion", *way)
    assert not (topic.side and any(way))


@pytest.mark.parametrize(
    ("box", "side", "near"),
    [
        (LEFT, "left", True),
        (LEFT, "right", False),
        ((0.1, 0.4, 0.2, 0.6), "left", True),  # touches no edge: its third decides
        ((0.1, 0.0, 0.3, 0.5), "left", False),  # touches the top alone
        ((0.1, 0.0, 0.3, 0.5), "top", True),
        ((0.0, 0.0, 0.3, 0.5), "left", True),
        (MIDDLE, "middle", True),
        (MIDDLE, "left", False),
    ],
)
def test_near_is_at_the_edge_or_else_in_that_third(box: Box, side: str, near: bool) -> None:
    assert is_near(box, side) is near


def test_a_way_has_a_name() -> None:
    assert name_way("left", "") == "began on the left"
    assert name_way("top", "right") == "began at the top and ended on the right"
    assert name_way("", "") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Did something come in from the left?",
            "Yes, something moved from 0:03.0 to 0:09.0 on the left, then in the middle, then on the right."
            " I took the movements that began on the left.",
        ),
        (
            "How often did something leave to the left?",
            "1 time: from 0:20.0 to 0:24.0 in the middle, then on the left.",
        ),
        ("When did something move from left to right?", "Something moved from 0:03.0 to 0:09.0 on the left"),
        (
            "Did somebody enter from the right?",
            "No, I saw no movement that began on the right; something moved 2 times: from 0:03.0 to 0:09.0",
        ),
        ("How often did something enter at the top?", "0 times: I saw no movement that began at the top; something"),
        ("When did something exit at the bottom?", "I saw no movement that ended at the bottom; something moved 2"),
        ("Did something come in from the left after 0:30?", "No, nothing moved that began on the left between 0:30.0"),
        (
            "How long was it after 0:05 until something left to the left?",
            "Nothing moved that ended on the left for 15.0 s, from 0:05.0 to 0:20.0.",
        ),
    ],
)
def test_what_came_in_and_went_out(text: str, said: str) -> None:
    composed = ask(text, records=CROSSING)
    assert not composed.abstained
    assert say(composed).startswith(said)
    assert composed.evidence


def test_who_came_in_is_not_known_and_said() -> None:
    assert say(ask("Did somebody enter from the right?", records=CROSSING)).endswith(
        "I see that something moves, not who or what it is."
    )


def test_a_camera_that_saw_nothing_knows_of_nobody() -> None:
    assert ask("Did somebody enter from the left?", records=(), blind={"camera": "too dark"}, asked_s=10).abstained


def test_the_last_one_is_no_number() -> None:
    assert say(ask("Where did the last one go?", records=CROSSING)).startswith("Something moved in the middle, then")


@pytest.mark.parametrize(
    "text",
    ["Did anything move from left to right?", "Did anything move from right to left?", "Did it enter from the left?"],
)
def test_a_box_from_edge_to_edge_has_no_direction(text: str) -> None:
    composed = ask(text, records=(hit("motion", 5, 7, box=(0.0, 0.2, 1.0, 0.8)),))
    assert composed.abstained
    assert say(composed).startswith("I cannot tell whether a movement began on the ")


def test_one_box_does_not_begin_and_end_on_two_sides() -> None:
    corner = (hit("motion", 5, 7, box=(0.0, 0.0, 0.4, 0.4)),)
    assert say(ask("Did anything move from left to top?", records=corner)).startswith("No, I saw no movement")
    assert say(ask("Did anything enter from the left?", records=corner)).startswith("Yes, ")


PARTS = (
    hit("motion", 1, 2, box=(0.12, 0.4, 0.6, 0.6)),
    hit("motion", 5, 6, box=(0.32, 0.02, 0.5, 0.2)),
    hit("motion", 8, 9, box=(0.55, 0.4, 0.67, 0.6)),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Did anything move in the top right corner?", "No, nothing moved in that part of the picture"),
        ("When did something move in the bottom left corner?", "Nothing moved in that part of the picture"),
        ("Did anything move at the top?", "Yes, something moved from 0:05.0 to 0:06.0 at the top."),
        ("Did anything move in the top middle?", "Yes, something moved from 0:05.0 to 0:06.0 at the top."),
        (
            "Did anything move on the left?",
            "Into that part of the picture only the edge of a movement reached: something moved from 0:01.0 to 0:02.0",
        ),
        ("Did anything move on the right?", "No, nothing moved in that part of the picture"),
    ],
)
def test_a_part_of_the_picture_is_where_one_box_lies(text: str, said: str) -> None:
    composed = ask(text, records=PARTS)
    assert say(composed).startswith(said)
    assert composed.evidence


def test_a_corner_is_found() -> None:
    records = (*PARTS, hit("motion", 20, 21, box=(0.8, 0.05, 0.95, 0.2)))
    for text in ("Did anything move in the top right corner?", "Did anything move in the right upper corner?"):
        assert say(ask(text, records=records)) == "Yes, something moved from 0:20.0 to 0:21.0 at the top right."
