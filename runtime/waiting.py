"""Requests about moments wait until theirs is reached: the earliest goes first, and none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Place(Generic[T]):
    t_ns: int
    until_s: float | None  # by the loop's clock
    item: T


class WaitingRoom(Generic[T]):
    """An async iterator over what was added, each item once its moment is reached; of equal ones the first to come."""

    def __init__(self, room: int, limit_s: float | None, has_reached: Callable[[int], bool]) -> None:
        """Let at most `room` items wait, each no longer than `limit_s`; who moves `has_reached` calls `look`."""
        self._room = room
        self._limit_s = limit_s
        self._has_reached = has_reached
        self._places: list[_Place[T]] = []  # in the order of coming
        self._moved = asyncio.Event()
        self._is_closed = False

    def add(self, t_ns: int, item: T) -> bool:
        """Let an item wait for `t_ns`; False where there is no room."""
        if len(self._places) >= self._room:
            return False
        until_s = None if self._limit_s is None else asyncio.get_running_loop().time() + self._limit_s
        self._places.append(_Place(t_ns, until_s, item))
        self._moved.set()
        return True

    def remove(self, item: T) -> bool:
        """Take out what need not wait any more; False where it does not wait."""
        left = [one for one in self._places if one.item is not item]
        was_here = len(left) < len(self._places)
        self._places = left
        return was_here

    def items(self) -> list[T]:
        """Return who waits, in the order of coming."""
        return [one.item for one in self._places]

    def look(self) -> None:
        """See who may go now that time has moved."""
        self._moved.set()

    def close(self) -> None:
        """Let everybody go, reached or not, and end the iteration with the last one."""
        self._is_closed = True
        self._moved.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._places or not self._is_closed:
            self._moved.clear()
            place = self._first()
            if place is not None:
                self._places.remove(place)
                return place.item
            until_s = self._places[0].until_s if self._places else None  # who came first has waited longest
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until_s):
                    await self._moved.wait()
        raise StopAsyncIteration

    def _first(self) -> _Place[T] | None:
        """Return the earliest of those that need wait no longer."""
        now_s = asyncio.get_running_loop().time()
        free = [
            one
            for one in self._places
            if self._is_closed or (one.until_s is not None and one.until_s <= now_s) or self._has_reached(one.t_ns)
        ]
        return min(free, key=lambda one: one.t_ns, default=None)
