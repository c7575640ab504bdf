"""A question on its way to its answer."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.bus import Delivery
from runtime.messages import Ask

Key = tuple[str, str, int, bool]  # id, question, asking time, whether it wants to be explained


@dataclass(slots=True)
class Voice:
    """What was told of an answer so far."""

    parts: int = 0
    first_s: float | None = None  # wall clock of the first one


@dataclass(frozen=True, slots=True)
class Pending:
    """A question with its id, its time and its way back."""

    query_id: str
    question: str
    explains: bool
    asked_ns: int
    came_s: float  # by the loop's clock: its deadline counts from here
    key: Key | None  # by which a repeated question is known
    ways_back: list[Delivery]  # more than one where the asker lost its broker and asked again
    voice: Voice
    settled_s: float  # wall clock from which the latency bill counts: all that was to be seen by then had been seen


def key_of(ask: Ask) -> Key | None:
    """Return what makes a question the same one; without id and time each is a new one."""
    is_known = ask.query_id and ask.asked_ns is not None
    return (ask.query_id, ask.question, ask.asked_ns or 0, ask.explains) if is_known else None
