"""What the demo asks, what is right by the truth of its recordings, and what is wrong with an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from runtime.apps.demo_recording import COFFEE, LIBRARY, SPEECH
from runtime.apps.demo_truth import CAMERA, THIRDS, Interval, YardTruth
from runtime.apps.demo_world import LENGTH_S
from runtime.messages import Answer, Evidence

SLACK_S = 0.5  # borders of what is seen and heard are this sure, those of speech the least
MOTION_SLACK_S = 1.0  # what comes out from behind a wall is seen to move a little later than it is seen
LENGTH_SLACK_S = 0.25
BLIND_AFTER_S = 2.0  # so long it must be dark (perception/blindness.py)
STOOD_S = 21.5  # a car has stopped in the middle, and nothing else moves
CROSSING_S = (14.0, 20.0)


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
    slack_s: float = SLACK_S
    learnt: str = ""  # the truth knows it, and only a model that has learnt this could
    truth: str = ""  # then


def spoken(text: str) -> tuple[str, ...]:
    """Return the words of a sentence that carry it."""
    return tuple(word for word in text.split() if len(word) > 4)


def expected_of(truth: YardTruth) -> tuple[Expected, ...]:
    """Return the demo's questions with what the yard's truth and the radio's table say to them."""
    dark_s = truth.dark_s
    [tone_s] = truth.noises_s(0.0, COFFEE.start_s)
    [stood_s] = [(a[1], b[0]) for a, b in pairwise(truth.movements_s(0.0, dark_s)) if a[1] < STOOD_S < b[0]]
    sides = truth.sides(*CROSSING_S)
    needs = partial(_needs, truth)
    return (
        Expected(
            question="When did something move in the last 8 seconds?",
            at_s=14.0,
            kind="motion",
            events_s=tuple(truth.movements_s(6.0, 14.0)),
            slack_s=MOTION_SLACK_S,
        ),
        Expected(question="Is anything moving right now?", at_s=STOOD_S, kind="watermark", still_s=stood_s),
        Expected(
            question="Where did something move between 0:14 and 0:20?",
            at_s=25.0,
            kind="motion",
            events_s=tuple(truth.movements_s(*CROSSING_S)),
            slack_s=MOTION_SLACK_S,
            says=tuple(sides),
            never=tuple(set(THIRDS) - sides),
        ),
        Expected(
            question="How long was the tone?",
            kind="sound",
            events_s=(tone_s,),
            length_s=tone_s[1] - tone_s[0],
        ),
        Expected(
            question="How many noises did you hear between 0:08 and 0:12?",
            kind="sound",
            events_s=tuple(honks := truth.noises_s(8.0, 12.0)),
            count=len(honks),
        ),
        Expected(
            question="What was said between 0:10 and 0:20?",
            kind="utterance",
            events_s=((LIBRARY.start_s, LIBRARY.end_s),),
            says=spoken(LIBRARY.text),
            never=spoken(COFFEE.text) + spoken(SPEECH.text),
        ),
        Expected(
            question="How many noises did you hear after somebody mentioned the president?",
            kind="sound",
            events_s=tuple(late := truth.noises_s(SPEECH.end_s, LENGTH_S)),
            count=len(late),
        ),
        Expected(question="What did they say about the elephant?"),
        needs("What colour was the bicycle in the middle at 0:16?", "colours"),
        needs("How many cars have you seen between 0:02 and 0:21?", "what things are"),
        needs("How many things were moving in the dark?", "radar and event camera"),
        Expected(
            question="Did anything move between 0:32 and 0:36?",
            learnt="radar and event camera",
            truth="Yes." if truth.has_movement(32.0, 36.0) else "No.",
        ),
    )


def _needs(truth: YardTruth, question: str, learnt: str) -> Expected:
    return Expected(question=question, learnt=learnt, truth=truth.answer(question, LENGTH_S))


def faults(expected: Expected, answer: Answer, dark_s: float = math.inf) -> list[str]:
    """Return what is wrong with an answer, nothing if it is right; from `dark_s` on the camera sees nothing."""
    asked_s = LENGTH_S if expected.at_s is None else expected.at_s
    found = [] if abs(answer.asked_s - asked_s) <= 0.1 else [f"was asked at {answer.asked_s:g} s, not at {asked_s:g} s"]
    blind = (CAMERA,) if asked_s > dark_s + BLIND_AFTER_S else ()
    if answer.truncated or answer.blind != blind:
        found.append("takes the recording for broken, or another sensor for blind than is")
    if not expected.kind:
        is_honest = answer.abstained and not answer.evidence and not any(one.supported for one in answer.sentences)
        return found if is_honest else [*found, "must abstain"]
    if answer.abstained:
        return [*found, "abstained"]
    kinds = {item.kind for item in answer.evidence}
    if kinds != {expected.kind}:
        found.append(f"rests on {', '.join(sorted(kinds)) or 'nothing'} instead of {expected.kind}")
    if expected.still_s is not None:
        found += _faults_of_stillness(expected.still_s, answer)
    else:
        found += _faults_of_evidence(expected, answer.evidence)
        found += _faults_of_times(expected, answer.answer)
    return found + _faults_of_words(expected, answer.answer)


def _faults_of_stillness(still_s: Interval, answer: Answer) -> list[str]:
    found = [] if re.match(r"no\b", answer.answer, re.IGNORECASE) else ["does not say no"]
    for item in answer.evidence:
        is_inside = still_s[0] - SLACK_S <= item.start_s < item.end_s <= still_s[1] + SLACK_S
        if not (is_inside and abs(item.end_s - answer.asked_s) <= SLACK_S):
            found.append(f"looked from {item.start_s:.1f} to {item.end_s:.1f} s")
    outside_s = [t_s for t_s in _times_s(answer.answer) if not still_s[0] - SLACK_S <= t_s <= still_s[1] + SLACK_S]
    return found + [f"names {t_s:.1f} s" for t_s in outside_s]


def _faults_of_evidence(expected: Expected, evidence: Sequence[Evidence]) -> list[str]:
    """Compare one by one, in time."""
    events_s, slack_s = expected.events_s, expected.slack_s
    given_s = sorted((item.start_s, item.end_s) for item in evidence)
    if len(given_s) != len(events_s):
        return [f"brings {len(given_s)} pieces of evidence for {len(events_s)}"]
    pairs = zip(given_s, events_s, strict=True)
    return [
        f"evidence from {given[0]:.1f} to {given[1]:.1f} s for {true[0]:.1f} to {true[1]:.1f} s"
        for given, true in pairs
        if not (_is_near(given[0], true[0], slack_s) and _is_near(given[1], true[1], slack_s))
    ]


def _faults_of_times(expected: Expected, text: str) -> list[str]:
    """Every border is named, and nothing else is."""
    slack_s = expected.slack_s
    named_s, borders_s = _times_s(text), [border_s for event_s in expected.events_s for border_s in event_s]
    missing = [f"does not name {a:.1f} s" for a in borders_s if not any(_is_near(a, b, slack_s) for b in named_s)]
    return missing + [f"names {b:.1f} s" for b in named_s if not any(_is_near(a, b, slack_s) for a in borders_s)]


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


def _is_near(a_s: float, b_s: float, slack_s: float) -> bool:
    return abs(a_s - b_s) <= slack_s


def _holds(words: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text) is not None
