"""Exact search over float16 vectors where they lie, in memory or mapped: FAISS's scan, which widens them in registers.

A product does not depend on what else is multiplied, so a part may be cut anywhere and its vectors lie anywhere.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import faiss
import numpy as np
from numpy.typing import NDArray

from memory.columns import Rows
from memory.selector import allow

Ranked: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]  # rows (m,) and their products (m,), best first

PASSED_OVER = 16  # rows that are skipped in the time in which one is copied


def nearest(vectors: NDArray[np.float16], query: NDArray[np.float32], count: int, rows: Rows) -> Ranked:
    """Return the `count` of some rows of vectors (n, C) that are nearest to a query (C,), of equal ones the first."""
    if rows.mask is not None and rows.stop - rows.start > PASSED_OVER * rows.count:
        return nearest_of(vectors, query, count, rows.numbers())
    found, scores = _scanned(vectors[rows.start : rows.stop], query, min(count, rows.count), rows.mask)
    return found + rows.start, scores


def nearest_of(
    vectors: NDArray[np.float16], query: NDArray[np.float32], count: int, numbers: NDArray[np.int64]
) -> Ranked:
    """Return the `count` of the rows with these numbers (m,), ascending, that are nearest, of equal ones the first."""
    found, scores = _scanned(vectors[numbers], query, min(count, len(numbers)), None)
    return numbers[found], scores


def _scanned(
    vectors: NDArray[np.float16], query: NDArray[np.float32], count: int, mask: NDArray[np.bool_] | None
) -> Ranked:
    """Scan vectors (n, C), or those of a mask (n,)."""
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    flat = _view(vectors)
    params = faiss.SearchParameters()
    kept = None if mask is None else allow(params, Rows(0, len(mask), mask, count))
    scores, found = flat.search(query[None], count + 1, params=params)  # one more tells whether the last has an equal
    rows, products = found[0], scores[0]
    if rows[count] >= 0 and products[count] == products[count - 1]:
        least = float(np.nextafter(products[count], np.float32(-np.inf)))
        _, products, rows = flat.range_search(query[None], least, params=params)
    del kept
    is_found = rows >= 0
    rows, products = rows[is_found], products[is_found]
    best = np.lexsort((rows, -products))[:count]
    return rows[best], products[best]


def _view(vectors: NDArray[np.float16]) -> faiss.IndexScalarQuantizer:
    """Return an index of vectors (n, C), which must outlive it: FAISS takes their memory as its own would lie."""
    assert vectors.flags.c_contiguous, "vectors lie one behind the other"
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    flat.ntotal = len(vectors)
    codes: Any = flat.codes
    codes.is_owned = False
    codes.view_data = codes.c_ptr = faiss.swig_ptr(vectors.view(np.uint8).reshape(-1))
    codes.view_size = codes.c_size = vectors.nbytes
    return flat
