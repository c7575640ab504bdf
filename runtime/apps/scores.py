"""How well intervals, words and answers match what a person saw and heard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from runtime.messages import Answer

Interval: TypeAlias = tuple[float, float]  # seconds

NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    )
} | {"once": 1, "twice": 2, "never": 0, "zero": 0, "nothing": 0}
TIME = re.compile(r"\b(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)\b")
DURATION = re.compile(r"\b(\d+(?:\.\d+)?) ?(?:s|sec|seconds?)\b")
MINUTES = re.compile(r"\b(\d+) min(?:utes?)?(?: (?:and )?(\d+(?:\.\d+)?) s)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class F1:
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def interval_f1(found: Sequence[Interval], truth: Sequence[Interval], neutral: Sequence[Interval]) -> F1:
    """Match found to true intervals one to one at temporal IoU >= 0.5; neutral ones that match none are left out."""
    pairs = sorted(
        ((_iou(one, other), i, j) for i, one in enumerate(found) for j, other in enumerate(truth)), reverse=True
    )
    hits: dict[int, int] = {}
    for iou, i, j in pairs:
        if iou >= 0.5 and i not in hits and j not in hits.values():
            hits[i] = j
    extra = [one for i, one in enumerate(found) if i not in hits and not _is_mostly_in(one, neutral)]
    return _f1(len(hits), len(extra), len(truth) - len(hits))


def frame_f1(
    found: Sequence[Interval],
    truth: Sequence[Interval],
    neutral: Sequence[Interval],
    length_s: float,
    *,
    frame_s: float = 0.03,
    collar_s: float = 0.1,
) -> F1:
    """Compare per frame; frames within the collar of a true border, or in neutral time, are left out."""
    borders = [border for one in truth for border in one]
    counts = {"hit": 0, "extra": 0, "missed": 0}
    for number in range(int(length_s / frame_s)):
        middle_s = (number + 0.5) * frame_s
        if any(abs(middle_s - border) < collar_s for border in borders) or _is_in(middle_s, neutral):
            continue
        match _is_in(middle_s, found), _is_in(middle_s, truth):
            case True, True:
                counts["hit"] += 1
            case True, False:
                counts["extra"] += 1
            case False, True:
                counts["missed"] += 1
    return _f1(counts["hit"], counts["extra"], counts["missed"])


def word_errors(said: str, truth: str) -> tuple[int, int]:
    """Return (substitutions + deletions + insertions, true words) by edit distance over words."""
    given, wanted = _words(said), _words(truth)
    row = list(range(len(given) + 1))
    for i, word in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1], len(wanted)


def faults(answer: Answer, entry: Mapping[str, Any]) -> list[str]:
    """Return why an answer is wrong by a truth entry (tests/truth/README.md); empty means right."""
    if not entry["answerable"]:
        return [] if answer.abstained else ["answered, should abstain"]
    if answer.abstained:
        return ["abstained"]
    right = entry["right"]
    checks = {
        "evidence_in_s": lambda wanted: any(_lies_in((one.start_s, one.end_s), wanted) for one in answer.evidence),
        "time_in_s": lambda wanted: _first_time_in(answer.answer, wanted),
        "count": lambda wanted: any(wanted[0] <= one <= wanted[1] for one in stated_numbers(answer.answer)),
        "duration_s": lambda wanted: any(wanted[0] <= one <= wanted[1] for one in stated_durations_s(answer.answer)),
        "says_any": lambda wanted: any(_says(answer.answer, one) for one in wanted),
        "says_all": lambda wanted: all(_says(answer.answer, one) for one in wanted),
        "yes": lambda wanted: answer.answer.lower().startswith("yes" if wanted else "no"),
    }
    return [name for name, wanted in right.items() if not checks[name](wanted)]


def stated_times_s(text: str) -> list[float]:
    """Return every m:ss or h:mm:ss in a text, in seconds."""
    return [int(h or 0) * 3600 + int(m) * 60 + float(s) for h, m, s in TIME.findall(text)]


def stated_durations_s(text: str) -> list[float]:
    """Return every duration named in seconds, or in minutes and seconds."""
    plain = TIME.sub(" ", text)
    minutes = [int(m) * 60 + float(s or 0) for m, s in MINUTES.findall(plain)]
    return minutes + [float(one) for one in DURATION.findall(MINUTES.sub(" ", plain))]


def stated_numbers(text: str) -> list[int]:
    """Return the whole numbers that a text states as counts: no clock times, no durations, no frequencies."""
    plain = re.sub(
        r"\b\d+(?:\.\d+)? ?(?:s|sec|seconds?|ms|hz|khz|db|%|min|minutes?)\b", " ", TIME.sub(" ", text.lower())
    )
    numbers = [int(one) for one in re.findall(r"(?<![\d.:])\b\d+\b(?![\d.:])", plain)]
    return numbers + [NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", plain) if word in NUMBER_WORDS]


def _first_time_in(text: str, wanted: Sequence[Interval]) -> bool:
    times = stated_times_s(text)
    return bool(times) and _is_in(times[0], wanted)


def _lies_in(one: Interval, wanted: Sequence[Interval]) -> bool:
    length_s = one[1] - one[0]
    if length_s <= 0:
        return _is_in(one[0], wanted)
    return any(_overlap_s(one, other) >= length_s / 2 for other in wanted)


def _says(text: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase.lower())}\b", text.lower()) is not None


def _iou(one: Interval, other: Interval) -> float:
    shared_s = _overlap_s(one, other)
    return shared_s / (one[1] - one[0] + other[1] - other[0] - shared_s) if shared_s > 0 else 0.0


def _overlap_s(one: Interval, other: Interval) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _is_in(time_s: float, intervals: Sequence[Interval]) -> bool:
    return any(start_s <= time_s <= end_s for start_s, end_s in intervals)


def _is_mostly_in(one: Interval, intervals: Sequence[Interval]) -> bool:
    return sum(_overlap_s(one, other) for other in intervals) > (one[1] - one[0]) / 2


def _f1(hits: int, extra: int, missed: int) -> F1:
    precision = hits / (hits + extra) if hits + extra else 1.0
    recall = hits / (hits + missed) if hits + missed else 1.0
    both = 2 * hits + extra + missed
    return F1(precision=round(precision, 4), recall=round(recall, 4), f1=round(2 * hits / both if both else 1.0, 4))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
