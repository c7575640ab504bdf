"""What a scope asks about each vector, in columns: which rows it allows, found by blocks before it looks at rows.

Rows stand in the order of arrival, which is nearly that of time, so most blocks lie wholly inside a window or wholly
outside it, and only those on its borders are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from memory.scope import Scope

TIMES = ("start_ns", "end_ns", "t_ns")
NAMES = ("session", "stream", "kind", "trust")
DTYPES: dict[str, np.dtype[Any]] = {
    "id": np.dtype("<i8"),
    **dict.fromkeys(TIMES, np.dtype("<i8")),
    **dict.fromkeys(NAMES, np.dtype("<i4")),
}
BLOCK = 4_096  # rows
BITS = 64  # names beyond the 64th share a bit, so that a bit that is not there still rules a block out


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a part, ascending: all, a stretch, or a mask."""

    start: int
    stop: int
    mask: NDArray[np.bool_] | None = None  # (n,) of all rows, where they do not lie together
    count: int = 0

    @classmethod
    def between(cls, start: int, stop: int) -> Rows:
        """Return a stretch."""
        return cls(start, stop, None, stop - start)

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Rows:
        """Return the rows of a mask, as a stretch where they lie together."""
        count = int(np.count_nonzero(mask))
        if count == 0:
            return cls.between(0, 0)
        start, stop = int(mask.argmax()), len(mask) - int(mask[::-1].argmax())
        return cls.between(start, stop) if stop - start == count else cls(start, stop, mask, count)

    def numbers(self) -> NDArray[np.int64]:
        """Return the numbers of the rows."""
        return np.arange(self.start, self.stop) if self.mask is None else np.flatnonzero(self.mask)


@dataclass(frozen=True, slots=True)
class _Condition:
    """One thing that a scope asks: decided for most blocks, else for their rows."""

    inside: NDArray[np.bool_]  # of each block
    outside: NDArray[np.bool_]
    rows: Callable[[slice], NDArray[np.bool_]]


class Columns:
    """Columns (n,) of a sealed part, or of a tail as it is now; `names` say what the numbers in NAMES stand for."""

    def __init__(self, values: dict[str, NDArray[np.int64]], names: Sequence[str], block: int = BLOCK) -> None:
        """Take over the columns of DTYPES, all equally long; a block has so many rows."""
        self._block = block
        self.values = values
        self._codes = {name: code for code, name in enumerate(names)}
        self._starts = np.arange(0, len(self), block)
        self._low = {name: self._reduced(np.minimum, name) for name in (*TIMES, *NAMES)}
        self._high = {name: self._reduced(np.maximum, name) for name in (*TIMES, *NAMES)}
        self._bits = {name: self._seen(name) for name in NAMES}
        self._gone: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values["id"])

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the ids (n,), ascending."""
        return self.values["id"]

    def hide(self, ids: NDArray[np.int64]) -> None:
        """Let no scope see these ids (m,) any more; those of other parts are passed over."""
        places = np.searchsorted(self.ids, ids)
        places = places[places < len(self)]
        gone = places[np.isin(self.ids[places], ids)]
        if len(gone):
            self._gone = np.zeros(len(self), bool) if self._gone is None else self._gone.copy()
            self._gone[gone] = True

    def allowed(self, scope: Scope) -> Rows:
        """Return the rows that a scope allows."""
        conditions = [
            self._at_most("start_ns", scope.end_ns),
            self._at_least("end_ns", scope.start_ns),
            self._at_most("t_ns", scope.as_of_ns),
            self._named("session", (scope.session,)),
            *(self._named(name, wanted) for name, wanted in scope.names() if wanted),
        ]
        inside = np.logical_and.reduce([one.inside for one in conditions])
        outside = np.logical_or.reduce([one.outside for one in conditions])
        if inside.all() and self._gone is None:
            return Rows.between(0, len(self))
        if outside.all():
            return Rows.between(0, 0)
        mask = np.repeat(~outside, self._block)[: len(self)]
        for first, last in _runs(~(inside | outside)):
            self._decide(mask, conditions, first, last)
        if self._gone is not None:
            mask &= ~self._gone
        return Rows.of(mask)

    def _decide(self, mask: NDArray[np.bool_], conditions: Sequence[_Condition], first: int, last: int) -> None:
        """Look at the rows of blocks that no condition rules out and some condition does not decide."""
        rows = slice(first * self._block, min(last * self._block, len(self)))
        for one in conditions:
            if not one.inside[first:last].all():
                mask[rows] &= one.rows(rows)

    def _at_most(self, name: str, bound: int) -> _Condition:
        column = self.values[name]
        return _Condition(self._high[name] <= bound, self._low[name] > bound, lambda rows: column[rows] <= bound)

    def _at_least(self, name: str, bound: int) -> _Condition:
        column = self.values[name]
        return _Condition(self._low[name] >= bound, self._high[name] < bound, lambda rows: column[rows] >= bound)

    def _named(self, name: str, wanted: Sequence[str]) -> _Condition:
        column, low, high = self.values[name], self._low[name], self._high[name]
        is_wanted = np.zeros(max(1, len(self._codes)), bool)
        is_wanted[[self._codes[one] for one in wanted if one in self._codes]] = True
        bits = np.bitwise_or.reduce(_bit(np.flatnonzero(is_wanted)), initial=np.uint64(0))
        inside = (low == high) & is_wanted[low]
        if len(self._codes) <= BITS:
            inside |= (self._bits[name] & ~bits) == 0
        return _Condition(inside, (self._bits[name] & bits) == 0, lambda rows: is_wanted[column[rows]])

    def _seen(self, name: str) -> NDArray[np.uint64]:
        if not len(self):
            return np.empty(0, np.uint64)
        seen: NDArray[np.uint64] = np.bitwise_or.reduceat(_bit(self.values[name]), self._starts)
        return seen

    def _reduced(self, function: np.ufunc, name: str) -> NDArray[np.int64]:
        if not len(self):
            return np.empty(0, np.int64)
        reduced: NDArray[np.int64] = function.reduceat(self.values[name], self._starts)
        return reduced


def _bit(codes: NDArray[np.int64]) -> NDArray[np.uint64]:
    return np.left_shift(np.uint64(1), (codes % BITS).astype(np.uint64))


def _runs(is_set: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, last + 1) of each run of blocks that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_set, [False]))))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
