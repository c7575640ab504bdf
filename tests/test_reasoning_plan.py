"""One question becomes one recall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.plan import plan
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.messages import Recall

ASKED_NS = 75 * S_NS


def recall(text: str) -> Recall:
    return plan(understand(text, ASKED_NS, 0), "q1", "s", ASKED_NS)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("When did something move?", {"motion"}),
        ("What was said?", {"utterance"}),
        ("Was there a tone?", {"sound"}),
        ("Was it quiet?", {"utterance", "sound"}),
        ("Did the scene change?", {"frame"}),
        ("What happened?", {"utterance", "sound", "motion", "frame"}),
        ("What colour was the car?", {"utterance", "sound", "motion"}),
        ("?!", {"utterance", "sound", "motion"}),
        ("Is the camera blind?", {"utterance", "sound", "motion"}),
    ],
)
def test_kinds_and_what_was_lost_are_asked_for(text: str, kinds: set[str]) -> None:
    assert set(recall(text).kinds) == kinds | {"gap"}


def test_the_window_goes_to_memory() -> None:
    query = recall("What was said between 0:10 and 0:20?")
    assert (query.start_ns, query.end_ns, query.as_of_ns) == (10 * S_NS, 20 * S_NS, ASKED_NS)


def test_a_moment_is_asked_for_with_its_surroundings() -> None:
    query = recall("What moved at 0:12?")
    assert query.start_ns is not None
    assert query.start_ns <= 0
    assert query.end_ns == ASKED_NS


def test_the_future_is_never_asked_for() -> None:
    assert recall("What was said between 1:10 and 1:50?").end_ns == ASKED_NS


def test_words_that_were_said_move_the_window_in_memory() -> None:
    query = recall("What moved after they said go forward?")
    assert (query.anchor, query.relation, set(query.kinds)) == ("go forward", "after", {"motion", "gap"})


def test_events_are_placed_here_so_the_window_stays_open() -> None:
    query = recall("What was said between 0:10 and 0:20 after the tone?")
    assert (query.anchor, query.relation, query.start_ns) == ("", "", None)
    assert set(query.kinds) == {"utterance", "sound", "gap"}


def test_search_words_go_to_memory() -> None:
    assert recall("Did anybody say go forward?").text == "go forward"


@given(st.text(max_size=100), st.integers(0, 2**62))
def test_times_fit_the_wire(text: str, asked_ns: int) -> None:
    query = plan(understand(text, asked_ns), "q1", "s", asked_ns)
    assert all(t_ns is None or -(2**63) <= t_ns < 2**63 for t_ns in (query.start_ns, query.end_ns))


@pytest.mark.parametrize("text", ["what moved in the last 999999999 days", "what moved after 999:59", "at 0:99"])
def test_far_times_fit_the_wire(text: str) -> None:
    query = recall(text)
    assert all(t_ns is None or -(2**63) <= t_ns <= ASKED_NS for t_ns in (query.start_ns, query.end_ns))
