"""Answers as text and as JSON: the documented fields, readable times, nothing that steers a terminal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runtime.apps.present import alert_json, as_json, as_text, clock, moment
from runtime.messages import Alert, Answer, Evidence, Sentence, Timing
from tests.answer_schema import ANSWER, answers_in

TONE = Evidence(
    clip_id="s/mic/0/clip-0",
    record_id="s/mic/0/sound-1",
    stream="mic",
    kind="sound",
    start_s=1.0,
    end_s=3.5,
    box=None,
    score=0.5,
    text="tone at 440 Hz",
)
MOVED = replace(TONE, stream="cam", kind="motion", box=(0.0, 0.25, 0.5, 1.0), text="", clip_id="")
ANSWERED = Answer(
    session="s",
    query_id="q1",
    question="What did you hear?",
    session_start_ns=0,
    asked_s=4.0,
    answer="I heard a tone.",
    sentences=(Sentence(text="I heard a tone.", supported=True),),
    abstained=False,
    evidence=(TONE, MOVED),
    searched=("fts",),
    timing_ms=Timing(recall=1.0, first_token=2.0, total=3.0),
    model="evidence",
    blind=(),
    truncated=False,
)


def test_json_has_the_documented_fields_in_their_order() -> None:
    (answer,) = answers_in(as_json(ANSWERED))
    assert list(answer) == list(ANSWER["properties"])
    assert answer["evidence"][1]["box"] == [0.0, 0.25, 0.5, 1.0]
    assert answer["evidence"][0]["box"] is None


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        (0.126, "without it the answer is 0.13 nats less likely"),
        (-0.126, "without it the answer is 0.13 nats more likely"),
        (-0.001, "without it the answer is as likely"),
    ],
)
def test_what_hiding_evidence_did_is_told_in_words(effect: float, told: str) -> None:
    explained = replace(ANSWERED, evidence=(replace(TONE, effect=effect), MOVED))
    lines = [line for line in as_text(explained, explain=True).splitlines() if "without it" in line]
    assert [line.endswith(f", {told}") for line in lines] == [True]
    assert "without it" not in as_text(explained)


def test_json_is_one_line_whatever_was_asked() -> None:
    odd = "a\nb\x00\x1b[31m \u2028 \u202e מה זז? \N{REPLACEMENT CHARACTER} 𝄞"
    text = as_json(replace(ANSWERED, question=odd))
    assert "\n" not in text
    assert json.loads(text)["question"] == odd


def test_an_alert_as_json_counts_from_the_sessions_start_and_names_records() -> None:
    fired = Alert(
        session="s",
        rule="help",
        alert_id="help-7",
        state="fired",
        session_start_ns=5 * 10**18,
        t_ns=5 * 10**18 + 7_250_000_000,
        text="I heard a tone.",
        evidence=(TONE,),
        checked=False,
        suppressed=2,
    )
    alert = json.loads(alert_json(fired))
    assert (alert["type"], alert["at_s"], alert["suppressed"]) == ("alert", 7.25, 2)
    assert alert["evidence"] == answers_in(as_json(ANSWERED))[0]["evidence"][:1]
    assert json.loads(alert_json(replace(fired, state="refused", session_start_ns=0)))["at_s"] is None


def test_text_names_question_answer_evidence_and_the_bill() -> None:
    lines = as_text(ANSWERED).splitlines()
    assert lines[0] == "Q  What did you hear?"
    assert lines[1] == "A  I heard a tone."
    assert lines[2] == '   [0:01.0 to 0:03.5] mic sound "tone at 440 Hz"'
    assert lines[3] == "   [0:01.0 to 0:03.5] cam motion box 0.00,0.25,0.50,1.00"
    assert lines[4] == "   recall 1.0 ms, first words 2.0 ms, all 3.0 ms"
    assert len(lines) == 5


def test_text_says_what_is_blind_and_that_a_recording_breaks_off() -> None:
    text = as_text(replace(ANSWERED, blind=("cam", "mic"), truncated=True))
    assert "blind: cam, mic" in text
    assert "parts of the recording are missing" in text


def test_explained_text_shows_where_each_evidence_lies_and_what_has_none() -> None:
    lines = as_text(ANSWERED, explain=True).splitlines()
    assert lines[3].startswith("      record s/mic/0/sound-1, clip s/mic/0/clip-0, score ")
    assert "its clip is still open" in lines[5]
    assert lines[-1] == "   by the evidence reasoner; searched fts"
    doubtful = replace(ANSWERED, searched=(), sentences=(*ANSWERED.sentences, Sentence(text="Or so.", supported=False)))
    lines = as_text(doubtful, explain=True).splitlines()
    assert lines[-2:] == [
        "   by the evidence reasoner; read off the timeline, no search",
        "   no evidence stands behind: Or so.",
    ]


def test_text_carries_no_control_characters() -> None:
    text = as_text(replace(ANSWERED, question="what\x1b[2J moved\x07\x00?\r", answer="\x9b31m"))
    assert text.splitlines()[0] == "Q  what\ufffd[2J moved\ufffd\ufffd?\ufffd"
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text.replace("\n", ""))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0:00.0"), (12.4, "0:12.4"), (83.25, "1:23.2"), (3723.4, "1:02:03.4")]
)
def test_clock_counts_from_the_start(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_moment_is_media_time_for_recordings_and_wall_clock_for_live_sessions() -> None:
    assert moment(12_400_000_000) == "0:12.4"
    assert moment(1_700_000_000_000_000_000).startswith("2023-11-1")
