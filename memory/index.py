"""One search space: sealed segments and the tail behind them, searched as one, with the filter inside.

What the codes of the segments find, and what the tail finds, is ranked again by the vectors themselves, so that a score
does not depend on where a vector lies. Derived from the store; one thread uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from memory.tail import Tail

if TYPE_CHECKING:
    from memory.columns import Columns, Rows
    from memory.scope import Scope

GATHER_ROWS = 1_000  # of all parts together: up to here, multiplying the allowed vectors alone is fastest
LOOKED_AT = 200  # candidates that are ranked again, or 4 k where that is more


class Part(Protocol):
    """A tail or a segment."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Columns:
        """Return what a scope asks about its rows."""

    @property
    def vectors(self) -> NDArray[np.float16]:
        """Return its vectors (n, C)."""

    def nearest(
        self, query: NDArray[np.float32], count: int, rows: Rows
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows that seem nearest, and about how near."""


@dataclass(frozen=True, slots=True)
class _Found:
    part: Part
    rows: NDArray[np.int64]


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
        """Return ids (m,) and inner products (m,) of the best k that the scope allows, best first, lower ids first.

        `query` is (C,). Exact where few rows are allowed or all of them lie in the tail; if k are allowed, k come.
        Raises ValueError where the query has another width or is not finite.
        """
        if query.shape != (self.width,) or not np.isfinite(query).all():
            raise ValueError(f"a query must be finite and of shape ({self.width},)")
        parts: list[tuple[Part, Rows]] = [(part, part.columns.allowed(scope)) for part in (*self._sealed, self.tail)]
        allowed = sum(rows.count for _, rows in parts)
        if k <= 0 or not allowed:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if allowed <= GATHER_ROWS:
            found = [_Found(part, rows.numbers()) for part, rows in parts if rows.count]
        else:
            found = _candidates(parts, query, max(LOOKED_AT, 4 * k))
        ids = np.concatenate([one.part.columns.ids[one.rows] for one in found])
        scores = np.concatenate([_scores(one, query) for one in found])
        best = np.lexsort((ids, -scores))[:k]
        return ids[best], scores[best]


def _candidates(parts: Sequence[tuple[Part, Rows]], query: NDArray[np.float32], count: int) -> list[_Found]:
    """Return the rows of all parts that seem nearest, `count` together."""
    found = [(part, *part.nearest(query, count, rows)) for part, rows in parts if rows.count]
    scores = np.concatenate([seeming for _, _, seeming in found])
    least = np.partition(scores, -count)[-count] if len(scores) > count else -np.inf
    return [_Found(part, rows[seeming >= least]) for part, rows, seeming in found]


def _scores(found: _Found, query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply vectors (n, C) by the query; unlike BLAS, a product does not depend on the others."""
    scores: NDArray[np.float32] = np.einsum("nc,c->n", found.part.vectors[found.rows].astype(np.float32), query)
    return scores
