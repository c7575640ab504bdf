"""Answers about the sensors themselves: which there are, whether they see and hear, when they did not, for how long."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.coverage import NAMES, PERCEIVED, Coverage
from reasoning.dark import joined
from reasoning.episodes import total_ns
from reasoning.named import named_streams
from reasoning.patterns import either, has
from reasoning.wording import count, length, listing, plain

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.episodes import Episode
    from reasoning.understand import Question
    from runtime.messages import Evidence, Sensor

_WORDS: dict[Sensor, str] = {
    "video": r"\b(?:camera|webcam|lens|see|sight|watch|look|video|picture|image|vision|visual)",
    "audio": r"\b(?:micro|mics?\b|hear|listen|sound|audio|speech|deaf|mute)",
    "radar": r"\bradar",
    "events": r"\bevent\W+cam(?:era)?s?",
    "imu": r"\b(?:imu\b|inertial)",
}
_BAD = re.compile(
    r"\b(?:blind|broken|dead|muted?|covered|dark|black|off|deaf|disconnected|blocked|obstructed|missing|wrong|fail\w*|faulty|stale|down|not|no|couldn't|can't|nothing|los[et]|losing"
    r"|stop\w*|end(?:ed)?|died?|dropp?\w*|br[eo]a?ke?|offline)\b"
)
_IS_NUMBER = re.compile(r"\bhow\s+(?:often|many\s+times)\b")
_PAST = re.compile(r"\b(?:was|were|had|did|could|couldn't|when|ever|how\s+often)\b")


def tell_sensors(question: Question, asked_ns: int, coverage: Coverage, draft: Draft) -> None:
    """Say which streams of the senses asked about work; "Yes" or "No" where that, or blindness, is asked."""
    text = question.text.lower()
    wanted = _named(text) or [sensor for sensor in NAMES if sensor in coverage.streams.values()]
    named, _ = named_streams(question.text, coverage.streams)
    if named:  # "is the front camera working"
        kept = {name: sensor for name, sensor in coverage.streams.items() if name in named or sensor not in wanted}
        coverage = replace(coverage, streams=kept)
    if not coverage.streams:
        draft.abstain("No camera and no microphone is running.")
    elif question.ask == "how_long" and not _BAD.search(text):
        rows = draft.watched(_streams(wanted, coverage), draft.clock.origin_ns, asked_ns, "running")
        draft.state(f"I have been watching for {length(asked_ns - draft.clock.origin_ns)}.", rows)
    elif _is_past(question, asked_ns) and _streams(wanted, coverage):
        _tell_past(question, wanted, coverage, draft)
    else:
        sentences = [_state(sensor, coverage) for sensor in wanted]
        rows = [row for sensor in wanted for row in _rows(sensor, asked_ns, coverage, draft)]
        draft.state(_lead(question, wanted, coverage) + " ".join(sentences), rows)


def _named(text: str) -> list[Sensor]:
    """Return the senses that a question names; an event camera is not also a camera."""
    text = re.sub(r"\byou\s+(?:\w+\s+){0,2}?blind\b", "you see", text)
    plain_text = re.sub(_WORDS["events"], "", text)
    return [s for s, words in _WORDS.items() if re.search(words, text if s == "events" else plain_text)]


_STATE = (
    r"(?:blind|deaf|muted?|covered|off|blocked|obstructed|disconnected|dead|broken|down|offline|missing|gone|away"
    r"|unplugged|dark|black)"
)
_IS_BLIND = either(
    rf"\b(?:camera|webcam|lens|microphone|mic|sensor|radar|imu|stream|feed)s?\b\s+(?:\w+\s+){{0,3}}?{_STATE}\b",
    r"\byou\s+(?:\w+\s+)?(?:were|was|are|went|got)\s+(?:\w+\s+)?(?:blind|deaf)\b",
    r"\byou\s+(?:could|can|did)(?:n't|not|\s+not)\s+(?:see|hear)\b",
    r"\b(?:blind|deaf)(?:ness)?\b",
)


_ENDS = re.compile(
    r"\b(?:camera|webcam|microphone|mic|sensor|radar|imu|stream|feed|track|video|audio|sound)s?\b\s+(?:\w+\s+)?"
    r"(?:ended|stopped|died|finished|broke\s+off|was\s+over)\b"
)


def find_end(text: str) -> frozenset[Sensor] | None:
    """Return the senses of which a text says that their stream has ended, none for any; None where it says no such."""
    return frozenset(_named(text)) if _ENDS.search(text) else None


def find_blind(text: str) -> frozenset[Sensor] | None:
    """Return the senses that a text says are blind, none for any; None where it says no such thing."""
    if not has(_IS_BLIND, text):
        return None
    return frozenset(_named(text))


def not_understood(question: Question) -> str:
    """Return the sensor of which a question wants to know what it sensed, where nothing here perceives that, or ""."""
    if question.about in {"sensors", "speech", "sound", "heard"} or question.anchor is not None:
        return ""  # words that were said, or that name a moment, are data
    named = _named(question.text.lower())
    return next((NAMES[sensor] for sensor in named if sensor not in PERCEIVED), "")


def _is_past(question: Question, asked_ns: int) -> bool:
    """Tell "was the camera covered at 0:10" from "is it covered"."""
    if question.span is not None:
        is_now = question.span.is_point and question.span.end_ns is not None and question.span.end_ns >= asked_ns
        return not is_now
    text = question.text.lower()
    return bool(_PAST.search(text) and _BAD.search(text))


def _tell_past(question: Question, wanted: list[Sensor], coverage: Coverage, draft: Draft) -> None:
    """Tell from the gaps of the windows when a sensor saw or heard nothing."""
    names = _streams(wanted, coverage)
    gaps = [gap for gap in coverage.gaps if gap.hits[0].stream in names]
    notes = coverage.notes(wanted)
    start_ns, end_ns = coverage.windows[0][0], coverage.windows[-1][1]
    if notes:
        draft.state(f"{_lead_past(question, notes, gaps)}{' '.join(notes)}", draft.rows(gaps))
    else:
        titles = listing([f"{NAMES[coverage.streams[name]]} {plain(name)!r}" for name in names])
        text = f"{titles[:1].upper()}{titles[1:]} worked {draft.clock.window(start_ns, end_ns)}."
        rows = draft.watched(names, start_ns, end_ns, "working")
        draft.state(f"{_lead_past(question, notes, gaps)}{text}", rows)


def _lead_past(question: Question, notes: list[str], gaps: list[Episode]) -> str:
    """Return "Yes. ", "2 times. ", "12.0 s in all. ", or "None. " where that is the answer."""
    text = question.text.lower()
    lapses = joined(gap for gap in gaps if gap.level == 0)
    if question.ask == "whether":
        return "Yes. " if bool(notes) == bool(_BAD.search(text)) else "No. "
    if question.ask == "how_often" and _IS_NUMBER.search(text):
        return f"{count(len(lapses), 'time')}. "
    if question.ask == "how_long":
        return f"{length(total_ns(lapses))} in all. " if lapses else ""
    return "None. " if not notes and _BAD.search(text) and re.search(r"\b(?:which|what|any)\b", text) else ""


def _lead(question: Question, wanted: list[Sensor], coverage: Coverage) -> str:
    if question.ask == "how_often":
        return f"{len(_streams(wanted, coverage))}. "
    if question.ask != "whether":
        return ""
    is_well = all(_working(sensor, coverage) for sensor in wanted) and not _blind(wanted, coverage)
    is_yes = not is_well if _BAD.search(question.text.lower()) else is_well
    return "Yes. " if is_yes else "No. "


def _streams(sensors: list[Sensor], coverage: Coverage) -> list[str]:
    return sorted(name for name, sensor in coverage.streams.items() if sensor in sensors)


def _working(sensor: Sensor, coverage: Coverage) -> list[str]:
    return [name for name in _streams([sensor], coverage) if name not in coverage.blind]


def _blind(sensors: list[Sensor], coverage: Coverage) -> list[str]:
    return [name for name in _streams(sensors, coverage) if name in coverage.blind]


def _state(sensor: Sensor, coverage: Coverage) -> str:
    if sensor not in coverage.streams.values():
        return f"There is no {NAMES[sensor]}."
    works = len(_working(sensor, coverage))
    blind = coverage.blindness([sensor])
    if not works:
        return blind
    does = "work" if sensor in PERCEIVED else "give"  # of the others no more is known than that samples come
    text = (
        f"{count(works, NAMES[sensor])} {does}{'s' if works == 1 else ''}{'' if sensor in PERCEIVED else ' samples'}."
    )
    return f"{text} {blind}".strip()


def _rows(sensor: Sensor, asked_ns: int, coverage: Coverage, draft: Draft) -> list[Evidence]:
    """Return the last watermark of every stream of this sense."""
    rows = draft.watched(_working(sensor, coverage), asked_ns, asked_ns, "works")
    dark = draft.watched(_blind([sensor], coverage), asked_ns, asked_ns, "blind")
    return [*rows, *(replace(row, text=f"blind: {plain(coverage.blind[row.stream])}") for row in dark)]
