"""A camera that is named is the one that is meant; one that nobody knows is not ignored."""

from __future__ import annotations

import pytest

from runtime.messages import Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import LEFT, RIGHT, ask, say

STREAMS: dict[str, Sensor] = {"person-bicycle": "video", "car-detection": "video"}
RECORDS = (
    hit("motion", 1, 2, box=LEFT, stream="person-bicycle"),
    hit("motion", 5, 6, box=RIGHT, stream="car-detection"),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("When did something move on the person camera?", "Something moved from 0:01.0 to 0:02.0 on the left."),
        ("Did anything move on the car-detection camera?", "Yes, something moved from 0:05.0 to 0:06.0 on the right."),
        ("Did anything move on the person camera after 0:04?", "No, nothing moved between 0:04.0"),
        ("When did something move on the camera?", "Something moved 2 times"),
    ],
)
def test_a_named_stream_is_the_one_that_is_meant(text: str, said: str) -> None:
    assert say(ask(text, records=RECORDS, streams=STREAMS)).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("When did something move on both cameras?", "Please ask about one stream at a time"),
        ("When did something move on the garden camera?", "I know of no camera named garden, only of 'car-detection'"),
        ("When did something move on the second camera?", "I know of no camera named second"),
        ("When did something move on camera 2?", "I know of no camera named 2"),
    ],
)
def test_a_stream_that_is_not_known_is_not_ignored(text: str, said: str) -> None:
    composed = ask(text, records=RECORDS, streams=STREAMS)
    assert composed.abstained
    assert say(composed).startswith(said)
