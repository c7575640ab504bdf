"""The `openai` backend: any server that speaks OpenAI's protocol, asked with the newest pictures and what was recorded.

Nothing is known of what such a model looks at, so it is told to name the numbers of the pictures and lines that each
sentence rests on; a sentence without any has no support. Where the server fails or stalls the records answer, and the
reason is told.
"""

from __future__ import annotations

import base64
import logging
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reasoning.backend import Case, Picture, Say, from_records, picture_of
from reasoning.brief import QuestionTooLong, brief, clock_of
from reasoning.completions import Completions
from reasoning.deadline import Deadline
from reasoning.evidence import Composed
from reasoning.prompt import SYSTEM
from reasoning.spoken import Claim, compose, frame_row, missed, records_alone, refusal
from reasoning.timepoints import S_NS
from runtime.errors import ModelError
from runtime.messages import Evidence, Frame

logger = logging.getLogger(__name__)

CITING = SYSTEM + " After each sentence write the numbers of the lines and pictures it rests on, like [2] or [1][3]."
RECENT = 64  # frames kept, for questions about a time before the newest
LONGEST_NUMBERS = 16  # characters
NUMBERS = re.compile(r"\[(\d{1,4}(?:\s?,\s?\d{1,4}){0,7})\]")
UNTOLD = re.compile(rf"\s*{NUMBERS.pattern}")
END = re.compile(r"""(?<![.!?…])[.!?…]++["')]*+(?=\s|\[|$)""")  # of a sentence
BEHIND = re.compile(r"(?:\s*+\[[\d,\s]{1,40}\][.]?)*+\s*+")  # numbers behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How much a server is sent, and how long it may take."""

    pictures: int
    characters: int
    deadline_s: float | None  # None in a replay, whose time stands still at a question


class RemoteBackend:
    """Asks a server; between questions it only keeps the newest frames."""

    def __init__(self, model: str, completions: Completions, sending: Sending) -> None:
        """Ask `completions`, a server's `model`."""
        self.name = model
        self.wants_frames = sending.pictures > 0
        self.deadline_s = sending.deadline_s
        self._completions = completions
        self._is_failing = False  # which is logged once
        self._sending = sending
        self._recent: deque[Frame] = deque(maxlen=max(RECENT, sending.pictures))

    async def see(self, frame: Frame) -> None:
        """Keep it."""
        self._recent.append(frame)

    def sees_from_ns(self, asked_ns: int) -> int | None:
        """Return the time of the oldest picture that would be sent with a question."""
        newest = self._newest([one for one in self._recent if one.t_ns <= asked_ns])
        return newest[0].t_ns if newest else None

    async def answer(self, case: Case, say: Say) -> Composed:
        """Ask the server; where it cannot answer the records do, and the reason is told."""
        found = from_records(case)
        if case.deadline.is_over():
            return records_alone(case, f"Others were before you for {case.deadline.limit_s:g} s")
        try:
            answered = await self._asked(case, found, say)
        except QuestionTooLong as error:
            return refusal(str(error), case)
        except (ModelError, TimeoutError) as error:
            why = f"The model {self.name} {_why(error, case.deadline)}"
            if not self._is_failing:
                logger.warning("%s, so only the records answer", why)
            self._is_failing = True
            return records_alone(case, why)
        self._is_failing = False
        return answered

    def close(self) -> None:
        """Forget the pictures."""
        self._recent.clear()

    async def _asked(self, case: Case, found: Composed, say: Say) -> Composed:
        told = brief(case, found, missed(case), self._sending.characters, len, "characters")
        recent = [one for one in self._recent if one.t_ns <= case.asked_ns]
        pictures = [*case.pictures, *(picture_of(one) for one in self._newest(recent))]
        if not (pictures or told.prompt.lines):
            return found  # nothing to look at and nothing to read: the records say why
        clock, evidence = clock_of(case), list(told.evidence)
        content: list[dict[str, Any]] = []
        for picture in pictures:
            evidence.append((_row(picture, clock.origin_ns),))
            content += _as_content(picture, f"Picture [{len(evidence)}] at {clock.at(picture.t_ns)} {picture.stream}:")
        content.append(
            {"type": "text", "text": "\n".join((told.prompt.intro, *told.prompt.lines, told.prompt.closing))}
        )
        said, told_to, remarks = "", 0, []
        try:
            async with case.deadline.wait():
                async for piece in self._completions.stream(CITING, content):
                    said, told_to = await _tell(said + piece, told_to, say)
            if rest := UNTOLD.sub("", said[told_to:]).rstrip():
                await say(rest)
        except (ModelError, TimeoutError) as error:
            if not said.strip():
                raise
            remarks.append(f"The answer is not whole: the model {self.name} {_why(error, case.deadline)}.")
        if case.skipped:
            remarks.append(f"I skipped {case.skipped} pictures of the last two minutes.")
        return compose(claims_of(said, evidence), case, 0.0, remarks)

    def _newest(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        return frames[-self._sending.pictures :]


def _why(error: ModelError | TimeoutError, deadline: Deadline) -> str:
    return error.reason if isinstance(error, ModelError) else f"took longer than {deadline.limit_s:g} s"


async def _tell(said: str, start: int, say: Say) -> tuple[str, int]:
    """Tell what came after `start`, but for the numbers in brackets; return all that was said, and what is told of it.

    What may yet become such a number waits.
    """
    open_at = said.rfind("[", start)
    end = len(said) if open_at < 0 or "]" in said[open_at:] or len(said) - open_at > LONGEST_NUMBERS else open_at
    end = max(start, len(said[:end].rstrip()))  # a space before a number goes with it
    if text := UNTOLD.sub("", said[start:end]):
        await say(text)
    return said, end


def claims_of(said: str, evidence: Sequence[Sequence[Evidence]]) -> list[Claim]:
    """Return the sentences of an answer with what their numbers name; numbers that name nothing are left out."""
    claims, start = [], 0
    while start < len(said):
        end = END.search(said, start)
        stop = end.end() if end is not None else len(said)
        behind = BEHIND.match(said, stop)
        after = behind.end() if behind is not None else stop
        numbers = [int(one) for group in NUMBERS.findall(said[start:after]) for one in group.split(",")]
        text = re.sub(r"\s+([.,!?…])", r"\1", " ".join(NUMBERS.sub("", said[start:stop]).split()))
        named = [number for number in dict.fromkeys(numbers) if 0 < number <= len(evidence)]
        rows = [replace(row, score=1.0) for number in named for row in evidence[number - 1]]  # it was cited
        if re.search(r"\w", text):
            claims.append(Claim(text=text, evidence=tuple(rows)))
        start = max(after, start + 1)
    return claims


def _as_content(picture: Picture, title: str) -> list[dict[str, Any]]:
    url = f"data:image/jpeg;base64,{base64.b64encode(picture.payload).decode()}"
    return [{"type": "text", "text": title}, {"type": "image_url", "image_url": {"url": url}}]


def _row(picture: Picture, origin_ns: int) -> Evidence:
    at_s = round((picture.t_ns - origin_ns) / S_NS, 3)
    return frame_row(picture.record_id, picture.stream, at_s, at_s, None, 1.0)
