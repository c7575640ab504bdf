"""A request outlives the broker it was made over."""

from __future__ import annotations

import asyncio

import pytest

from runtime.bus import Rule, Subscription
from runtime.errors import BusLost
from runtime.insist import insist
from runtime.messages import Answer, Ask, Message
from tests.test_runtime_apps_present import ANSWERED

ASK = Ask(session="s", question="What moved?", query_id="q1", asked_ns=0)
pytestmark = pytest.mark.virtual_clock


class ShakyBus:
    """Loses every request that is under way when its broker dies; the other side is back a while later."""

    name = "user"
    is_lossless = True

    def __init__(self, reply_s: float, deaf_until_s: float = 0.0) -> None:
        self.generation = 1
        self.requests: list[Message] = []
        self._reply_s = reply_s
        self._deaf_until_s = deaf_until_s
        self._changed = asyncio.Condition()

    async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
        self.requests.append(message)
        generation = self.generation
        is_heard = asyncio.get_running_loop().time() >= self._deaf_until_s
        async with asyncio.timeout(deadline_s):
            await asyncio.sleep(self._reply_s)
            if generation != self.generation or not is_heard:
                await asyncio.Event().wait()
        return ANSWERED

    async def die_and_come_back(self) -> None:
        async with self._changed:
            self.generation += 1
            self._changed.notify_all()

    async def reconnected(self, generation: int) -> int:
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > generation)
            return self.generation

    async def publish(self, message: Message, *, retry: bool = True) -> None:
        raise NotImplementedError

    async def subscribe(self, *filters: str, rule: Rule) -> Subscription:
        raise NotImplementedError

    async def ready(self, deadline_s: float) -> None: ...
    async def run(self) -> None: ...
    def stop(self) -> None: ...
    def lost(self) -> dict[str, int]:
        return {}


async def test_with_a_steady_broker_it_asks_once_however_long_it_takes() -> None:
    bus = ShakyBus(reply_s=500.0)
    assert isinstance(await insist(bus, ASK, "answer", 600.0), Answer)  # type: ignore[arg-type]
    assert len(bus.requests) == 1


async def test_what_was_lost_with_the_broker_is_asked_again() -> None:
    bus = ShakyBus(reply_s=0.5)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(insist(bus, ASK, "answer", 600.0), name="ask")  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        await bus.die_and_come_back()
        assert isinstance(await asking, Answer)
    assert len(bus.requests) == 2


async def test_it_asks_until_the_other_side_is_back_too() -> None:
    start_s = asyncio.get_running_loop().time()
    bus = ShakyBus(reply_s=0.5, deaf_until_s=start_s + 20.0)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(insist(bus, ASK, "answer", 600.0), name="ask")  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        await bus.die_and_come_back()
        assert isinstance(await asking, Answer)
    assert asyncio.get_running_loop().time() - start_s < 25.0


async def test_it_gives_up_at_its_deadline() -> None:
    start_s = asyncio.get_running_loop().time()
    bus = ShakyBus(reply_s=1e9)
    with pytest.raises(TimeoutError):
        await insist(bus, ASK, "answer", 30.0)  # type: ignore[arg-type]
    assert asyncio.get_running_loop().time() - start_s == pytest.approx(30.0)


async def test_a_broker_that_stays_away_is_waited_for() -> None:
    class AwayBus(ShakyBus):
        async def request(self, message: Message, reply_kind: str, deadline_s: float) -> Message:
            if len(self.requests) < 3:
                self.requests.append(message)
                raise BusLost("ask", 30.0)
            return await super().request(message, reply_kind, deadline_s)

    bus = AwayBus(reply_s=0.1)
    assert isinstance(await insist(bus, ASK, "answer", 600.0), Answer)  # type: ignore[arg-type]
    assert len(bus.requests) == 4


async def test_who_cannot_know_whether_the_other_side_is_there_asks_again() -> None:
    start_s = asyncio.get_running_loop().time()
    bus = ShakyBus(reply_s=0.5, deaf_until_s=start_s + 12.0)
    assert isinstance(await insist(bus, ASK, "answer", 30.0, again_s=5.0), Answer)  # type: ignore[arg-type]
    assert asyncio.get_running_loop().time() - start_s == pytest.approx(15.5)
    assert len(bus.requests) == 4
