"""What a producer of lossless records keeps until memory says `stored`, because a broker's PUBACK promises nothing.

After a reconnect everything unconfirmed goes out again, in order and before anything new, so that a watermark never
overtakes a record it vouches for. Memory takes each id once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from runtime.errors import BusLost, WireError
from runtime.messages import Message, Record, Watermark, record_id

logger = logging.getLogger(__name__)

BATCH = 16  # messages on their way at once: a round trip to the broker for each would be most of a replay
RESEND_AFTER_S = 5.0  # unconfirmed for so long: memory was away, send again
SETTLE_S = 1.0  # the same right after a reconnect: memory may have come back later than we


class Sender(Protocol):
    """What an outbox needs of a bus (`Bus`, `SteadyBus`)."""

    name: str
    generation: int

    async def publish(self, message: Message, *, retry: bool = True) -> None:
        """Send a message, after those whose calls began before. Raises BusLost."""

    async def reconnected(self, generation: int) -> int:
        """Wait until the connection is newer than `generation`."""


class Outbox:
    """Takes records and watermarks in order, sends them beside the producer, and keeps the records until stored."""

    def __init__(self, bus: Sender, room: int = 4096, *, is_replay: bool = False) -> None:
        """Keep at most `room` unconfirmed records; `send` waits when it is full.

        Of watermarks that wait only each stream's newest matters, but a replay says them all, however slow the broker;
        of those that a broker took and lost the newest is repeated.
        """
        self.resent = 0
        self.refused = 0  # records that no bus would carry, for their size
        self._bus = bus
        self._room = room
        self._is_replay = is_replay
        self._unconfirmed: dict[str, Record] = {}
        self._watermarks: dict[str, Watermark] = {}  # the newest of each stream
        self._unsent: dict[str, Message] = {}  # on their way out, in order
        self._waits = asyncio.Event()  # there is something unsent
        self._generation = bus.generation
        self._changed = asyncio.Condition()  # fewer are unconfirmed or unsent

    def __len__(self) -> int:
        return len(self._unconfirmed)

    async def send(self, record: Record) -> None:
        """Take a record, to be kept until it is stored; waits while the outbox is full."""
        key = record_id(record)
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._unconfirmed) < self._room)
            self._unconfirmed[key] = self._unsent[key] = record
        self._waits.set()

    def send_watermark(self, watermark: Watermark) -> None:
        """Take a watermark, to be sent after every record before it; the newest is repeated after a reconnect."""
        key = self._key(watermark)
        self._watermarks[watermark.stream] = watermark
        self._unsent.pop(key, None)  # an older one that is still here, perhaps before newer records
        self._unsent[key] = watermark
        self._waits.set()

    async def confirm(self, ids: tuple[str, ...]) -> None:
        """Forget the records that memory has on disk."""
        for one in ids:
            self._unconfirmed.pop(one, None)
            self._unsent.pop(one, None)
        async with self._changed:
            self._changed.notify_all()

    async def sent(self) -> None:
        """Wait until everything has gone out."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._unsent)

    async def drained(self) -> None:
        """Wait until every record is confirmed."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._unconfirmed)

    async def keep_sending(self) -> None:
        """Send what is taken, again after each reconnect, and again what nobody confirmed for a while; for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_all(), name=f"{self._bus.name} sender")
            await self._send_again()

    async def _send_all(self) -> None:
        """Send what is unsent, in order and a batch at a time."""
        while True:
            if self._generation != self._bus.generation:
                self._generation = self._bus.generation
                self._begin_again()
            batch = list(itertools.islice(self._unsent.items(), BATCH))
            if not batch:
                self._waits.clear()
                await self._waits.wait()
            elif not await self._are_sent(batch):
                await self._reconnected(self._generation, RESEND_AFTER_S)

    async def _are_sent(self, batch: Sequence[tuple[str, Message]]) -> bool:
        """Send a batch and say whether the broker took it all."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._is_sent(key, message), name=f"send {key}") for key, message in batch]
        async with self._changed:
            self._changed.notify_all()
        return all(task.result() for task in tasks)

    async def _is_sent(self, key: str, message: Message) -> bool:
        if self._bus.generation != self._generation:  # since the batch was made; nothing may be awaited in between
            return False  # on a new connection what is unconfirmed goes first
        try:
            await self._bus.publish(message, retry=False)
        except BusLost:
            return False
        except WireError as error:
            logger.warning("%s", error)
            self.refused += 1
            self._unconfirmed.pop(key, None)  # it will never be stored: nobody must wait for it
        if self._unsent.get(key) is message:
            del self._unsent[key]
        return True

    async def _send_again(self) -> None:
        pause_s = RESEND_AFTER_S
        while True:
            generation = self._bus.generation
            oldest = next(iter(self._unconfirmed), None)
            is_new = await self._reconnected(generation, pause_s)
            pause_s = SETTLE_S if is_new else RESEND_AFTER_S
            if not is_new and oldest in self._unconfirmed:
                self._begin_again()
            self._waits.set()

    async def _reconnected(self, generation: int, limit_s: float) -> bool:
        """Wait for the next connection, but not for ever: a broker may also be slow without being away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._bus.reconnected(generation)
                return True
        return False

    def _begin_again(self) -> None:
        newest = {self._key(one): one for one in self._watermarks.values()}
        again: dict[str, Message] = {**self._unconfirmed, **self._unsent, **newest}
        count = len(again.keys() - self._unsent.keys())
        self._unsent = again
        self.resent += count
        if count:
            logger.info("%s sends %d unconfirmed messages again", self._bus.name, count)

    def _key(self, watermark: Watermark) -> str:
        return f"{watermark.stream} {watermark.t_ns} {watermark.ended}" if self._is_replay else watermark.stream
