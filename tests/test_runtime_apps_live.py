"""A question to a running session survives what happens to the broker in between."""

from __future__ import annotations

import asyncio

import pytest

from runtime.apps.live import ask_running
from runtime.errors import MissingPart
from runtime.messages import Answer, Ask
from tests.test_runtime_insist import ShakyBus

pytestmark = pytest.mark.virtual_clock


def runs() -> bool:
    return True


async def test_a_broker_restart_does_not_lose_the_question() -> None:
    bus = ShakyBus(reply_s=0.5)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(ask_running(bus, "s", "What moved?", None, 30.0, runs), name="ask")  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        await bus.die_and_come_back()
        assert isinstance(await asking, Answer)
    first, again = bus.requests
    assert first == again
    assert isinstance(first, Ask)
    assert first.query_id
    assert first.asked_ns is None  # when it arrives, by the session's clock


async def test_a_question_with_a_time_is_asked_again_until_the_session_is_back() -> None:
    bus = ShakyBus(reply_s=0.5, deaf_until_s=asyncio.get_running_loop().time() + 12.0)
    assert isinstance(await ask_running(bus, "s", "What moved?", 7, 30.0, runs), Answer)  # type: ignore[arg-type]
    assert len(set(map(repr, bus.requests))) == 1
    assert len(bus.requests) == 4


async def test_two_questions_have_two_ids_and_a_given_time_stays() -> None:
    bus = ShakyBus(reply_s=0.5)
    for _ in range(2):
        await ask_running(bus, "s", "What moved?", 7, 30.0, runs)  # type: ignore[arg-type]
    one, two = bus.requests
    assert isinstance(one, Ask)
    assert isinstance(two, Ask)
    assert one.asked_ns == two.asked_ns == 7
    assert one.query_id != two.query_id


async def test_a_session_that_does_not_answer_is_missing() -> None:
    with pytest.raises(MissingPart, match=r"^session 's' did not answer within 30 s; look whether it still runs$"):
        await ask_running(ShakyBus(reply_s=1e9), "s", "What moved?", None, 30.0, runs)  # type: ignore[arg-type]


async def test_a_session_that_ends_meanwhile_is_not_waited_for() -> None:
    start_s = asyncio.get_running_loop().time()

    def is_running() -> bool:
        return asyncio.get_running_loop().time() < start_s + 3.0

    with pytest.raises(MissingPart, match=r"^session 's' has ended; start it again$"):
        await ask_running(ShakyBus(reply_s=1e9), "s", "What moved?", 7, 30.0, is_running)  # type: ignore[arg-type]
    assert asyncio.get_running_loop().time() - start_s < 4.0
