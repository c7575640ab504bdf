"""What the demo asks, what is right by the recording's own table, and what is wrong with an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from runtime.apps.demo_recording import (
    BEEPS,
    COFFEE,
    COMING_S,
    CROSSING_S,
    LEAVING_S,
    LENGTH_S,
    LIBRARY,
    LOW_TONE,
    SPEECH,
)
from runtime.messages import Answer, Evidence

SLACK_S = 0.5  # borders of what is seen and heard are this sure, those of speech the least
LENGTH_SLACK_S = 0.25

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A question and everything that its answer must and must not hold; without `kind` it must abstain."""

    question: str
    at_s: float | None = None  # None asks at the end
    kind: str = ""  # of all evidence
    events_s: tuple[Interval, ...] = ()  # exactly these are the evidence, and their times are in the answer
    still_s: Interval | None = None  # instead: nothing happened, seen to the last within this stretch
    count: int | None = None
    length_s: float | None = None
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()  # words that belong to something else


def spoken(text: str) -> tuple[str, ...]:
    """Return the words of a sentence that carry it."""
    return tuple(word for word in text.split() if len(word) > 4)


EXPECTED = (
    Expected(question="When did something cross the picture?", at_s=10, kind="motion", events_s=(CROSSING_S,)),
    Expected(
        question="How long was the tone?",
        at_s=16,
        kind="sound",
        events_s=((LOW_TONE.start_s, LOW_TONE.end_s),),
        length_s=LOW_TONE.end_s - LOW_TONE.start_s,
    ),
    Expected(
        question="Is anything moving right now?", at_s=27.5, kind="watermark", still_s=(COMING_S[1], LEAVING_S[0])
    ),
    Expected(
        question="Where did something move after the first scene change?",
        kind="motion",
        events_s=(COMING_S, LEAVING_S),
        count=2,
        says=("top right",),
        never=("left", "middle", "bottom"),
    ),
    Expected(
        question="What was said between the two scene changes?",
        kind="utterance",
        events_s=((LIBRARY.start_s, LIBRARY.end_s),),
        says=spoken(LIBRARY.text),
        never=spoken(COFFEE.text) + spoken(SPEECH.text),
    ),
    Expected(
        question="How many beeps were there after somebody mentioned the president?",
        kind="sound",
        events_s=tuple((beep.start_s, beep.end_s) for beep in BEEPS),
        count=len(BEEPS),
    ),
    Expected(question="What did they say about the elephant?"),
    Expected(question="What colour was the ball?"),
)


def faults(expected: Expected, answer: Answer) -> list[str]:
    """Return what is wrong with an answer, nothing if it is right."""
    asked_s = LENGTH_S if expected.at_s is None else expected.at_s
    found = [] if abs(answer.asked_s - asked_s) <= 0.1 else [f"was asked at {answer.asked_s:g} s, not at {asked_s:g} s"]
    if answer.truncated or answer.blind:
        found.append("takes the recording for broken or a sensor for blind")
    if not expected.kind:
        is_honest = answer.abstained and not answer.evidence and not any(one.supported for one in answer.sentences)
        return found if is_honest else [*found, "nobody can know this"]
    if answer.abstained:
        return [*found, "abstained"]
    kinds = {item.kind for item in answer.evidence}
    if kinds != {expected.kind}:
        found.append(f"rests on {', '.join(sorted(kinds)) or 'nothing'} instead of {expected.kind}")
    if expected.still_s is not None:
        found += _faults_of_stillness(expected.still_s, answer)
    else:
        found += _faults_of_evidence(expected.events_s, answer.evidence)
        found += _faults_of_times(expected.events_s, answer.answer)
    return found + _faults_of_words(expected, answer.answer)


def _faults_of_stillness(still_s: Interval, answer: Answer) -> list[str]:
    found = [] if re.match(r"no\b", answer.answer, re.IGNORECASE) else ["does not say no"]
    for item in answer.evidence:
        is_inside = still_s[0] - SLACK_S <= item.start_s < item.end_s <= still_s[1] + SLACK_S
        if not (is_inside and abs(item.end_s - answer.asked_s) <= SLACK_S):
            found.append(f"looked from {item.start_s:.1f} to {item.end_s:.1f} s")
    outside_s = [t_s for t_s in _times_s(answer.answer) if not still_s[0] - SLACK_S <= t_s <= still_s[1] + SLACK_S]
    return found + [f"names {t_s:.1f} s" for t_s in outside_s]


def _faults_of_evidence(events_s: Sequence[Interval], evidence: Sequence[Evidence]) -> list[str]:
    """Compare one by one, in time."""
    given_s = sorted((item.start_s, item.end_s) for item in evidence)
    if len(given_s) != len(events_s):
        return [f"brings {len(given_s)} pieces of evidence for {len(events_s)}"]
    pairs = zip(given_s, events_s, strict=True)
    return [
        f"evidence from {given[0]:.1f} to {given[1]:.1f} s for {true[0]:.1f} to {true[1]:.1f} s"
        for given, true in pairs
        if not (_is_near(given[0], true[0]) and _is_near(given[1], true[1]))
    ]


def _faults_of_times(events_s: Sequence[Interval], text: str) -> list[str]:
    """Every border is named, and nothing else is."""
    named_s, borders_s = _times_s(text), [border_s for event_s in events_s for border_s in event_s]
    missing = [f"does not name {a:.1f} s" for a in borders_s if not any(_is_near(a, b) for b in named_s)]
    return missing + [f"names {b:.1f} s" for b in named_s if not any(_is_near(a, b) for a in borders_s)]


def _faults_of_words(expected: Expected, text: str) -> list[str]:
    text = text.lower()
    found = [f"does not say {words!r}" for words in expected.says if not _holds(words, text)]
    found += [f"says {words!r}" for words in expected.never if _holds(words, text)]
    counts = [int(digits) for digits in re.findall(r"(?<![\d:.])\d+(?![\d:.]|\s*(?:hz|s)\b)", text)]
    if expected.count is not None and counts != [expected.count]:
        found.append(f"counts {', '.join(map(str, counts)) or 'nothing'} instead of {expected.count}")
    lengths_s = [float(number) for number in re.findall(r"(?<![:\d.])(\d+(?:\.\d+)?) s\b", text)]
    if expected.length_s is not None and not (
        len(lengths_s) == 1 and abs(lengths_s[0] - expected.length_s) <= LENGTH_SLACK_S
    ):
        found.append(f"does not give the length of {expected.length_s:g} s")
    return found


def _times_s(text: str) -> list[float]:
    return [60 * int(minutes) + float(rest) for minutes, rest in re.findall(r"(\d+):(\d\d\.\d)", text)]


def _is_near(a_s: float, b_s: float) -> bool:
    return abs(a_s - b_s) <= SLACK_S


def _holds(words: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text) is not None
