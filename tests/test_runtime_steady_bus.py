"""A connection counts once everybody is heard on it: no record and no watermark goes out into the void."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from runtime.errors import BusLost
from runtime.messages import Progress, Utterance, Watermark
from runtime.outbox import Outbox
from runtime.steady_bus import SteadyBus
from tests.fakes import SESSION, LossyBus, utterance, watermark

CALL = watermark(-1)
pytestmark = pytest.mark.virtual_clock


@asynccontextmanager
async def steady_over(bus: LossyBus) -> AsyncIterator[SteadyBus]:
    steady = SteadyBus(bus, ("memory", "reasoning"), lambda: CALL)
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(steady.run(), name="roll call")
        yield steady
        calling.cancel()


def progress(bus: LossyBus, follower: str) -> Progress:
    """Return what a follower says to the last watermark that the broker took."""
    call = next((one.call for one in reversed(bus.accepted) if isinstance(one, Watermark)), 0)
    return Progress(session=SESSION, stream=follower, t_ns=0, call=call)


async def test_after_a_crash_it_calls_until_every_follower_has_answered() -> None:
    bus = LossyBus()
    async with steady_over(bus) as steady:
        bus.die()
        await bus.come_back()
        with pytest.raises(BusLost):
            await steady.publish(utterance(1))
        await asyncio.sleep(1)
        await steady.heard(progress(bus, "memory"))
        await asyncio.sleep(1)
        assert steady.generation == 1
        assert len(bus.held) >= 5
        (called,) = set(bus.held)
        assert isinstance(called, Watermark)
        assert called.call
        assert replace(called, call=0) == CALL
        await steady.heard(progress(bus, "reasoning"))
        assert await steady.reconnected(1) == 2
        await steady.publish(utterance(1))
        assert bus.held[-1] == utterance(1)


async def test_an_answer_from_before_the_crash_does_not_count() -> None:
    bus = LossyBus()
    async with steady_over(bus) as steady:
        for name in ("memory", "reasoning"):
            await steady.heard(progress(bus, name))
        bus.die()
        await bus.come_back()
        await asyncio.sleep(1)
        assert steady.generation == 1


async def test_an_answer_to_an_earlier_call_or_to_none_does_not_count() -> None:
    bus = LossyBus()
    async with steady_over(bus) as steady:
        bus.die()
        await bus.come_back()
        await asyncio.sleep(1)
        late = [progress(bus, name) for name in ("memory", "reasoning")]
        bus.die()
        await bus.come_back()
        await asyncio.sleep(1)
        for one in (*late, *(replace(one, call=0) for one in late)):
            await steady.heard(one)
        await asyncio.sleep(1)
        assert steady.generation == 1
        for name in ("memory", "reasoning"):
            await steady.heard(progress(bus, name))
        assert await steady.reconnected(1) == 3


async def test_a_broker_that_dies_during_the_call_is_called_on_anew() -> None:
    bus = LossyBus()
    async with steady_over(bus) as steady:
        bus.die()
        await bus.come_back()
        await asyncio.sleep(1)
        await steady.heard(progress(bus, "memory"))
        bus.die()
        await bus.come_back()
        await asyncio.sleep(1)
        await steady.heard(progress(bus, "reasoning"))
        await asyncio.sleep(1)
        assert steady.generation == 1
        await steady.heard(progress(bus, "memory"))
        assert await steady.reconnected(1) == 3


async def test_an_outbox_holds_back_until_the_followers_are_there() -> None:
    bus = LossyBus()
    async with steady_over(bus) as steady, asyncio.TaskGroup() as group:
        outbox = Outbox(steady)
        sending = group.create_task(outbox.keep_sending(), name="outbox")
        await outbox.send(utterance(1))
        await asyncio.sleep(1)
        bus.die()  # record 1 is lost with the broker
        await bus.come_back()
        outbox.send_watermark(watermark(5))
        await asyncio.sleep(3)
        assert not any(isinstance(one, Utterance) or one == watermark(5) for one in bus.deliver())
        for name in ("memory", "reasoning"):
            await steady.heard(progress(bus, name))
        await asyncio.sleep(0.1)
        sent = [one for one in bus.deliver() if not isinstance(one, Watermark) or not one.call]
        assert sent == [utterance(1), watermark(5)]
        assert isinstance(sent[-1], Watermark)
        sending.cancel()
