"""A question about the yard with its true answer, the evidence for it, and how old that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from runtime.messages import Box

AnswerKind: TypeAlias = Literal[
    "class", "colour", "number", "side", "direction", "speed", "yes_no", "sound", "order", "duration", "time", "list",
    "refuted", "unknown",
]  # fmt: skip
Kind: TypeAlias = Literal["answerable", "false_premise", "unanswerable"]
Group: TypeAlias = Literal[
    "what", "colour", "how_many", "where", "which_way", "how_fast", "approaching", "sound", "order", "how_long", "when",
    "how_long_ago", "dark", "before_after", "exists",
]  # fmt: skip
Value: TypeAlias = str | int | float | tuple[str, ...]
RECENT_S, MINUTES_S, HOURS_S = 5.0, 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A value of the closed vocabulary; a time is in seconds from the start, right within its tolerance.

    `refuted` is the answer to a question whose premise is false, `unknown` to one that nobody could answer.
    """

    kind: AnswerKind
    value: Value = ""
    tolerance_s: float = 0.0

    def agrees(self, other: Answer) -> bool:
        """Say whether another answer says the same, as exactly as it must."""
        if self.kind != other.kind:
            return False
        if self.kind in {"duration", "time"}:
            return abs(float(self.value) - float(other.value)) <= self.tolerance_s + 1e-6  # type: ignore[arg-type]
        if self.kind == "list":
            return set(self.value) == set(other.value)  # type: ignore[arg-type]
        return self.value == other.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the answer can be seen or heard: times, and boxes of the things it is about (moment, entity, box)."""

    ranges_s: tuple[tuple[float, float], ...] = ()
    boxes: tuple[tuple[float, int, Box], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its truth."""

    group: Group
    text: str
    asked_s: float
    asks: AnswerKind  # what kind of answer it wants
    answer: Answer
    evidence: Evidence
    age_s: float  # how long ago the evidence ended when it is asked
    kind: Kind
    stratum: str  # recent, older, minutes or hours; of a poll: the kind of negative
    options: tuple[str, ...] = ()  # between what it lets choose


def age_stratum(age_s: float) -> str:
    """Return how old evidence is, in a word."""
    if age_s <= RECENT_S:
        return "recent"
    if age_s < MINUTES_S:
        return "older"
    return "minutes" if age_s < HOURS_S else "hours"
