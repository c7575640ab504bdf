"""The newest vectors of a search space, not sealed yet: no codes choose among them, each is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.columns import DTYPES, NAMES, Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 1_024  # rows are reserved at least


class Tail:
    """Rows (n, C) that only grow, until the oldest are sealed; not to be used by two threads at once."""

    codes = None

    def __init__(self, width: int) -> None:
        self.width = width
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._count = 0
        self._vectors = np.empty((0, width), np.float16)
        self._room = {name: np.empty(0, np.int64) for name in DTYPES}
        self._columns = Columns(self._room, self.names)

    def __len__(self) -> int:
        return self._count

    @property
    def last_id(self) -> int:
        """The highest id, 0 where there is none."""
        return int(self._room["id"][len(self) - 1]) if len(self) else 0

    @property
    def vectors(self) -> NDArray[np.float16]:
        """Return the vectors (n, C)."""
        return self._vectors[: len(self)]

    @property
    def columns(self) -> Columns:
        """Return the columns of all rows; they grow with the tail."""
        if len(self._columns) < len(self):
            self._columns.grow({name: column[: len(self)] for name, column in self._room.items()}, self.names)
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
        self._vectors[begin:end] = vectors
        for name, values in columns.items():
            self._room[name][begin:end] = self._encoded(values) if name in NAMES else values
        self._count = end

    def without_first(self, count: int) -> Tail:
        """Return a tail without its oldest rows: they are sealed."""
        left = Tail(self.width)
        left.names, left._codes = self.names, self._codes
        left._count = len(self) - count
        left._reserve(left._count)
        left._vectors[: left._count] = self.vectors[count:]
        for name, column in self._room.items():
            left._room[name][: left._count] = column[count : len(self)]
        return left

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows in all, doubling, so that adding one by one stays cheap."""
        there = len(self._vectors)
        if rows > there:
            room = max(rows, 2 * there, FEW)
            self._vectors = _longer(self._vectors, room)
            self._room = {name: _longer(column, room) for name, column in self._room.items()}

    def _encoded(self, names: Sequence[int] | Sequence[str]) -> list[int]:
        for name in dict.fromkeys(map(str, names)):
            if name not in self._codes:
                self._codes[name] = len(self.names)
                self.names.append(name)
        return [self._codes[str(name)] for name in names]


def _longer(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """Return a copy with room for so many rows; what is not used yet takes no memory."""
    longer = np.empty((rows, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
