"""One bit per dimension: which rows of a sealed part are worth an exact look (RaBitQ, Gao and Long 2024, 2405.12497).

FAISS's inverted lists of RaBitQ codes in the layout for SIMD look-ups ("fast scan"), mapped from the segment's file.
What they find is ranked again by the vectors themselves: without that one found in two is wrong.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss
import numpy as np

from memory.selector import allow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from memory.columns import Rows

PER_LIST = 40  # rows at least: k-means of fewer is noise
TRAINED_PER_LIST = 64  # rows
ADDED_ROWS = 65_536  # at once: as many are in memory as float32
PROBED = 16  # of the lists one in so many is looked into
PROBED_LEAST = 16


class Kept(NamedTuple):
    """Codes as they are kept in a file."""

    trained: NDArray[np.uint8]  # FAISS's index without rows
    sizes: NDArray[np.int64]  # (lists,) rows of each
    lists: NDArray[np.uint8]  # of each its codes, in blocks, and the numbers of its rows, with room for whole blocks


class Codes:
    """The codes of one part."""

    def __init__(self, index: Any, lists: Any = None) -> None:
        """Use `build` or `mapped`."""
        self._index = index  # an IndexIVF: FAISS's factory promises less
        self._lists = lists  # where they are not the index's own

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
    def mapped(cls, path: Path, trained: NDArray[np.uint8], sizes: NDArray[np.int64], at: int) -> Codes:
        """Take what `kept` gave from a file, where the lists begin at byte `at`; its checksum must have been compared.

        The lists stay in the file, which may be removed meanwhile.
        """
        index: Any = faiss.deserialize_index(trained)
        block: Any = faiss.downcast_InvertedLists(index.invlists)
        lists: Any = faiss.OnDiskInvertedLists()
        lists.nlist, lists.code_size = index.nlist, block.block_size // block.n_per_block
        lists.lists = _places(sizes, block.n_per_block, lists.code_size, at)
        lists.filename, lists.totsize, lists.read_only = str(path), path.stat().st_size, True
        lists.prefetch_nthread = 0  # the page cache does that
        lists.do_mmap()
        index.replace_invlists(lists, False)
        index.ntotal = int(sizes.sum())
        return cls(index, lists)

    def kept(self) -> Kept:
        """Return the codes as they are kept in a file; they cannot be searched any more."""
        block: Any = faiss.downcast_InvertedLists(self._index.invlists)
        sizes = np.array([block.list_size(number) for number in range(block.nlist)], np.int64)
        pieces = []
        for number, size in enumerate(sizes.tolist()):
            blocks = -(-size // block.n_per_block)
            rows = np.zeros(blocks * block.n_per_block, np.int64)
            if size:
                pieces.append(faiss.rev_swig_ptr(block.get_codes(number), blocks * block.block_size).copy())
                rows[:size] = faiss.rev_swig_ptr(block.get_ids(number), size)
                pieces.append(rows.view(np.uint8))
        self._index.reset()
        return Kept(faiss.serialize_index(self._index), sizes, np.concatenate(pieces))

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


def _places(sizes: NDArray[np.int64], block: int, code_size: int, at: int) -> Any:
    """Return where each list lies."""
    places = faiss.OnDiskOneListVector()  # type: ignore[attr-defined]
    for size in sizes.tolist():
        place = faiss.OnDiskOneList()
        place.size, place.capacity, place.offset = size, -(-size // block) * block, at
        places.push_back(place)
        at += place.capacity * (code_size + np.dtype(np.int64).itemsize)
    return places


def _pieces(vectors: NDArray[np.float16]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), ADDED_ROWS):
        yield vectors[start : start + ADDED_ROWS].astype(np.float32)
