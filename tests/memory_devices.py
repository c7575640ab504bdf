"""Devices that are none: FAISS on the CPU, NumPy which sums in another order, and some that fail or talk nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class FaissDevice:
    """FAISS's own index by inner product, counted."""

    name = "the stand-in"

    def __init__(self) -> None:
        self.made = 0

    def flat(self, width: int) -> Any:
        self.made += 1
        return faiss.IndexFlatIP(width)


class NumpyDevice:
    """Products of whole matrices, of equal ones the last first; `change` is done to what it says."""

    name = "NumPy"

    def __init__(
        self, change: Callable[[NDArray[np.float32], NDArray[np.int64]], None] = lambda scores, rows: None
    ) -> None:
        self._change = change
        self.searched = 0  # queries

    def flat(self, width: int) -> Any:
        return _Matrix(self, width, self._change)


class _Matrix:
    def __init__(
        self, device: NumpyDevice, width: int, change: Callable[[NDArray[np.float32], NDArray[np.int64]], None]
    ) -> None:
        self._device, self._width, self._change = device, width, change
        self.reset()

    def reset(self) -> None:
        self._vectors = np.empty((0, self._width), np.float32)

    def add(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = np.concatenate((self._vectors, vectors))

    def search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        self._device.searched += len(queries)
        products = queries[:, ::-1] @ self._vectors[:, ::-1].T
        rows = np.argsort(products, axis=1, kind="stable")[:, ::-1][:, :count].copy()
        scores = np.take_along_axis(products, rows, 1)
        self._change(scores, rows)
        return scores, rows


class FullDevice:
    """Has room for so many indexes, and for another one that finds so many times; then there is no room."""

    name = "the full one"

    def __init__(self, indexes: int = 0, searches: int | None = None) -> None:
        self._indexes, self._searches = indexes, searches

    def flat(self, width: int) -> Any:
        self._indexes -= 1
        if self._indexes >= 0:
            return faiss.IndexFlatIP(width)
        return _Full(width, no_room() if self._searches is None else self._searches)


def no_room() -> int:
    """Fail as FAISS does."""
    raise RuntimeError("alloc fail\n (cudaMalloc error out of memory [2])")


class _Full:
    def __init__(self, width: int, searches: int) -> None:
        self._index, self._left = faiss.IndexFlatIP(width), searches

    def reset(self) -> None:
        self._index.reset()

    def add(self, vectors: NDArray[np.float32]) -> None:
        self._index.add(vectors)

    def search(self, queries: NDArray[np.float32], count: int) -> Any:
        self._left -= 1
        return self._index.search(queries, count) if self._left >= 0 else no_room()


class BreakingDevice:
    """Gathers nothing: its index needs more vectors than it gets, so that FAISS itself fails while it trains."""

    name = "the breaking one"

    def flat(self, width: int) -> Any:
        return faiss.index_factory(width, "IVF4096,Flat", faiss.METRIC_INNER_PRODUCT)


class MisplacingDevice:
    """Gives so many good indexes, and then some that name rows that are not there."""

    name = "the misplacing one"

    def __init__(self, good: int) -> None:
        self._good = good

    def flat(self, width: int) -> Any:
        self._good -= 1
        return faiss.IndexFlatIP(width) if self._good >= 0 else _Misplacing(width)


class _Misplacing:
    def __init__(self, width: int) -> None:
        self._index = faiss.IndexFlatIP(width)

    def reset(self) -> None:
        self._index.reset()

    def add(self, vectors: NDArray[np.float32]) -> None:
        self._index.add(vectors)

    def search(self, queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        scores, rows = self._index.search(queries, count)
        rows[-1] = -1
        return scores, rows
