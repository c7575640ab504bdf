"""A request that outlives a broker: what was on its way when the broker went is lost, so it is made again.

Whoever serves such requests must know a repeated one: it may come twice, and its first reply may be lost.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from runtime.bus import Bus
from runtime.errors import BusLost
from runtime.messages import Message

AGAIN_S = 1.0  # after a reconnect, until the other side is back too


async def insist(
    bus: Bus, message: Message, reply_kind: str, deadline_s: float, *, again_s: float | None = None
) -> Message:
    """Request, and again after each reconnect until the reply is there. Raises TimeoutError after `deadline_s`.

    Who cannot know whether the other side is there asks again every `again_s`, too.
    """
    replies: list[Message] = []
    pause_s = again_s  # None: without a reconnect the one request is enough, however long it takes

    async def ask() -> None:
        with suppress(BusLost):
            replies.append(await bus.request(message, reply_kind, 2 * deadline_s))

    async with asyncio.timeout(deadline_s):
        while not replies:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(ask(), name=f"{message.kind} {bus.name}")
                again = group.create_task(bus.reconnected(bus.generation), name=f"{bus.name} reconnected")
                await asyncio.wait({asking, again}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
                if again.done() and not asking.done():
                    pause_s = AGAIN_S
                    await asyncio.wait({asking}, timeout=pause_s)
                for task in (asking, again):
                    task.cancel()
    return replies[0]
