"""Clock times behind "right after", "five seconds before" and their like are times, not words to look for."""

from __future__ import annotations

import pytest

from reasoning.timepoints import S_NS
from reasoning.timewords import parse_time
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

RECORDS = (
    hit("sound", 10, 10.5, "tone at 440 Hz"),
    hit("motion", 20, 21, box=(0.05, 0.4, 0.25, 0.6)),
    hit("utterance", 25, 27, "turn to the left"),
    hit("sound", 30, 30.5, "tone at 440 Hz"),
    hit("motion", 40, 48, box=(0.75, 0.4, 0.95, 0.6)),
)


@pytest.mark.parametrize(
    ("text", "start_s", "end_s", "is_point"),
    [
        ("right after 0:30", 30, 35, True),
        ("shortly before 0:30", 25, 30, True),
        ("5 seconds before 0:30", 24, 26, True),
        ("20 seconds after the start", 18, 22, True),
        ("within 5 seconds after 0:30", 30, 35, False),
        ("in the last 5 seconds before 0:30", 25, 30, False),
        ("the first 5 seconds after 0:10", 10, 15, False),
        ("less than 5 seconds before 0:30", 25, 30, False),
        ("more than 5 seconds after 0:30", 35, None, False),
        ("at least 5 seconds before 0:30", None, 25, False),
    ],
)
def test_windows_beside_a_clock_time(text: str, start_s: int | None, end_s: int | None, is_point: bool) -> None:
    span = parse_time(f"what happened {text}?", 60 * S_NS, 0)
    assert span is not None
    assert (span.phrase, span.is_point) == (text, is_point)
    assert span.start_ns == (None if start_s is None else start_s * S_NS)
    assert span.end_ns == (None if end_s is None else end_s * S_NS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What happened right after 0:30?", "I heard a tone at 440 Hz from 0:30.0 to 0:30.5."),
        ("What was said just before 0:30?", 'I heard somebody say "turn to the left" from 0:25.0 to 0:27.0.'),
        ("What happened 5 seconds before 0:30?", 'I heard somebody say "turn to the left" from 0:25.0 to 0:27.0.'),
        ("Did it move right after 0:30?", "No, nothing moved between 0:30.0 and 0:35.0."),
        (
            "Did anything leave on the right after 0:10?",
            "Yes, something moved from 0:40.0 to 0:48.0 on the right. I took the movements that ended on the right.",
        ),
        (
            "Did anything move on the right after the first tone?",
            "Yes, something moved from 0:40.0 to 0:48.0 on the right.",
        ),
    ],
)
def test_clock_times_are_not_looked_for_as_words(text: str, said: str) -> None:
    assert say(ask(text, records=RECORDS)) == said
