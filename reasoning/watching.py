"""The `transformers` backend: an LMM that has watched all along, asked with what was recorded.

Frames go into the model as they come, so that a question costs only its own words. Every call into the model runs on
one thread, token by token, so that several sessions share it in turn. Where the model fails, is late or runs out of
memory, the records answer and the reason is told.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from reasoning.backend import Case, Picture, Say, from_records, picture_of
from reasoning.brief import Brief, QuestionTooLong, brief
from reasoning.evidence import Composed
from reasoning.lmm.load import Lmm
from reasoning.lmm.looking import Methods, Shown
from reasoning.lmm.stream import Budget
from reasoning.lmm.watch import Watcher
from reasoning.prompt import SYSTEM
from reasoning.spoken import compose, missed, records_alone, refusal, remarked
from reasoning.tied import measured, tie
from reasoning.wording import Clock
from runtime.jpeg import decode_jpeg
from runtime.messages import Frame
from runtime.pretrained import is_out_of_memory
from runtime.service import Worker

logger = logging.getLogger(__name__)

T = TypeVar("T")

RECENT = 16  # frames kept as they came, for questions about a time before the newest
END = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one answer may cost."""

    answer_tokens: int
    question_tokens: int
    deadline_s: float | None  # None in a replay, whose time stands still at a question


class Engine:
    """A loaded model and its thread; several sessions may share it."""

    def __init__(self, lmm: Lmm, budget: Budget, methods: Methods, level: float) -> None:
        """Count a sentence as supported when its reliance is above `level`."""
        self.lmm = lmm
        self.budget = budget  # of each session
        self.methods = methods
        self.level = level
        self.worker = Worker("lmm")
        self._sessions = 0

    def join(self) -> None:
        """Count one more session; the first one starts the thread."""
        if self._sessions == 0:
            self.worker = Worker("lmm")
        self._sessions += 1

    def leave(self) -> None:
        """Count one session less; the last one ends the thread."""
        self._sessions -= 1
        if self._sessions == 0:
            self.worker.close()


class WatchingBackend:
    """One session's eyes and voice."""

    wants_frames = True

    def __init__(self, engine: Engine, limits: Limits) -> None:
        """Watch and speak with a model that others may use too."""
        self.name = engine.lmm.name
        self.deadline_s = limits.deadline_s
        self._engine = engine
        engine.join()
        self._worker = engine.worker
        self._budget = engine.budget
        self._limits = limits
        self._watcher: Watcher | None = None
        self._recent: deque[Frame] = deque(maxlen=RECENT)
        self._newest_ns = -1
        self._is_reduced = False  # memory ran out once
        self._failure = ""  # why the model is not asked any more

    async def see(self, frame: Frame) -> None:
        """Show the model one more frame."""
        self._recent.append(frame)
        self._newest_ns = max(self._newest_ns, frame.t_ns)
        if not self._failure:
            try:
                await self._worker.call(self._see, frame)
            except (RuntimeError, MemoryError) as error:
                logger.warning("%s", self._failed(error))

    def sees_from_ns(self, asked_ns: int) -> int | None:
        """Return the time of the oldest frame in the model's window, or of those kept for a question about before."""
        if asked_ns < self._newest_ns:
            return min((one.t_ns for one in self._recent if one.t_ns <= asked_ns), default=None)
        return self._watcher.since_ns if self._watcher is not None else None

    async def answer(self, case: Case, say: Say) -> Composed:
        """Ask the model; where it cannot answer the records do, and the reason is told."""
        found = from_records(case)
        if self._failure:
            return remarked(found, self._failure)
        late = f"{case.deadline.limit_s:g} s were over before my model's turn came"
        if case.deadline.is_over():
            return records_alone(case, late)
        try:
            return await self._asked(case, found, say)
        except QuestionTooLong as error:
            return refusal(str(error), case)
        except TimeoutError:
            return records_alone(case, late)
        except (RuntimeError, MemoryError) as error:
            reason = self._failed(error)
            logger.warning("%s", reason)
            return remarked(found, reason)

    def close(self) -> None:
        """Let go of what was seen."""
        self._watcher = None
        self._engine.leave()

    async def _asked(self, case: Case, found: Composed, say: Say) -> Composed:
        async with case.deadline.wait():
            told = await self._worker.call(self._brief, case, found)
            watcher = await self._before(case)
        if not (watcher.window() or told.prompt.lines):
            return found  # nothing to look at and nothing to read: the records say why
        words = watcher.answer(told.prompt, self._limits.answer_tokens)
        remarks = []
        try:
            async with case.deadline.wait():
                await self._speak(words, say)
        except TimeoutError:
            remarks.append(f"I stopped when my {case.deadline.limit_s:g} s were over.")
        finally:
            ended = self._worker.begin(words.close)  # after the token in hand, whoever cancelled
        await ended
        if len(watcher.said) >= self._limits.answer_tokens:
            remarks.append(f"My answer was cut at {self._limits.answer_tokens} tokens.")
        if case.skipped:
            remarks.append(
                f"I skipped {case.skipped} pictures of the last two minutes: my model is slower than the camera."
            )
        claims = tie(watcher.spoken, told.evidence, case)
        composed = compose(claims, case, self._engine.level, remarks)
        if not case.explains or composed.abstained:
            return composed
        return await self._explained(composed, watcher, told, case)

    async def _explained(self, composed: Composed, watcher: Watcher, told: Brief, case: Case) -> Composed:
        try:
            async with case.deadline.wait():
                return await self._worker.call(measured, composed, watcher, told, case)
        except TimeoutError:
            return remarked(composed, "I had no time left to measure what the answer rests on.")

    async def _speak(self, words: Generator[str], say: Say) -> None:
        """Tell the answer's text as it comes; between two tokens other sessions have their turn."""
        while True:
            come = await self._worker.call(next, words, END)
            if come is END:
                return
            assert isinstance(come, str)
            if come:
                await say(come)

    def _brief(self, case: Case, found: Composed) -> Brief:
        watcher = self._own()
        return brief(case, found, missed(case), self._limits.question_tokens, watcher.count)

    async def _before(self, case: Case) -> Watcher:
        """Return a watcher that has seen what there was before the question, and nothing after it."""
        is_past = case.asked_ns < self._newest_ns
        if not is_past and not case.pictures:
            return await self._worker.call(self._own)
        watcher = await self._worker.call(self._new if is_past else self._aside)
        earlier = [picture_of(one) for one in self._recent if one.t_ns <= case.asked_ns] if is_past else []
        for picture in (*case.pictures, *earlier):  # other sessions have their turn in between
            await self._worker.call(_show, watcher, picture)
        return watcher

    def _see(self, frame: Frame) -> None:
        _show(self._own(), picture_of(frame))

    def _aside(self) -> Watcher:
        return self._own().aside()

    def _own(self) -> Watcher:
        if self._watcher is None:
            self._watcher = self._new()
        return self._watcher

    def _new(self) -> Watcher:
        return Watcher(self._engine.lmm, self._budget, self._engine.methods, SYSTEM)

    def _failed(self, error: BaseException) -> str:
        """Begin anew, with half the window where memory ran out; a second time the model is not asked any more."""
        self._watcher = None
        if not is_out_of_memory(error):
            return f"My language model failed ({_first_line(error)}), so only the records answer."
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if not self._is_reduced:
            self._is_reduced = True
            self._budget = replace(self._budget, window=self._budget.window // 2, recalled=0)
            return "My language model ran out of memory: it goes on with half its window."
        self._failure = "My language model ran out of memory twice, so only the records answer."
        return self._failure


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:120] or type(error).__name__


def _show(watcher: Watcher, picture: Picture) -> None:
    """Show a picture under its second and its camera's name."""
    try:
        image = decode_jpeg(picture.payload).to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    except ValueError as error:
        logger.warning("%s cannot be looked at: %s", picture.record_id, error)
        return
    second = Clock(picture.t_ns, 0, None).at(picture.t_ns).split(".")[0]
    shown = Shown(record_id=picture.record_id, stream=picture.stream, t_ns=picture.t_ns)
    watcher.see(image, shown, f"\n{second} {picture.stream} ")
