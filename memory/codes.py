"""One bit per dimension: which rows of a sealed part are worth an exact look (RaBitQ, Gao and Long 2024, 2405.12497).

FAISS's inverted lists of RaBitQ codes in the layout for SIMD look-ups ("fast scan"). What it finds is ranked again by
the vectors themselves: without that one found in two is wrong.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from memory.selector import allow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from memory.columns import Rows

PER_LIST = 40  # rows at least: k-means of fewer is noise
TRAINED_PER_LIST = 64  # rows
ADDED_ROWS = 65_536  # at once: as many are in memory as float32
PROBED = 16  # of the lists one in so many is looked into
PROBED_LEAST = 16


class Codes:
    """The codes of one part."""

    def __init__(self, index: Any) -> None:
        """Use `build` or `from_bytes`."""
        self._index = index  # an IndexIVF: FAISS's factory promises less

    @classmethod
    def build(cls, vectors: NDArray[np.float16]) -> Codes:
        """Encode vectors (n, C); the same ones give the same codes."""
        count, width = vectors.shape
        lists = max(1, min(round(count**0.5), count // PER_LIST))
        index: Any = faiss.index_factory(width, f"IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 10
        index.cp.min_points_per_centroid = 1  # it is our choice how many there are: no warning
        index.train(vectors[:: max(1, count // (lists * TRAINED_PER_LIST))].astype(np.float32))
        for piece in _pieces(vectors):
            index.add(piece)
        return cls(index)

    @classmethod
    def from_bytes(cls, data: NDArray[np.uint8]) -> Codes:
        """Read what `to_bytes` gave; its checksum must have been compared before."""
        return cls(faiss.deserialize_index(data))

    def to_bytes(self) -> NDArray[np.uint8]:
        """Return the codes as they are kept in a file."""
        data: NDArray[np.uint8] = faiss.serialize_index(self._index)
        return data

    def nearest(
        self, query: NDArray[np.float32], count: int, rows: Rows
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return at most `count` of some rows that seem nearest to a query (C,), and about how near."""
        params = faiss.SearchParametersIVF()
        params.nprobe = self._probes(rows.count)
        kept = allow(params, rows) if rows.count < self._index.ntotal else None
        scores, found = self._index.search(query[None], count, params=params)
        is_found = found[0] >= 0
        if np.count_nonzero(is_found) < min(count, rows.count):  # the lists looked into hold too few that are allowed
            params.nprobe = int(self._index.nlist)
            scores, found = self._index.search(query[None], count, params=params)
            is_found = found[0] >= 0
        del kept
        return found[0][is_found], scores[0][is_found]

    def _probes(self, allowed: int) -> int:
        """Return how many lists to look into: the more, the fewer rows of each are allowed."""
        lists = int(self._index.nlist)
        share = allowed / self._index.ntotal
        return min(lists, round(max(PROBED_LEAST, lists / PROBED) / math.sqrt(share)))


def _pieces(vectors: NDArray[np.float16]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), ADDED_ROWS):
        yield vectors[start : start + ADDED_ROWS].astype(np.float32)
