"""The bus as a producer sees it: a connection counts once its followers are heard on it.

After a broker's crash every client comes back in its own time. What a producer sends before its followers have
subscribed again is lost, and a watermark would vouch for it. So each new connection begins with a roll call: a
watermark that says nothing new, repeated until every follower has answered with its progress. The call has a number:
progress that was on its way since before the crash does not carry it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from runtime.bus import Bus
from runtime.errors import BusLost
from runtime.messages import Message, Progress, Watermark

logger = logging.getLogger(__name__)

CALL_S = 0.2  # between two calls


class SteadyBus:
    """What an outbox needs of a bus; `run` calls the roll, `heard` notes who answered."""

    def __init__(self, bus: Bus, followers: Sequence[str], call: Callable[[], Watermark | None]) -> None:
        """Stand before `bus`; `call` gives a watermark that everybody knows already, None before the first stream."""
        self.name = bus.name
        self.generation = bus.generation
        self._bus = bus
        self._followers = frozenset(followers)
        self._call = call
        self._number = 0  # of the present call
        self._answered: set[str] = set()
        self._changed = asyncio.Condition()

    async def publish(self, message: Message, *, retry: bool = True) -> None:
        """Send, but not on a connection whose followers are not back. Raises BusLost."""
        if self._bus.generation != self.generation:
            raise BusLost(message.kind, 0.0)
        await self._bus.publish(message, retry=retry)

    async def reconnected(self, generation: int) -> int:
        """Wait until a connection newer than `generation` is complete and return its number."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > generation)
            return self.generation

    async def heard(self, progress: Progress) -> None:
        """Note that a follower is there, if this answers the present call."""
        if progress.call == self._number:
            async with self._changed:
                self._answered.add(progress.stream)
                self._changed.notify_all()

    async def run(self) -> None:
        """Call the roll on every new connection; for ever."""
        while True:
            generation = await self._bus.reconnected(self.generation)
            if generation <= self.generation:
                return  # a bus inside one process never comes back
            self._number = time.time_ns()  # no other call has it, nor one of an earlier run
            self._answered.clear()
            while self._bus.generation == generation and not await self._are_all_here():
                watermark = self._call()
                if watermark is None:
                    break
                with suppress(BusLost):
                    await self._bus.publish(replace(watermark, call=self._number), retry=False)
            if self._bus.generation == generation:
                async with self._changed:
                    self.generation = generation
                    self._changed.notify_all()
                logger.info("%s hears %s again", self.name, ", ".join(sorted(self._followers)))

    async def _are_all_here(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(CALL_S), self._changed:
                await self._changed.wait_for(lambda: self._followers <= self._answered)
        return self._followers <= self._answered
