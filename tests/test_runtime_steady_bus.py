"""A new connection counts for a producer once every follower has been heard on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.errors import BusLost
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Message, Utterance, Watermark, record_id
from runtime.outbox import Outbox
from runtime.steady_bus import CALL_S, SteadyBus
from tests.fakes import LossyBus, utterance, watermark

pytestmark = pytest.mark.virtual_clock

FOLLOWERS = ("memory", "reasoning")
CALL = watermark(-1)


def a_call() -> Watermark | None:
    return CALL


@asynccontextmanager
async def calling(steady: SteadyBus) -> AsyncIterator[None]:
    running = asyncio.create_task(steady.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_the_first_connection_counts_at_once() -> None:
    bus = LossyBus()
    steady = SteadyBus(bus, FOLLOWERS, a_call)
    async with calling(steady):
        await steady.publish(utterance(1))
        await asyncio.sleep(60.0)
    assert bus.accepted == [utterance(1)]


async def test_on_a_new_connection_nothing_is_sent_before_all_followers_are_heard() -> None:
    bus = LossyBus()
    steady = SteadyBus(bus, FOLLOWERS, a_call)
    async with calling(steady):
        waiting = asyncio.create_task(steady.reconnected(1))
        bus.die()
        await asyncio.sleep(60.0)
        await bus.come_back()
        for follower in (None, "memory", "memory"):
            await asyncio.sleep(2.5 * CALL_S)
            if follower:
                await steady.heard(follower)
            with pytest.raises(BusLost):
                await steady.publish(utterance(1))
        assert {message.kind for message in bus.accepted} == {"watermark"}
        assert len(bus.accepted) >= 6  # who comes late hears a later call
        assert not waiting.done()
        await steady.heard("reasoning")
        assert await waiting == 2
        bus.accepted.clear()
        await steady.publish(utterance(1))
        await asyncio.sleep(60.0)
        assert bus.accepted == [utterance(1)]


async def test_a_connection_lost_during_the_roll_call_begins_it_anew() -> None:
    bus = LossyBus()
    steady = SteadyBus(bus, FOLLOWERS, a_call)
    async with calling(steady):
        for _ in range(3):
            bus.die()
            await asyncio.sleep(1.0)
            await bus.come_back()
            await asyncio.sleep(1.0)
            await steady.heard("memory")  # but never both on one connection
        with pytest.raises(BusLost):
            await steady.publish(utterance(1))
        await steady.heard("reasoning")
        assert await steady.reconnected(1) == 4


async def test_without_any_stream_there_is_nobody_to_wait_for() -> None:
    bus = LossyBus()
    steady = SteadyBus(bus, FOLLOWERS, lambda: None)
    async with calling(steady):
        bus.die()
        await bus.come_back()
        assert await steady.reconnected(1) == 2


async def test_inside_one_process_there_is_no_roll_to_call() -> None:
    bus = LocalBus(LocalHub(), "perception")
    steady = SteadyBus(bus, FOLLOWERS, a_call)
    running = asyncio.create_task(steady.run())
    await steady.publish(utterance(1))
    bus.stop()
    await running


@pytest.mark.parametrize("late_s", [0.0, 0.05, 1.0, 30.0])
async def test_no_watermark_overtakes_a_record_however_late_memory_comes_back(late_s: float) -> None:
    bus = LossyBus()
    steady = SteadyBus(bus, ("memory",), a_call)
    outbox = Outbox(steady)
    heard: list[Message] = []

    async def remember(count: int) -> None:
        """Hear what the broker holds, as a memory that has just subscribed: what was held before is lost to it."""
        bus.held.clear()
        while len([message for message in heard if isinstance(message, Utterance)]) < count:
            await asyncio.sleep(0.01)
            for message in bus.deliver():
                if isinstance(message, Watermark):
                    await steady.heard("memory")
                if message != CALL:
                    heard.append(message)

    keeping = asyncio.create_task(outbox.keep_sending())
    async with calling(steady):
        for seq in range(3):
            await outbox.send(utterance(seq))
        await outbox.send_watermark(watermark(2))
        bus.die()  # before memory heard any of it
        more = asyncio.create_task(outbox.send(utterance(3)))
        await asyncio.sleep(1.0)
        await bus.come_back()
        await asyncio.sleep(late_s)
        await remember(4)
        await more
        await outbox.send_watermark(watermark(3))
        heard += bus.deliver()
    assert heard == [*(utterance(seq) for seq in range(4)), watermark(2), watermark(3)]
    await outbox.confirm(tuple(record_id(utterance(seq)) for seq in range(4)))
    keeping.cancel()
    await asyncio.wait([keeping])
