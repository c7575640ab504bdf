"""What a producer of lossless records keeps until memory says `stored`, because a broker's PUBACK promises nothing.

After a reconnect everything unconfirmed goes out again, in order and before anything new, so that a watermark never
overtakes a record it vouches for. Memory takes each id once.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from runtime.errors import BusLost, WireError
from runtime.messages import Message, Record, Watermark, record_id

logger = logging.getLogger(__name__)

RESEND_AFTER_S = 5.0  # unconfirmed for so long: memory was away, send again
SETTLE_S = 1.0  # the same right after a reconnect: memory may have come back later than we


class Sender(Protocol):
    """What an outbox needs of a bus (`Bus`, `SteadyBus`)."""

    name: str
    generation: int

    async def publish(self, message: Message, *, retry: bool = True) -> None:
        """Send a message. Raises BusLost."""

    async def reconnected(self, generation: int) -> int:
        """Wait until the connection is newer than `generation`."""


class Outbox:
    """Sends records and watermarks in order and remembers the records until they are stored."""

    def __init__(self, bus: Sender, room: int = 4096) -> None:
        """Keep at most `room` unconfirmed records; `send` waits when it is full."""
        self.resent = 0
        self.refused = 0  # records that no bus would carry, for their size
        self._bus = bus
        self._room = room
        self._unconfirmed: dict[str, Record] = {}
        self._watermarks: dict[str, Watermark] = {}  # the newest of each stream
        self._unsent: dict[str, Message] = {}  # on their way out, in order
        self._turn = asyncio.Lock()
        self._generation = bus.generation
        self._confirmed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._unconfirmed)

    async def send(self, record: Record) -> None:
        """Publish a record and keep it until it is stored; waits while the outbox is full."""
        key = record_id(record)
        async with self._confirmed:
            await self._confirmed.wait_for(lambda: len(self._unconfirmed) < self._room)
            self._unconfirmed[key] = self._unsent[key] = record
        await self._send_all()

    async def send_watermark(self, watermark: Watermark) -> None:
        """Publish a watermark after every record before it; the newest is repeated after a reconnect."""
        self._watermarks[watermark.stream] = watermark
        self._unsent.pop(watermark.stream, None)  # an older one that is still here, perhaps before newer records
        self._unsent[watermark.stream] = watermark
        await self._send_all()

    async def confirm(self, ids: tuple[str, ...]) -> None:
        """Forget the records that memory has on disk."""
        async with self._confirmed:
            for one in ids:
                self._unconfirmed.pop(one, None)
                self._unsent.pop(one, None)
            self._confirmed.notify_all()

    async def drained(self) -> None:
        """Wait until everything is confirmed."""
        async with self._confirmed:
            await self._confirmed.wait_for(lambda: not self._unconfirmed)

    async def keep_sending(self) -> None:
        """Send again after each reconnect, and what nobody confirmed for a while; runs beside the producer."""
        pause_s = RESEND_AFTER_S
        while True:
            oldest = next(iter(self._unconfirmed), None)
            is_new = await self._reconnected(pause_s)
            pause_s = SETTLE_S if is_new else RESEND_AFTER_S
            if is_new:
                await self._send_all()
            elif oldest in self._unconfirmed:
                self._begin_again()
                await self._send_all()

    async def _send_all(self) -> None:
        """Send what is unsent, whoever left it here: a cancelled `send` leaves its record to the next one."""
        async with self._turn:
            while True:
                if self._generation != self._bus.generation:
                    self._generation = self._bus.generation
                    self._begin_again()
                if not self._unsent:
                    return
                key, message = next(iter(self._unsent.items()))
                try:
                    await self._bus.publish(message, retry=False)
                except BusLost:
                    await self._reconnected(RESEND_AFTER_S)
                    continue
                except WireError as error:
                    await self._refuse(key, error)
                if self._unsent.get(key) is message:
                    del self._unsent[key]

    async def _reconnected(self, limit_s: float) -> bool:
        """Wait for the next connection, but not for ever: a broker may also be slow without being away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._bus.reconnected(self._generation)
                return True
        return False

    def _begin_again(self) -> None:
        again: dict[str, Message] = {**self._unconfirmed, **self._watermarks}
        count = len(again.keys() - self._unsent.keys())
        self._unsent = again
        self.resent += count
        if count:
            logger.info("%s sends %d unconfirmed messages again", self._bus.name, count)

    async def _refuse(self, key: str, error: WireError) -> None:
        logger.warning("%s", error)
        self.refused += 1
        await self.confirm((key,))  # it will never be stored: nobody must wait for it
