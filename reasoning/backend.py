"""What answers: one question with all that belongs to it in, an answer with evidence out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from reasoning.deadline import NONE, Deadline
from reasoning.evidence import Composed, answer
from reasoning.understand import Question
from runtime.messages import Frame, Recalled, Sensor, record_id

RECORDS = "evidence"  # the name of who answers from records alone
Say = Callable[[str], Awaitable[None]]  # tells the next part of an answer's text while it is being made


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A stored picture that memory gave back for a question."""

    record_id: str
    stream: str
    t_ns: int
    payload: bytes  # image/jpeg


def picture_of(frame: Frame) -> Picture:
    """Return a frame as a picture under the id of its record."""
    return Picture(record_id=record_id(frame), stream=frame.stream, t_ns=frame.t_ns, payload=frame.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question and all that belongs to it."""

    question: Question
    recalled: Recalled | None  # None where memory was silent
    asked_ns: int
    session_start_ns: int  # 0 where nobody has said yet
    blind: Mapping[str, str]  # stream -> why it sees or hears nothing
    sensors: Mapping[str, Sensor]
    truncated: bool
    active: Mapping[str, int]  # stream -> since when something goes on that no record tells of yet
    blind_ns: Mapping[str, int] = field(default_factory=dict)  # since when a blind stream is, where that is known
    deadline: Deadline = NONE
    skipped: int = 0  # frames of the last two minutes that the model was too slow for
    explains: bool = False  # whether it is to be measured what the answer rests on
    pictures: Sequence[Picture] = ()  # of times that lie before what is watched now, oldest first


class Backend(Protocol):
    """Answers the questions of one session, one at a time."""

    name: str
    wants_frames: bool  # whether `see` is called
    deadline_s: float | None  # what one answer may take from the asking; None for as long as it takes

    async def see(self, frame: Frame) -> None:
        """Look at the next frame, in the order of time."""

    def sees_from_ns(self, asked_ns: int) -> int | None:
        """Return the time of the oldest frame that a question would find before it, None where there is none."""

    async def answer(self, case: Case, say: Say) -> Composed:
        """Return the answer. Cancelling the wait ends it within one token."""

    def close(self) -> None:
        """Let go of what it holds."""


class EvidenceBackend:
    """No language model: sentences are templates over records."""

    name = RECORDS
    wants_frames = False
    deadline_s: float | None = None

    async def see(self, frame: Frame) -> None:
        """Ignore it: records tell of what was seen."""

    def sees_from_ns(self, asked_ns: int) -> int | None:
        """Return nothing: it has no frames."""
        return None

    async def answer(self, case: Case, say: Say) -> Composed:
        """Return what the records say."""
        composed = from_records(case)
        for part in parts_of(composed):
            await say(part)
        return composed

    def close(self) -> None:
        """Hold nothing."""


def parts_of(composed: Composed) -> list[str]:
    """Return an answer's sentences as parts of its text."""
    return [f"{' ' if number else ''}{one.text}" for number, one in enumerate(composed.sentences)]


def from_records(case: Case) -> Composed:
    """Return what the records alone say."""
    composed = answer(
        case.question,
        case.recalled,
        case.asked_ns,
        case.blind,
        case.sensors,
        case.truncated,
        active=case.active,
        blind_ns=case.blind_ns,
    )
    return replace(composed, is_from_records=True)
