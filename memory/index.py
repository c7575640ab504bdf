"""Exact search over vectors with the filter inside: FAISS inner product, or a plain product where few are allowed.

Derived from the store and rebuilt from it at every start. One lock: FAISS must not add while it searches.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import faiss
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from memory.scope import Scope

GATHER_ROWS = 1_000  # up to here, multiplying the allowed vectors alone is faster than a selector
_COLUMNS = ("id", "session", "stream", "kind", "start_ns", "end_ns", "t_ns")


class VectorIndex:
    """All vectors of one space, with what a scope asks about them; ids count up in the order of arrival."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._flat = faiss.IndexFlatIP(width)
        self._columns = {name: np.empty(0, np.int64) for name in _COLUMNS}
        self._codes: dict[str, int] = {}  # session, stream and kind names as numbers
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    @property
    def last_id(self) -> int:
        """The highest id, 0 where there is none."""
        return int(self._columns["id"][len(self) - 1]) if len(self) else 0

    def add(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.float32],
        *,
        sessions: Sequence[str],
        streams: Sequence[str],
        kinds: Sequence[str],
        start_ns: Sequence[int],
        end_ns: Sequence[int],
        t_ns: Sequence[int],
    ) -> None:
        """Add vectors (n, C) under ids (n,) that are higher than all before.

        Raises ValueError, and adds nothing, where the width is another, a value is not finite or an id is not higher.
        """
        if vectors.ndim != 2 or vectors.shape != (len(ids), self.width):
            raise ValueError(f"vectors have shape {vectors.shape}, not {(len(ids), self.width)}")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector is not finite")
        with self._lock:
            if len(ids) and not (np.diff(ids, prepend=self.last_id) > 0).all():
                raise ValueError("ids must count up")
            begin, end = len(self), len(self) + len(ids)
            self._reserve(end)
            names = (self._encode(sessions), self._encode(streams), self._encode(kinds))
            for column, values in zip(_COLUMNS, (ids, *names, start_ns, end_ns, t_ns), strict=True):
                self._columns[column][begin:end] = np.asarray(values, np.int64)
            self._flat.add(np.ascontiguousarray(vectors, np.float32))

    def select(self, scope: Scope) -> NDArray[np.int64]:
        """Return the ids that the scope allows, ascending."""
        with self._lock:
            seen = {name: column[: len(self)] for name, column in self._columns.items()}
            allowed = seen["session"] == self._codes.get(scope.session, -1)
            allowed &= (seen["t_ns"] <= scope.as_of_ns) & (seen["start_ns"] <= scope.end_ns)
            allowed &= seen["end_ns"] >= scope.start_ns
            for column, names in (("kind", scope.kinds), ("stream", scope.streams)):
                if names:
                    allowed &= np.isin(seen[column], [self._codes.get(name, -1) for name in names])
            chosen: NDArray[np.int64] = seen["id"][allowed]
            return chosen

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids (m,) and inner products (m,) of the best m = min(k, allowed), best first, lower ids before higher.

        `query` is (C,); `allowed` holds ascending ids of this index, None means all. Exact: if k are allowed, k come.
        Raises ValueError where the query has another width or is not finite.
        """
        if query.shape != (self.width,) or not np.isfinite(query).all():
            raise ValueError(f"a query must be finite and of shape ({self.width},)")
        with self._lock:
            rows = np.arange(len(self)) if allowed is None else np.searchsorted(self._ids(), allowed)
            k = min(k, len(rows))
            if k <= 0:
                return np.empty(0, np.int64), np.empty(0, np.float32)
            best, scores = self._gather(query, k, rows) if len(rows) <= GATHER_ROWS else self._scan(query, k, rows)
            order = np.lexsort((best, -scores))
            return self._ids()[best[order]], scores[order]

    def _gather(
        self, query: NDArray[np.float32], k: int, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Multiply the allowed vectors (n, C) by the query; unlike BLAS, a product does not depend on the others."""
        stored = faiss.rev_swig_ptr(self._flat.get_xb(), len(self) * self.width).reshape(len(self), self.width)
        scores = np.einsum("nc,c->n", stored[rows], query)
        best = np.lexsort((rows, -scores))[:k]
        return rows[best], scores[best]

    def _scan(
        self, query: NDArray[np.float32], k: int, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Let FAISS walk over the allowed rows: as a range where they lie together, else as a bitmap."""
        mask = np.zeros(len(self), bool)
        mask[rows] = True
        bits = np.packbits(mask, bitorder="little")  # must outlive the selector, which keeps its address
        selector: faiss.IDSelector  # likewise: `params` keeps its address
        if rows[-1] - rows[0] + 1 == len(rows):
            selector = faiss.IDSelectorRange(int(rows[0]), int(rows[-1]) + 1)
        else:
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        params = faiss.SearchParameters()
        params.sel = selector
        scores, found = self._flat.search(query[None], k, params=params)
        return found[0], scores[0]

    def _ids(self) -> NDArray[np.int64]:
        return self._columns["id"][: len(self)]

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows in all, doubling, so that adding one by one stays cheap."""
        missing = rows - len(self._columns["id"])
        if missing > 0:
            room = np.empty(max(missing, len(self._columns["id"]), 1_024), np.int64)
            self._columns = {name: np.concatenate([column, room]) for name, column in self._columns.items()}

    def _encode(self, names: Iterable[str]) -> list[int]:
        return [self._codes.setdefault(name, len(self._codes)) for name in names]
