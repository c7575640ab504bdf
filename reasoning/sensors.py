"""Answers about the sensors themselves: which there are, whether they see and hear, how long they have been running."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.wording import count, length, plain

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.understand import Question
    from runtime.messages import Evidence, Sensor

NAMES: dict[Sensor, str] = {"video": "camera", "audio": "microphone"}
_WORDS: dict[Sensor, str] = {
    "video": r"\b(?:camera|webcam|lens|see|watch|look|video|picture|image|vision|visual)",
    "audio": r"\b(?:micro|mics?\b|hear|listen|sound|audio|speech|deaf|mute)",
}
_BAD = re.compile(
    r"\b(?:blind|broken|dead|muted?|covered|dark|black|off|deaf|disconnected|blocked|obstructed|missing|wrong|fail\w*|faulty|stale|down|not|no)\b"
)


def tell_sensors(question: Question, asked_ns: int, draft: Draft) -> None:
    """Say which streams of the senses asked about work; "Yes" or "No" where that, or blindness, is asked."""
    text = question.text.lower()
    wanted = [sensor for sensor, words in _WORDS.items() if re.search(words, text)] or list(NAMES)
    if not draft.streams:
        draft.abstain("No camera and no microphone is running.")
    elif question.ask == "how_long":
        rows = draft.watched(NAMES, draft.clock.origin_ns, asked_ns, "running")
        draft.state(f"I have been watching for {length(asked_ns - draft.clock.origin_ns)}.", rows)
    else:
        sentences = [_state(sensor, draft) for sensor in wanted]
        rows = [row for sensor in wanted for row in _rows(sensor, asked_ns, draft)]
        draft.state(_lead(question, wanted, draft) + " ".join(sentences), rows)


def _lead(question: Question, wanted: list[Sensor], draft: Draft) -> str:
    if question.ask == "how_often":
        return f"{sum(sensor in wanted for sensor in draft.streams.values())}. "
    if question.ask != "whether":
        return ""
    is_well = all(draft.working([sensor]) for sensor in wanted) and not _blind(wanted, draft)
    is_yes = not is_well if _BAD.search(question.text.lower()) else is_well
    return "Yes. " if is_yes else "No. "


def _blind(sensors: list[Sensor], draft: Draft) -> list[str]:
    return sorted(name for name, sensor in draft.streams.items() if sensor in sensors and name in draft.blind)


def _state(sensor: Sensor, draft: Draft) -> str:
    if sensor not in draft.streams.values():
        return f"There is no {NAMES[sensor]}."
    works = len(draft.working([sensor]))
    blind = draft.blindness([sensor])
    if not works:
        return blind
    text = f"{count(works, NAMES[sensor])} {'works' if works == 1 else 'work'}."
    return f"{text} {blind}".strip()


def _rows(sensor: Sensor, asked_ns: int, draft: Draft) -> list[Evidence]:
    """Return the last watermark of every stream of this sense."""
    rows = draft.watched([sensor], asked_ns, asked_ns, "works")
    if not _blind([sensor], draft):
        return rows
    blank = replace(draft, blind={})
    names = set(_blind([sensor], draft))
    dark = [row for row in blank.watched([sensor], asked_ns, asked_ns, "blind") if row.stream in names]
    return [*rows, *(replace(row, text=f"blind: {plain(draft.blind[row.stream])}") for row in dark)]
