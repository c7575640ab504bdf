"""One search space: sealed segments and the tail behind them, searched as one, with the filter inside.

Few rows are looked at one by one; of more, what the codes of the segments choose is ranked again by the vectors
themselves, so that a score does not depend on where a vector lies. Derived from the store; one thread uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from memory.batch import nearest_each
from memory.exact import Ranked, nearest, nearest_of
from memory.tail import Tail

if TYPE_CHECKING:
    from memory.codes import Codes, Search
    from memory.columns import Columns, Rows
    from memory.device import Device
    from memory.scope import Scope

EXACT_ROWS = 10_000  # of all parts together: up to here, no codes are asked
EXACT_IN_PART = 2_500  # or so many of one part
LOOKED_AT = 250  # candidates that are ranked again, or 4 k where that is more


class Part(Protocol):
    """A tail or a segment."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Columns:
        """Return what a scope asks about its rows."""

    @property
    def vectors(self) -> NDArray[np.float16]:
        """Return its vectors (n, C)."""

    @property
    def codes(self) -> Codes | None:
        """Return what tells which of many rows are worth a look, if anything does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, best first, and in how much."""

    ids: NDArray[np.int64]  # (m,)
    scores: NDArray[np.float32]  # (m,) inner products
    allowed: int  # rows in the scope
    is_exact: bool  # each of them was looked at


class VectorIndex:
    """All vectors of one space; their ids count up in the order of arrival, and new ones are added to the tail."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.tail = Tail(width)
        self._sealed: list[Part] = []

    def __len__(self) -> int:
        return sum(map(len, self._sealed)) + len(self.tail)

    @property
    def last_id(self) -> int:
        """The highest id, 0 where there is none."""
        sealed = int(self._sealed[-1].columns.ids[-1]) if self._sealed else 0
        return max(sealed, self.tail.last_id)

    def use(self, sealed_parts: Sequence[Part]) -> None:
        """Search these parts, in the order of their ids, before the tail; what they hold leaves the tail."""
        self._sealed = [part for part in sealed_parts if len(part)]
        sealed = int(self._sealed[-1].columns.ids[-1]) if self._sealed else 0
        count = int(np.searchsorted(self.tail.columns.ids, sealed, "right"))
        if count:
            self.tail = self.tail.without_first(count)

    def search(self, query: NDArray[np.float32], k: int, scope: Scope) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids (m,) and inner products (m,) of what `find` finds."""
        found = self.find(query, k, scope)
        return found.ids, found.scores

    def find(self, query: NDArray[np.float32], k: int, scope: Scope) -> Found:
        """Return the best k that the scope allows, best first, lower ids first.

        `query` is (C,). Exact where few rows are allowed or all of them lie in the tail; if k are allowed, k come.
        Raises ValueError where the query has another width or is not finite.
        """
        query = self._checked(query, 1)
        parts = self._allowed(scope)
        allowed = sum(rows.count for _, rows in parts)
        scanned, coded = _halves(parts, allowed)
        found = [(part, nearest(part.vectors, query, k, rows)) for part, rows in scanned] if k > 0 else []
        if coded and k > 0:
            found += _chosen(coded, query, k, [products for _, (_, products) in found])
        return _best(found, k, allowed, is_exact=not coded)

    def find_all(self, queries: NDArray[np.float32], k: int, scope: Scope, device: Device | None = None) -> list[Found]:
        """Return for each query (B, C) the best k that the scope allows, as `find`, but each allowed row is looked at.

        For many queries of one scope: what is truly nearest, the same on any device. Raises ValueError as `find`.
        """
        queries = self._checked(queries, 2)
        parts = self._allowed(scope)
        allowed = sum(rows.count for _, rows in parts)
        found: list[list[tuple[Part, Ranked]]] = [[] for _ in queries]
        for part, rows in parts if k > 0 else ():
            for ranked, one in zip(nearest_each(part.vectors, queries, k, rows, device), found, strict=True):
                one.append((part, ranked))
        return [_best(one, k, allowed, is_exact=True) for one in found]

    def _checked(self, queries: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
        if queries.ndim != dimensions or queries.shape[-1] != self.width or not np.isfinite(queries).all():
            raise ValueError(f"a query must be finite and of shape ({self.width},)")
        return np.ascontiguousarray(queries, np.float32)

    def _allowed(self, scope: Scope) -> list[tuple[Part, Rows]]:
        return [(part, part.columns.allowed(scope)) for part in (*self._sealed, self.tail)]


def _best(found: Sequence[tuple[Part, Ranked]], k: int, allowed: int, *, is_exact: bool) -> Found:
    """Return the best k of what was found in all parts."""
    ids = np.concatenate([np.empty(0, np.int64), *(part.columns.ids[rows] for part, (rows, _) in found)])
    scores = np.concatenate([np.empty(0, np.float32), *(products for _, (_, products) in found)])
    best = np.lexsort((ids, -scores))[: max(0, k)]
    return Found(ids=ids[best], scores=scores[best], allowed=allowed, is_exact=is_exact)


def _halves(
    parts: Sequence[tuple[Part, Rows]], allowed: int
) -> tuple[list[tuple[Part, Rows]], list[tuple[Part, Codes, Rows]]]:
    """Return the parts whose allowed rows are all looked at, and those of whose rows codes choose."""
    scanned: list[tuple[Part, Rows]] = []
    coded: list[tuple[Part, Codes, Rows]] = []
    for part, rows in parts:
        if part.codes is None or allowed <= EXACT_ROWS or rows.count <= EXACT_IN_PART:
            scanned.append((part, rows))
        else:
            coded.append((part, part.codes, rows))
    return scanned, coded


def _chosen(
    coded: Sequence[tuple[Part, Codes, Rows]],
    query: NDArray[np.float32],
    k: int,
    so_far: Sequence[NDArray[np.float32]],
) -> list[tuple[Part, Ranked]]:
    """Return the best k rows of each part among those that the codes choose; `so_far` are products found elsewhere."""
    looked_at = max(LOOKED_AT, 4 * k)
    searches: list[tuple[Part, Search]] = [(part, codes.search(query, looked_at, rows)) for part, codes, rows in coded]
    least = _least(np.concatenate([*so_far, *(search.scores for _, search in searches)]), k)
    for _, search in searches:
        search.look_for(least)
    least = _least(np.concatenate([search.scores for _, search in searches]), looked_at)
    numbers = [np.sort(search.rows[search.scores >= least]) for _, search in searches]
    return [(part, nearest_of(part.vectors, query, k, some)) for (part, _), some in zip(searches, numbers, strict=True)]


def _least(scores: NDArray[np.float32], count: int) -> float:
    """Return the lowest of the `count` best, minus infinity where they are fewer."""
    return float(np.partition(scores, -count)[-count]) if len(scores) >= count else -np.inf
