"""Event cameras see movement: asked about by name or where nothing else sees, and silent beside cameras."""

from __future__ import annotations

import pytest

from reasoning.evidence import answer
from reasoning.plan import plan
from reasoning.seers import find_eye
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.messages import Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, remember, say

RIG: dict[str, Sensor] = {"front": "video", "dvs": "events", "mic": "audio"}
ALONE: dict[str, Sensor] = {"dvs": "events"}
LEFT = hit("motion", 12, 15, "movement on the left", stream="dvs", box=(0.0, 0.4, 0.2, 0.6))
RIGHT = hit("motion", 30, 34, "movement on the right", stream="front", box=(0.8, 0.4, 1.0, 0.6))
RECORDS = (LEFT, RIGHT)


@pytest.mark.parametrize(
    ("text", "streams", "eye"),
    [
        ("When did something move?", RIG, "video"),
        ("What did the event camera see?", RIG, "events"),
        ("What did the event-cameras see?", RIG, "events"),
        ("When did something move?", ALONE, "events"),
        ("When did something move?", {}, "video"),
        ("What did the event camera see?", {"front": "video"}, "events"),
    ],
)
def test_whose_eyes_are_asked_about(text: str, streams: dict[str, Sensor], eye: Sensor) -> None:
    assert find_eye(text, streams) == eye


@pytest.mark.parametrize(
    "text", ["When did the event camera see movement?", "What did the event camera see?", "When did something move?"]
)
def test_an_event_camera_says_when_and_where_it_saw_movement(text: str) -> None:
    composed = ask(text, records=(LEFT,), streams=ALONE)
    assert say(composed) == "Something moved from 0:12.0 to 0:15.0 on the left. Event camera 'dvs' saw it."
    assert [row.stream for row in composed.evidence] == ["dvs"]


def test_beside_cameras_only_the_one_that_is_named_speaks() -> None:
    assert say(ask("When did something move?", records=RECORDS, streams=RIG)) == (
        "Something moved from 0:30.0 to 0:34.0 on the right."
    )
    assert say(ask("When did the event camera see movement?", records=RECORDS, streams=RIG)) == (
        "Something moved from 0:12.0 to 0:15.0 on the left. Event camera 'dvs' saw it."
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Did the event camera see anything move on the left?", "Yes"),
        ("Did the event camera see anything move on the right?", "No"),
    ],
)
def test_its_movements_are_searched_by_side(text: str, told: str) -> None:
    assert say(ask(text, records=RECORDS, streams=RIG)).startswith(told)


def test_what_goes_on_before_an_event_camera_is_not_what_a_camera_sees() -> None:
    question, asked_ns = understand("Is anything moving now?", 60 * S_NS, 0), 60 * S_NS
    recalled = remember(plan(question, "q1", "s", asked_ns), ())
    for streams, told in ((RIG, "No"), (ALONE, "Yes")):
        composed = answer(question, recalled, asked_ns, {}, streams, False, active={"dvs": 58 * S_NS})
        assert say(composed).startswith(told)


def test_of_an_event_camera_that_is_not_there_it_is_said_so() -> None:
    composed = ask("What did the event camera see?", records=RECORDS[1:], streams={"front": "video"})
    assert composed.abstained
    assert say(composed).startswith("I cannot tell: there is no event camera here.")


def test_of_one_that_was_blind_nothing_is_denied() -> None:
    dark = hit("gap", 0, 60, "nothing received for 60.0 s: no events", stream="dvs", level=0.0)
    composed = ask("Did the event camera see anything move?", records=(dark,), streams=RIG)
    assert composed.abstained
    assert "Event camera 'dvs' saw nothing from 0:00.0 to 1:00.0 (no events)." in say(composed)


def test_an_event_camera_is_listed_only_where_there_is_one() -> None:
    assert "event camera works" in say(ask("Which sensors are there?", streams=ALONE))
    assert "event camera" not in say(ask("Which sensors are there?", streams={"front": "video"}))
