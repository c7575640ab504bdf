"""What a scope asks about each vector, in columns: which rows it allows, found by blocks before it looks at rows.

Rows stand in the order of arrival, which is nearly that of time, so most parts and most of their blocks lie wholly
inside a window or wholly outside it, and only those on its borders are read.
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
    """Some rows of a part, ascending: a stretch, or those of a stretch that a mask lets through."""

    start: int
    stop: int
    mask: NDArray[np.bool_] | None = None  # (stop - start,), where they do not lie together
    count: int = 0

    @classmethod
    def between(cls, start: int, stop: int) -> Rows:
        """Return a stretch."""
        return cls(start, stop, None, stop - start)

    @classmethod
    def of(cls, mask: NDArray[np.bool_], first: int = 0) -> Rows:
        """Return the rows of a mask that begins at row `first`, as a stretch where they lie together."""
        count = int(np.count_nonzero(mask))
        if count == 0:
            return cls.between(0, 0)
        data = mask.tobytes()  # searched from behind in no time, which numpy does not
        start, stop = data.find(1), data.rfind(1) + 1
        if stop - start == count:
            return cls.between(first + start, first + stop)
        return cls(first + start, first + stop, mask[start:stop], count)

    def numbers(self) -> NDArray[np.int64]:
        """Return the numbers of the rows."""
        return np.arange(self.start, self.stop) if self.mask is None else self.start + np.flatnonzero(self.mask)


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
        self._low: dict[str, NDArray[np.int64]] = {name: np.empty(0, np.int64) for name in (*TIMES, *NAMES)}
        self._high = dict(self._low)  # of each block
        self._bits = {name: np.empty(0, np.uint64) for name in NAMES}
        self._present: dict[str, frozenset[str]] = dict.fromkeys(NAMES, frozenset())
        self._gone: NDArray[np.bool_] | None = None
        self.values = {name: column[:0] for name, column in values.items()}
        self.grow(values, names)

    def grow(self, values: dict[str, NDArray[np.int64]], names: Sequence[str]) -> None:
        """Take over longer columns, whose first rows are those that were there; full blocks are not read again."""
        before, self.values = len(self), values
        if len(self) == before:
            return
        self._codes = {name: code for code, name in enumerate(names)}
        full = before // self._block
        starts = np.arange(full * self._block, len(self), self._block)
        for name in (*TIMES, *NAMES):
            for known, function in ((self._low, np.minimum), (self._high, np.maximum)):
                known[name] = np.concatenate((known[name][:full], function.reduceat(values[name], starts)))
        for name in NAMES:
            bits = np.bitwise_or.reduceat(_bit(values[name][starts[0] :]), starts - starts[0])
            self._bits[name] = np.concatenate((self._bits[name][:full], bits))
            fresh = np.flatnonzero(np.bincount(values[name][before:]))
            self._present[name] |= {names[code] for code in fresh.tolist()}
        self._first = {name: int(low.min()) for name, low in self._low.items()}  # of the whole part
        self._last = {name: int(high.max()) for name, high in self._high.items()}
        if self._gone is not None:
            self._gone = np.concatenate((self._gone, np.zeros(len(self) - before, bool)))

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
        if not len(self) or self._is_outside(scope):
            return Rows.between(0, 0)
        conditions = self._undecided(scope)
        inside, outside = np.ones(len(self._low["t_ns"]), bool), np.zeros(len(self._low["t_ns"]), bool)
        for one in conditions:
            inside &= one.inside
            outside |= one.outside
        if inside.all() and self._gone is None:
            return Rows.between(0, len(self))
        if outside.all():
            return Rows.between(0, 0)
        begin, end = int(outside.argmin()), len(outside) - int(outside[::-1].argmin())
        start, stop = begin * self._block, min(end * self._block, len(self))
        mask = np.empty((end - begin, self._block), bool)
        mask[:] = ~outside[begin:end, None]
        mask = mask.reshape(-1)[: stop - start]
        for first, last in _runs(~(inside | outside)):
            self._decide(mask[(first - begin) * self._block :], conditions, first, last)
        if self._gone is not None:
            mask &= ~self._gone[start:stop]
        return Rows.of(mask, start)

    def _is_outside(self, scope: Scope) -> bool:
        """Say whether the bounds of the part alone tell that a scope allows none of its rows."""
        first, last = self._first, self._last
        if first["start_ns"] > scope.end_ns or last["end_ns"] < scope.start_ns or first["t_ns"] > scope.as_of_ns:
            return True
        return any(self._present[name].isdisjoint(wanted) for name, wanted in _names(scope))

    def _undecided(self, scope: Scope) -> list[_Condition]:
        """Return what a scope asks and the bounds of the part do not grant to all rows."""
        first, last = self._first, self._last
        conditions = [
            self._named(name, wanted) for name, wanted in _names(scope) if not self._present[name].issubset(wanted)
        ]
        if last["start_ns"] > scope.end_ns:
            conditions.append(self._at_most("start_ns", scope.end_ns))
        if first["end_ns"] < scope.start_ns:
            conditions.append(self._at_least("end_ns", scope.start_ns))
        if last["t_ns"] > scope.as_of_ns:
            conditions.append(self._at_most("t_ns", scope.as_of_ns))
        return conditions

    def _decide(self, mask: NDArray[np.bool_], conditions: Sequence[_Condition], first: int, last: int) -> None:
        """Look at the rows of blocks that no condition rules out and some do not decide; a mask begins with them."""
        rows = slice(first * self._block, min(last * self._block, len(self)))
        for one in conditions:
            if not one.inside[first:last].all():
                mask[: rows.stop - rows.start] &= one.rows(rows)

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


def _names(scope: Scope) -> list[tuple[str, tuple[str, ...]]]:
    """Return the columns in which a scope wants some names only."""
    return [(name, wanted) for name, wanted in (("session", (scope.session,)), *scope.names()) if wanted]


def _bit(codes: NDArray[np.int64]) -> NDArray[np.uint64]:
    return np.left_shift(np.uint64(1), (codes % BITS).astype(np.uint64))


def _runs(is_set: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, last + 1) of each run of blocks that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_set, [False]))))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
