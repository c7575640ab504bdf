"""The newest vectors of a search space, not sealed yet: searched exactly, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import faiss
import numpy as np

from memory.columns import DTYPES, NAMES, Columns
from memory.selector import allow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.columns import Rows

FEW = 1_024  # rows are reserved at least


class Tail:
    """Rows (n, C) that only grow, until the oldest are sealed; not to be used by two threads at once."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._flat = faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._room = {name: np.empty(0, np.int64) for name in DTYPES}
        self._columns: Columns | None = None  # of what is there now, once somebody asks

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    @property
    def last_id(self) -> int:
        """The highest id, 0 where there is none."""
        return int(self._room["id"][len(self) - 1]) if len(self) else 0

    @property
    def vectors(self) -> NDArray[np.float16]:
        """Return the vectors (n, C); valid until the next `add`."""
        if not len(self):
            return np.empty((0, self.width), np.float16)
        stored: NDArray[np.uint8] = faiss.rev_swig_ptr(self._flat.codes.data(), len(self) * self.width * 2)
        return stored.view(np.float16).reshape(len(self), self.width)

    @property
    def columns(self) -> Columns:
        """Return the columns of all rows."""
        if self._columns is None:
            self._columns = Columns({name: column[: len(self)] for name, column in self._room.items()}, self.names)
        return self._columns

    def add(self, vectors: NDArray[np.float16], columns: dict[str, Sequence[int] | Sequence[str]]) -> None:
        """Add vectors (m, C) with their columns; ids count up. Raises ValueError, and adds nothing, where they do not.

        A vector must be finite and have the width of its space.
        """
        ids = np.asarray(columns["id"], np.int64)
        if vectors.ndim != 2 or vectors.shape != (len(ids), self.width):
            raise ValueError(f"vectors have shape {vectors.shape}, not {(len(ids), self.width)}")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector is not finite")
        if len(ids) and not (np.diff(ids, prepend=self.last_id) > 0).all():
            raise ValueError("ids must count up")
        begin, end = len(self), len(self) + len(ids)
        self._reserve(end)
        for name, values in columns.items():
            self._room[name][begin:end] = self._encoded(values) if name in NAMES else values
        self._flat.add(np.ascontiguousarray(vectors, np.float32))
        self._columns = None

    def nearest(
        self, query: NDArray[np.float32], count: int, rows: Rows
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return at most `count` of some rows that are nearest to a query (C,), and how near."""
        params = faiss.SearchParameters()
        kept = allow(params, rows)
        scores, found = self._flat.search(query[None], min(count, rows.count), params=params)
        del kept
        return found[0], scores[0]

    def without_first(self, count: int) -> Tail:
        """Return a tail without its oldest rows: they are sealed."""
        left = Tail(self.width)
        left.names, left._codes = self.names, self._codes
        rest = len(self) - count
        left._reserve(rest)
        for name, column in self._room.items():
            left._room[name][:rest] = column[count : len(self)]
        if rest:
            left._flat.add(self.vectors[count:].astype(np.float32))
        return left

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows in all, doubling, so that adding one by one stays cheap."""
        missing = rows - len(self._room["id"])
        if missing > 0:
            room = np.empty(max(missing, len(self._room["id"]), FEW), np.int64)
            self._room = {name: np.concatenate([column, room]) for name, column in self._room.items()}

    def _encoded(self, names: Sequence[int] | Sequence[str]) -> list[int]:
        codes = []
        for name in names:
            if name not in self._codes:
                self._codes[str(name)] = len(self.names)
                self.names.append(str(name))
            codes.append(self._codes[str(name)])
        return codes
