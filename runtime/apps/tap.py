"""Listens to every message of a session while something is going on, and hears it to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from runtime.bus import LOSSLESS, Bus
from runtime.messages import Cancel, Message
from runtime.wire import ROOT

READY_S = 15.0
TAP_END = "end-of-replay"  # tells the tap that it has heard everything


class Tap:
    """One listener on a connection of its own; `client` is another one, which says when all is said."""

    def __init__(self, bus: Bus, client: Bus, session: str, hear: Callable[[Message], None]) -> None:
        """Hand every message of the session to `hear`."""
        self._bus = bus
        self._client = client
        self._session = session
        self._hear = hear

    async def beside(self, course: Coroutine[Any, Any, None]) -> None:
        """Listen while `course` runs, and until everything that it brought about was heard."""
        await self._bus.ready(READY_S)
        async with asyncio.TaskGroup() as group:
            listening = asyncio.Event()
            group.create_task(self._listen(listening), name="tap")
            await listening.wait()
            await course
            await self._client.publish(Cancel(session=self._session, query_id=TAP_END))

    async def _listen(self, listening: asyncio.Event) -> None:
        heard = await self._bus.subscribe(f"{ROOT}/{self._session}/+/+", rule=LOSSLESS)
        listening.set()
        async for delivery in heard:
            message = delivery.message
            if isinstance(message, Cancel) and message.query_id == TAP_END:
                return
            self._hear(message)


def both(
    first: Callable[[Message], None] | None, second: Callable[[Message], None] | None
) -> Callable[[Message], None] | None:
    """Return what hands a message to both listeners, of which either may be missing."""
    if first is None or second is None:
        return first or second

    def hear(message: Message) -> None:
        first(message)
        second(message)

    return hear
