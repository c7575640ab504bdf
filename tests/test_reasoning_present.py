"""What is going on at the asking time, before any record tells of it."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.evidence import Composed, answer
from reasoning.plan import plan
from reasoning.present import add_present
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.messages import Hit, Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import LEFT, TEXTS, Case, cases, check, records_of, remember, say

STREAMS: dict[str, Sensor] = {"camera": "video", "microphone": "audio"}
EARLIER = (hit("utterance", 3, 5, "go forward"), hit("motion", 4, 6, box=LEFT))


def ask(text: str, *, records: tuple[Hit, ...] = EARLIER, asked_s: float = 30, **since_s: float) -> Composed:
    """Ask while something has been going on in each named stream since a second."""
    asked_ns = round(asked_s * S_NS)
    question = understand(text, asked_ns, 0)
    recalled = remember(plan(question, "q", "s", asked_ns), records)
    active = {stream: round(since * S_NS) for stream, since in since_s.items()}
    return answer(question, recalled, asked_ns, {}, STREAMS, False, UTC, active=active)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Was someone talking in the last ten seconds?", "Yes, somebody has been speaking since 0:22.8."),
        ("is anybody speaking now", "Yes, somebody has been speaking since 0:22.8."),
        ("was it quiet in the last 5 seconds", "No, somebody has been speaking since 0:22.8."),
        ("When did somebody last speak?", "The last utterance has been going on since 0:22.8."),
        ("How often did somebody speak?", "2 times: from 0:03.0 to 0:05.0 and since 0:22.8."),
        (
            "When did somebody speak?",
            "Somebody spoke 2 times: from 0:03.0 to 0:05.0 and since 0:22.8.",
        ),
    ],
)
def test_unfinished_speech_is_speech(text: str, said: str) -> None:
    composed = ask(text, microphone=22.8)
    assert say(composed).startswith(said)
    row = composed.evidence[-1]
    assert (row.kind, row.record_id, row.stream, row.end_s) == ("utterance", "", "microphone", 30.0)


def test_unfinished_movement_is_movement() -> None:
    composed = ask("Is anything moving right now?", camera=29.5)
    assert say(composed) == "Yes, something has been moving since 0:29.5."
    assert [(row.kind, row.record_id, row.start_s, row.end_s) for row in composed.evidence] == [
        ("motion", "", 29.5, 30.0)
    ]


@pytest.mark.parametrize("text", ["What is being said now?", "What was said in the last ten seconds?"])
def test_words_of_unfinished_speech_are_not_known_yet(text: str) -> None:
    composed = ask(text, microphone=22.8)
    assert "Somebody is still speaking; I know the words only once that has ended." in say(composed)


def test_words_that_were_not_heard_may_be_in_unfinished_speech() -> None:
    composed = ask("Did anybody say elephant?", microphone=22.8)
    assert say(composed).startswith("No, ")
    assert "still speaking" in say(composed)


def test_a_movement_that_was_told_of_in_part_has_evidence_of_both_parts() -> None:
    records = (hit("motion", 24, 26, box=LEFT), hit("motion", 26, 28, box=LEFT))
    composed = ask("When did something move?", records=records, camera=28)
    assert say(composed) == "Something has been moving since 0:24.0 on the left."
    assert [(row.record_id == "", row.start_s, row.end_s) for row in composed.evidence] == [
        (False, 24.0, 28.0),
        (True, 28.0, 30.0),
    ]


def test_what_goes_on_now_is_not_what_went_on_before() -> None:
    assert say(ask("Did anything move between 0:10 and 0:20?", camera=25)).startswith("No, nothing moved")
    assert say(ask("Was someone talking in the last ten seconds?")).startswith("No, nobody spoke")


@given(st.sampled_from(TEXTS), cases, st.integers(0, 100), st.integers(0, 100), st.sampled_from(sorted(STREAMS)))
def test_evidence_of_the_present_lies_in_the_window(
    text: str, drawn: list[Case], asked_s: int, since_s: int, stream: str
) -> None:
    asked_ns = asked_s * S_NS
    question = understand(text, asked_ns, 0)
    recalled = remember(plan(question, "q", "s", asked_ns), records_of(drawn))
    active = {stream: since_s * S_NS}
    composed = answer(question, recalled, asked_ns, {}, STREAMS, False, active=active)
    check(question, add_present(recalled, asked_ns, STREAMS, active), composed, asked_ns)


def test_stillness_that_has_just_ended_is_said_to_be_over() -> None:
    composed = ask("How long has it been still now?", camera=29)
    assert say(composed) == "Nothing moved for 23.0 s, from 0:06.0 to 0:29.0. Something has been moving since 0:29.0."
    assert say(ask("How long has it been still now?")) == "Nothing moved for 24.0 s, from 0:06.0 to 0:30.0."


@pytest.mark.parametrize(
    ("text", "asked_s", "said"),
    [
        ("Is anything moving?", 30, "No, the last movement ended at 0:27.9."),
        ("Is something moving right now?", 30, "No, the last movement ended at 0:27.9."),
        ("Is it still?", 30, "Yes, the last movement ended at 0:27.9."),
        ("Is nothing moving?", 30, "Yes, the last movement ended at 0:27.9."),
        ("Is anything moving?", 29.5, "I know of none now; the last movement ended at 0:27.9."),
        ("Is anything moving?", 28.5, "Yes, something moved from 0:25.1 to 0:27.9 on the left."),
    ],
)
def test_what_has_stopped_does_not_go_on(text: str, asked_s: float, said: str) -> None:
    records = (hit("motion", 25.1, 26, box=LEFT), hit("motion", 26, 27.9, box=LEFT))
    composed = ask(text, records=records, asked_s=asked_s)
    assert say(composed).startswith(said)
    assert composed.evidence


def test_only_what_goes_on_is_told_of_the_present() -> None:
    records = (hit("motion", 25.1, 27.5, box=LEFT),)
    assert say(ask("Is anything moving?", records=records, camera=29)) == "Yes, something has been moving since 0:29.0."


def test_what_is_over_is_not_known_where_nobody_watches() -> None:
    records = (hit("motion", 25.1, 27.5, box=LEFT), hit("gap", 27.5, 30, "nothing received for 2.5 s: late"))
    assert ask("Is anything moving?", records=records).abstained
