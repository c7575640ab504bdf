"""Nobody waits behind somebody whose time has not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.waiting import WaitingRoom

pytestmark = pytest.mark.virtual_clock


class Station:
    """Serves who may go, in a time that the test moves on."""

    def __init__(self, room: int, limit_s: float | None) -> None:
        self.t_ns = 0
        self.served: list[str] = []
        self.waiting: WaitingRoom[str] = WaitingRoom(room, limit_s, lambda t_ns: t_ns <= self.t_ns)

    async def run(self) -> None:
        async for one in self.waiting:
            self.served.append(one)

    async def reach(self, t_ns: int) -> list[str]:
        """Return who was served up to now."""
        self.t_ns = t_ns
        self.waiting.look()
        await asyncio.sleep(0.001)
        return self.served


@asynccontextmanager
async def serving(room: int = 8, limit_s: float | None = None) -> AsyncIterator[Station]:
    station = Station(room, limit_s)
    async with asyncio.TaskGroup() as group:
        group.create_task(station.run(), name="station")
        yield station
        station.waiting.close()


async def test_the_earliest_goes_first_and_of_equal_ones_the_first_to_come() -> None:
    async with serving() as station:
        for t_ns, name in ((3, "c"), (1, "a"), (3, "d"), (2, "b")):
            station.waiting.add(t_ns, name)
        assert await station.reach(3) == ["a", "b", "c", "d"]


async def test_who_is_not_reached_holds_up_nobody() -> None:
    async with serving() as station:
        station.waiting.add(100, "future")
        await asyncio.sleep(1000)
        station.waiting.add(5, "now")
        assert await station.reach(5) == ["now"]
        assert await station.reach(100) == ["now", "future"]


async def test_there_is_room_for_so_many_and_no_more() -> None:
    async with serving(room=2) as station:
        assert [station.waiting.add(t_ns, str(t_ns)) for t_ns in (7, 8, 9)] == [True, True, False]
        await station.reach(7)
        assert station.waiting.add(9, "9")
        assert station.waiting.items() == ["8", "9"]


async def test_who_has_waited_long_enough_goes() -> None:
    async with serving(limit_s=1.5) as station:
        station.waiting.add(10**9, "far")
        await asyncio.sleep(1.0)
        station.waiting.add(10, "near")
        await asyncio.sleep(0.49)
        assert station.served == []
        await asyncio.sleep(0.02)
        assert station.served == ["far"]
        await asyncio.sleep(1.0)
        assert station.served == ["far", "near"]


async def test_who_is_taken_out_is_not_served() -> None:
    async with serving() as station:
        station.waiting.add(1, "a")
        station.waiting.add(2, "b")
        assert station.waiting.remove("a")
        assert not station.waiting.remove("a")
        assert await station.reach(5) == ["b"]


async def test_at_the_end_everybody_goes() -> None:
    async with serving() as station:
        for t_ns, name in ((9, "b"), (8, "a")):
            station.waiting.add(t_ns, name)
    assert station.served == ["a", "b"]


async def test_cancelled_while_waiting_it_loses_nobody() -> None:
    station = Station(8, limit_s=None)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(station.run(), name="station")
        station.waiting.add(5, "a")
        await asyncio.sleep(1)
        waiting.cancel()
    assert station.waiting.items() == ["a"]
