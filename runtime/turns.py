"""One device for several models: a call at a time, the most urgent first, and what comes too late is not begun.

An answer that somebody waits for goes before what is looked at by the way; among equals the first come goes first. What
runs is never broken off: a device has no way to do so.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from runtime.service import Worker

T = TypeVar("T")


class Urgency(IntEnum):
    """Whose turn is first."""

    ANSWER = 0
    PERCEPT = 1


class Turns:
    """Lets calls onto one device, by urgency."""

    def __init__(self, name: str) -> None:
        """Start the device's thread with the first call."""
        self.late = 0  # calls that were given up before they began
        self._worker = Worker(name)
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._is_busy = False

    def __len__(self) -> int:
        """Return how many calls wait."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    async def call(
        self, function: Callable[..., T], *values: Any, urgency: Urgency, within_s: float | None = None
    ) -> T:
        """Run `function` on the device's thread when its turn comes; cancelling the wait does not stop what runs.

        Raises TimeoutError where the turn does not come `within_s`; once begun it may take as long as it takes.
        """
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._count), turn))
        self._next()
        try:
            async with asyncio.timeout(within_s):
                await turn
        except TimeoutError as error:
            self.late += 1
            self._give_up(turn)
            raise TimeoutError(f"{self._worker.name} was busy for {within_s:g} s") from error
        except asyncio.CancelledError:
            self._give_up(turn)
            raise
        running = self._worker.begin(function, *values)
        running.add_done_callback(self._ended)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Take no more calls and drop those that wait; the one that runs is left to its end."""
        for _, _, turn in self._waiting:
            turn.cancel()
        self._worker.close()

    def _next(self) -> None:
        while self._waiting and not self._is_busy:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._is_busy = True
                turn.set_result(None)

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Pass on a turn that had just come."""
        if turn.done() and not turn.cancelled():
            self._release()
        turn.cancel()

    def _ended(self, running: asyncio.Future[Any]) -> None:
        if not running.cancelled():
            running.exception()  # also where nobody waits for it any more
        self._release()

    def _release(self) -> None:
        self._is_busy = False
        self._next()
