"""The backend's frames and its turn: it looks at frames as they come, and at none after a question when it answers.

Nobody else calls the backend, and it does one thing at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from reasoning.backend import Backend, Case, Say
from reasoning.evidence import Composed
from reasoning.frames import FrameQueue
from reasoning.pictures import bring
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
        self._turn = asyncio.Lock()
        self._may_look = asyncio.Event()

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
                await self._look_until(END_NS)

    async def look_on(self, until_ns: Callable[[], int]) -> None:
        """Live: look at frames as they come, up to the earliest question that waits."""
        while not self._is_replay:
            self._may_look.clear()
            async with self._turn:
                frame = self._frames.take(until_ns())
                if frame is not None:
                    await self.backend.see(frame)
            if frame is None:
                await self._may_look.wait()

    def may_look(self) -> None:
        """Let it go on: no question waits any more."""
        self._may_look.set()

    async def ask(self, case: Case, query_id: str, say: Say) -> Composed:
        """Show the backend all frames up to the question and nothing after it, then ask."""
        async with self._turn:
            if self.backend.wants_frames:
                await self._look_until(case.asked_ns)
                since_ns = self.backend.sees_from_ns(case.asked_ns)
                old = await bring(self._bus, self._session, case, since_ns, query_id, self._memory_s)
                skipped = self._frames.lost_between(case.asked_ns - SKIPPED_NS, case.asked_ns)
                case = replace(case, pictures=old, skipped=skipped)
            return await self.backend.answer(case, say)

    async def _look_until(self, t_ns: int) -> None:
        while frame := self._frames.take(t_ns):
            await self.backend.see(frame)
