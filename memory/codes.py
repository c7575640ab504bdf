"""One bit per dimension: which rows of a sealed part are worth an exact look (RaBitQ, Gao and Long 2024, 2405.12497).

FAISS's inverted lists of RaBitQ codes in the layout for SIMD look-ups ("fast scan"), mapped from the segment's file.
What they find is ranked again by the vectors themselves: without that one found in two is wrong. How many lists are
worth a look is seen from what the nearest few hold: a scene that lies in the window is found at once, and for one that
does not, what is least unlike it may lie in any list.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss
import numpy as np

from memory.device import FAILED, Device, reason_of
from memory.selector import allow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from memory.columns import Rows

logger = logging.getLogger(__name__)

PER_LIST = 40  # rows at least: k-means of fewer is noise
TRAINED_PER_LIST = 64  # rows
ADDED_ROWS = 65_536  # at once: as many are in memory as float32
FIRST_LISTS = 4  # that are looked into before anything is known
MOST_LISTS = 192  # where as many rows as were asked for have been found
# FAISS encodes what a row adds to its list's centre, and is wrong about its length by thousands where that is below
# 0.0003: rows that come again and again are the centre of a list themselves, and would seem near to every query.
SHRUNK = np.float32(0.99)
REACH = 0.5  # how far above its centre's product a row's may lie, in lengths of the query times the rows' spread


class Kept(NamedTuple):
    """Codes as they are kept in a file."""

    trained: NDArray[np.uint8]  # FAISS's index without rows
    sizes: NDArray[np.int64]  # (lists,) rows of each
    spread: NDArray[np.float32]  # (1,) how far rows lie from the centres of their lists
    lists: NDArray[np.uint8]  # of each its codes, in blocks, and the numbers of its rows, with room for whole blocks


class Codes:
    """The codes of one part."""

    def __init__(self, index: Any, spread: float, lists: Any = None) -> None:
        """Use `build` or `mapped`."""
        self.index = index  # an IndexIVF: FAISS's factory promises less
        self.spread = spread
        self._lists = lists  # where they are not the index's own
        self.centres = _centres(index)

    @classmethod
    def build(cls, vectors: NDArray[np.float16], device: Device | None = None) -> Codes:
        """Encode vectors (n, C); the same ones give the same codes. Where a device fails, the log says so."""
        if device is not None:
            try:
                return cls.build_on(vectors, device)
            except FAILED as error:
                logger.warning("%s cannot build (%s): the CPU does", device.name, reason_of(error))
        index = _untrained(*vectors.shape)
        sample = _sample(vectors, index.nlist)
        index.train(sample)
        centres = _centres(index)
        centres *= SHRUNK
        for piece in _pieces(vectors):
            index.add(piece)
        return cls(index, _spread(sample, centres, index.quantizer))

    @classmethod
    def build_on(cls, vectors: NDArray[np.float16], device: Device) -> Codes:
        """Encode vectors (n, C), which a device gathers around centres and puts into lists; the CPU encodes.

        Raises one of FAILED where the device does, or what it says cannot be.
        """
        index = _untrained(*vectors.shape)
        sample = _sample(vectors, index.nlist)
        index.clustering_index = gathering = device.flat(index.d)
        index.train(sample)
        index.clustering_index = None
        del gathering
        centres = _centres(index) * SHRUNK
        if not np.isfinite(centres).all():
            raise RuntimeError("its centres are not finite")
        quantizer = faiss.IndexFlatIP(index.d)
        quantizer.add(centres)
        # The fast layout asks its own quantizer for lists; this one takes them from elsewhere, and becomes that.
        plain: Any = faiss.IndexIVFRaBitQ(quantizer, index.d, index.nlist, faiss.METRIC_INNER_PRODUCT)
        plain.qb, plain.is_trained = index.qb, True
        assigning = device.flat(index.d)
        assigning.add(centres)
        for piece in _pieces(vectors):
            lists = _lists_of(piece, assigning, index.nlist)
            plain.add_core(len(piece), faiss.swig_ptr(piece), None, faiss.swig_ptr(lists))
        return cls(faiss.IndexIVFRaBitQFastScan(plain), _spread(sample, centres, assigning))

    @classmethod
    def mapped(cls, path: Path, kept: Kept, at: int) -> Codes:
        """Take what `kept` gave from a file, where the lists begin at byte `at`; its checksum must have been compared.

        The lists stay in the file, which may be removed meanwhile.
        """
        index: Any = faiss.deserialize_index(kept.trained)
        block: Any = faiss.downcast_InvertedLists(index.invlists)
        lists: Any = faiss.OnDiskInvertedLists()
        lists.nlist, lists.code_size = index.nlist, block.block_size // block.n_per_block
        lists.lists = _places(kept.sizes, block.n_per_block, lists.code_size, at)
        lists.filename, lists.totsize, lists.read_only = str(path), path.stat().st_size, True
        lists.prefetch_nthread = 0  # the page cache does that
        lists.do_mmap()
        index.replace_invlists(lists, False)
        index.ntotal = int(kept.sizes.sum())
        return cls(index, float(kept.spread[0]), lists)

    def kept(self) -> Kept:
        """Return the codes as they are kept in a file; they cannot be searched any more."""
        block: Any = faiss.downcast_InvertedLists(self.index.invlists)
        sizes = np.array([block.list_size(number) for number in range(block.nlist)], np.int64)
        pieces = []
        for number, size in enumerate(sizes.tolist()):
            blocks = -(-size // block.n_per_block)
            rows = np.zeros(blocks * block.n_per_block, np.int64)
            if size:
                pieces.append(faiss.rev_swig_ptr(block.get_codes(number), blocks * block.block_size).copy())
                rows[:size] = faiss.rev_swig_ptr(block.get_ids(number), size)
                pieces.append(rows.view(np.uint8))
        self.index.reset()
        spread = np.array([self.spread], np.float32)
        return Kept(faiss.serialize_index(self.index), sizes, spread, np.concatenate(pieces))

    def search(self, query: NDArray[np.float32], count: int, rows: Rows) -> Search:
        """Begin to look for the `count` of some rows that seem nearest to a query (C,)."""
        return Search(self, query, count, rows)


class Search:
    """A search that has looked into the lists nearest to its query, and may look into more."""

    def __init__(self, codes: Codes, query: NDArray[np.float32], count: int, rows: Rows) -> None:
        """Use `Codes.search`."""
        self.rows = np.empty(0, np.int64)  # (m,) that seemed nearest in the lists so far, in no order
        self.scores = np.empty(0, np.float32)  # (m,) about their products
        self._index, self._query, self._count = codes.index, query, count
        self._params = faiss.SearchParametersIVF()
        self._kept = allow(self._params, rows) if rows.count < codes.index.ntotal else None
        products = np.einsum("lc,c->l", codes.centres, query)  # BLAS would wake threads for so little
        self._lists = np.argsort(-products)
        self._products = products[self._lists]
        self._reach = REACH * codes.spread * float(np.linalg.norm(query))
        self._seen = 0  # lists
        self._look_into(FIRST_LISTS)

    def look_for(self, least: float) -> None:
        """Look into lists that may hold something better than `least`; into all where that is minus infinity."""
        worth = int(np.count_nonzero(self._products > least - self._reach))
        self._look_into(min(worth, MOST_LISTS) if np.isfinite(least) else worth)

    def _look_into(self, lists: int) -> None:
        """Look into so many of the nearest lists, as far as that has not been done."""
        begin, end = self._seen, min(lists, len(self._lists))
        if end <= begin:
            return
        self._seen = self._params.nprobe = end
        self._params.nprobe -= begin
        chosen, products = self._lists[begin:end], self._products[begin:end]
        scores, rows = np.empty(self._count, np.float32), np.empty(self._count, np.int64)
        ends = [faiss.swig_ptr(array) for array in (chosen, products, scores, rows)]
        self._index.search_preassigned_c(1, faiss.swig_ptr(self._query), self._count, *ends, False, self._params)
        self.rows = np.concatenate((self.rows, rows[rows >= 0]))
        self.scores = np.concatenate((self.scores, scores[rows >= 0]))


def _untrained(count: int, width: int) -> Any:
    """Return an index for so many vectors."""
    lists = max(1, min(round(count**0.5), count // PER_LIST))
    index: Any = faiss.index_factory(width, f"IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 10
    index.cp.min_points_per_centroid = 1  # it is our choice how many there are: no warning
    return index


def _sample(vectors: NDArray[np.float16], lists: int) -> NDArray[np.float32]:
    return vectors[:: max(1, len(vectors) // (lists * TRAINED_PER_LIST))].astype(np.float32)


def _spread(sample: NDArray[np.float32], centres: NDArray[np.float32], assigning: Any) -> float:
    """Return how far vectors (n, C) lie from their centres."""
    apart = sample - centres[_lists_of(sample, assigning, len(centres))]
    return float(np.sqrt(np.square(apart).sum(axis=1).mean()))


def _lists_of(vectors: NDArray[np.float32], assigning: Any, lists: int) -> NDArray[np.int64]:
    """Return the list (n,) of each vector, as an index of all centres finds it."""
    _, nearest = assigning.search(vectors, 1)
    if nearest.min() < 0 or nearest.max() >= lists:
        raise RuntimeError("it names lists that are not there")
    return np.ascontiguousarray(nearest[:, 0], np.int64)


def _centres(index: Any) -> NDArray[np.float32]:
    """Return the centres of the lists (lists, C) where they lie."""
    quantizer: Any = faiss.downcast_index(index.quantizer)
    centres: NDArray[np.float32] = faiss.rev_swig_ptr(quantizer.get_xb(), index.nlist * index.d)
    return centres.reshape(index.nlist, index.d)


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
