""" "Just" is the recent past, and reaches back to the last that happened where there was nothing lately."""

from __future__ import annotations

import pytest

from reasoning.plan import plan
from reasoning.timepoints import S_NS
from reasoning.timewords import parse_time
from reasoning.understand import understand
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import RECORDS, ask, say

ASKED_NS = 300 * S_NS


@pytest.mark.parametrize(
    "text",
    ["what just happened", "what did they just say", "did something just move", "what was just said", "who just left"],
)
def test_just_is_the_last_minute(text: str) -> None:
    span = parse_time(text, ASKED_NS, 0)
    assert span is not None
    assert (span.start_ns, span.end_ns, span.is_recent) == (240 * S_NS, ASKED_NS, True)


@pytest.mark.parametrize(
    "text", ["what was said just before the tone", "was it just a tone", "did it beep just once", "just after the beep"]
)
def test_just_as_a_word_of_degree_is_no_time(text: str) -> None:
    assert parse_time(text, ASKED_NS, 0) is None


def test_what_just_happened_leaves_out_what_is_long_ago() -> None:
    records = (*RECORDS, hit("motion", 280, 282))
    assert say(ask("What just happened?", 300, records=records)) == "Something moved from 4:40.0 to 4:42.0."
    assert say(ask("What just moved?", 300, records=records)).startswith("Something moved from 4:40.0 to 4:42.0.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "What just happened?",
            "Something moved from 0:45.0 to 0:46.0 on the left."
            " That was the last: nothing happened between 4:00.0 and 5:00.0.",
        ),
        (
            "What did they just say?",
            'I heard somebody say "he was not an ill disposed young man" from 0:21.0 to 0:24.0.'
            " That was the last: nobody spoke between 4:00.0 and 5:00.0.",
        ),
        (
            "What was that sound just now?",
            "I heard a loud noise at 0:40.0. That was the last: I heard no sound between 4:45.0 and 5:00.0.",
        ),
        ("Did something just move?", "No, nothing moved between 4:00.0 and 5:00.0."),
        ("How often did something just move?", "0 times: nothing moved between 4:00.0 and 5:00.0."),
    ],
)
def test_an_empty_minute_is_said_with_the_last_before_it(text: str, said: str) -> None:
    composed = ask(text, 300)
    assert say(composed) == said
    assert all(sentence.supported for sentence in composed.sentences)


def test_what_nobody_watched_lately_is_not_called_empty() -> None:
    blind = hit("gap", 100, 300, "nothing received for 200.0 s: covered or dark", level=0.0)
    said = say(ask("What just moved?", 300, records=(*RECORDS, blind)))
    assert said.startswith("Something moved from 0:45.0 to 0:46.0 on the left.")
    assert "nothing moved" not in said
    assert "Camera 'camera' saw nothing" in said


def test_where_nothing_ever_happened_that_is_the_answer() -> None:
    assert say(ask("What just moved?", 300, records=())) == "Nothing moved between 4:00.0 and 5:00.0."


def test_memory_is_asked_for_all_that_just_may_reach_back_to() -> None:
    assert plan(understand("What just happened?", ASKED_NS, 0), "q", "s", ASKED_NS).start_ns is None
    assert plan(understand("Did something just move?", ASKED_NS, 0), "q", "s", ASKED_NS).start_ns == 240 * S_NS
