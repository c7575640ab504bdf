"""What a producer of lossless records keeps until memory says `stored`, because a broker's PUBACK promises nothing.

After a reconnect everything unconfirmed goes out again, in order and before anything new, so that a watermark never
overtakes a record it vouches for. Memory takes each id once.
"""

from __future__ import annotations

import asyncio
import logging

from runtime.bus import Bus
from runtime.errors import BusLost
from runtime.messages import Message, Record, Watermark, record_id

logger = logging.getLogger(__name__)

RESEND_AFTER_S = 5.0  # unconfirmed for so long: memory was away, send again
RETRY_S = 0.5  # after a reconnect sooner, then ever later: memory may find the broker after we do


class Outbox:
    """Sends records and watermarks in order and remembers the records until they are stored."""

    def __init__(self, bus: Bus, room: int = 4096) -> None:
        """Keep at most `room` unconfirmed records; `send` waits when it is full."""
        self.resent = 0
        self._bus = bus
        self._room = room
        self._unconfirmed: dict[str, Record] = {}
        self._watermarks: dict[str, Watermark] = {}
        self._turn = asyncio.Lock()
        self._generation = bus.generation
        self._confirmed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._unconfirmed)

    async def send(self, record: Record) -> None:
        """Publish a record and keep it until it is stored; waits while the outbox is full."""
        async with self._confirmed:
            await self._confirmed.wait_for(lambda: len(self._unconfirmed) < self._room)
            self._unconfirmed[record_id(record)] = record
        await self._publish(record)

    async def send_watermark(self, watermark: Watermark) -> None:
        """Publish a watermark after every record before it; the newest is repeated after a reconnect."""
        self._watermarks[watermark.stream] = watermark
        await self._publish(watermark)

    async def confirm(self, ids: tuple[str, ...]) -> None:
        """Forget the records that memory has on disk."""
        async with self._confirmed:
            for one in ids:
                self._unconfirmed.pop(one, None)
            self._confirmed.notify_all()

    async def drained(self) -> None:
        """Wait until everything is confirmed."""
        async with self._confirmed:
            await self._confirmed.wait_for(lambda: not self._unconfirmed)

    async def keep_sending(self) -> None:
        """Send again after each reconnect, and what nobody confirmed for a while; runs beside the producer."""
        pause_s = RESEND_AFTER_S
        while True:
            generation = self._bus.generation
            oldest = next(iter(self._unconfirmed), None)
            try:
                async with asyncio.timeout(pause_s):
                    await self._bus.reconnected(generation)
                pause_s = RETRY_S
            except TimeoutError:
                is_settled = pause_s >= RESEND_AFTER_S
                pause_s = min(2 * pause_s, RESEND_AFTER_S)
                if oldest is None or oldest not in self._unconfirmed:
                    continue
                if is_settled and self._bus.is_lossless:
                    continue  # in a replay records wait in memory for as long as another stream is slow
                self._generation = -1
            async with self._turn:
                await self._catch_up()

    async def _publish(self, message: Message) -> None:
        async with self._turn:
            while not await self._catch_up():
                try:
                    await self._bus.publish(message, retry=False)
                except BusLost:
                    await self._bus.reconnected(self._generation)
                else:
                    return

    async def _catch_up(self) -> bool:
        """Send everything unconfirmed on a new connection; say whether that was needed."""
        was_behind = False
        while self._generation != self._bus.generation:
            generation = self._bus.generation
            again: list[Message] = [*self._unconfirmed.values(), *self._watermarks.values()]
            try:
                for message in again:
                    await self._bus.publish(message, retry=False)
            except BusLost:
                await self._bus.reconnected(generation)
                continue
            self._generation = generation
            self.resent += len(again)
            if again:
                logger.info("%s sent %d unconfirmed messages again", self._bus.name, len(again))
            was_behind = True
        return was_behind
