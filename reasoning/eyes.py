"""The backend's frames and its turn: it looks at frames as they come, and at none after a question when it answers.

Nobody else calls the backend, and it does one thing at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from reasoning.backend import Backend, Case, Say
from reasoning.deadline import NONE, Deadline
from reasoning.evidence import Composed
from reasoning.frames import FrameQueue
from reasoning.pictures import bring
from reasoning.spoken import records_alone
from runtime.bus import Bus
from runtime.messages import Frame, Record
from runtime.order import END_NS

SKIPPED_NS = 120_000_000_000  # before a question: pictures that were skipped then are told of
FRAMES_ROOM = 64  # live frames that wait for a slow model: half a minute of them


class Eyes:
    """Shows one backend what there is to see."""

    def __init__(self, backend: Backend, bus: Bus, session: str, *, is_replay: bool, memory_s: float) -> None:
        """Wait at most `memory_s` for pictures of earlier; a replay's frames are never lost, and waited for."""
        self.backend = backend
        self._bus = bus
        self._session = session
        self._is_replay = is_replay
        self._memory_s = memory_s
        self._frames = FrameQueue(None if is_replay else FRAMES_ROOM)
        self._shown_ns = -1  # time of the newest frame that the backend was shown
        self._turn = asyncio.Lock()
        self._may_look = asyncio.Event()
        self._judging: asyncio.Task[Composed] | None = None  # a rule's check that is under way

    @property
    def lost(self) -> int:
        """Return how many frames were never looked at."""
        return self._frames.lost

    def take(self, records: Iterable[Record]) -> None:
        """Take frames whose time has come."""
        for frame in records:
            assert isinstance(frame, Frame)
            self._frames.put(frame)
        self._may_look.set()

    async def catch_up(self) -> None:
        """Wait until all that was taken was looked at."""
        if len(self._frames):
            async with self._turn:
                await self._look_until(END_NS, NONE)

    async def look_on(self, until_ns: Callable[[], int]) -> None:
        """Live: look at frames as they come, up to the earliest question that waits."""
        while not self._is_replay:
            self._may_look.clear()
            async with self._turn:
                frame = self._frames.take(until_ns())
                if frame is not None:
                    await self._look(frame)
            if frame is None:
                await self._may_look.wait()

    def may_look(self) -> None:
        """Let it go on: no question waits any more."""
        self._may_look.set()

    async def ask(self, case: Case, query_id: str, say: Say) -> Composed:
        """Show the backend all frames up to the question and nothing after it, then ask.

        Live, a rule's check makes way for it. Where the deadline passes before the backend is asked, the records
        answer.
        """
        if self._judging is not None and not self._is_replay:
            self._judging.cancel()
        return await self._ask(case, query_id, say)

    async def judge(self, case: Case, query_id: str) -> Composed | None:
        """Ask on behalf of a rule, live about what has been shown by then; None where a question came in between."""
        async with asyncio.TaskGroup() as group:
            task = self._judging = group.create_task(self._ask(case, query_id, _unsaid, is_rule=True), name=query_id)
        self._judging = None
        return None if task.cancelled() else task.result()

    async def _ask(self, case: Case, query_id: str, say: Say, *, is_rule: bool = False) -> Composed:
        try:
            async with case.deadline.wait():
                await self._turn.acquire()
        except TimeoutError:
            return records_alone(case, f"Others were before you for {case.deadline.limit_s:g} s")
        try:
            if is_rule and not self._is_replay:
                case = replace(case, asked_ns=max(case.asked_ns, self._shown_ns))
            if not self.backend.wants_frames:
                return await self.backend.answer(case, say)
            if not await self._look_until(case.asked_ns, case.deadline):
                return records_alone(case, f"My model is {len(self._frames)} pictures behind the cameras")
            return await self.backend.answer(await self._with_pictures(case, query_id), say)
        finally:
            self._turn.release()

    async def _with_pictures(self, case: Case, query_id: str) -> Case:
        """Return the case with pictures of earlier, and how many were skipped."""
        since_ns = self.backend.sees_from_ns(case.asked_ns)
        old = await bring(self._bus, self._session, case, since_ns, query_id, self._memory_s)
        skipped = self._frames.lost_between(case.asked_ns - SKIPPED_NS, case.asked_ns)
        return replace(case, pictures=old, skipped=skipped)

    async def _look_until(self, t_ns: int, deadline: Deadline) -> bool:
        """Look at the frames up to a time; False where the deadline passed before the last of them."""
        while frame := self._frames.take(t_ns):
            await self._look(frame)
            if deadline.is_over() and self._frames.has(t_ns):
                return False
        return True

    async def _look(self, frame: Frame) -> None:
        self._shown_ns = max(self._shown_ns, frame.t_ns)
        await self.backend.see(frame)


async def _unsaid(text: str) -> None:
    """Keep it: what is asked for a rule is nobody's answer."""
