"""Exact search for many queries at once: a device proposes, and the CPU's own products decide.

Sums in another order differ in their last bits, so a device's best k are not quite the CPU's. It is asked for some more
of them; their products are made as everywhere else, and where the k-th is better, by more than both can be wrong, than
all that the device left out, the k best are proven. What is not proven, as where many rows are equal, is scanned. So
the result is the same on any device, to the last bit.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from memory.device import FAILED, Device, reason_of
from memory.exact import Ranked, nearest, nearest_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.columns import Rows

logger = logging.getLogger(__name__)

SPARE = 64  # candidates beyond those that are asked for
COUNT_MAX = 1_024 - SPARE  # FAISS's GPUs select 1,024 to 2,048 at most
BLOCK_ROWS = 65_536  # are on the device at once, as float32
ROUNDING = 2.0**-23  # of a sum of products in float32, for each of them; twice what one rounding costs


def nearest_each(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], count: int, rows: Rows, device: Device | None = None
) -> list[Ranked]:
    """Return for each query (B, C) what `nearest` returns; where a device fails, the log says so."""
    found: list[Ranked | None] = [None] * len(queries)
    if device is not None and len(queries) and rows.count and 0 < count <= COUNT_MAX:
        try:
            found = proven(vectors, queries, count, rows, device)
        except FAILED as error:
            logger.warning("%s cannot search (%s): the CPU does", device.name, reason_of(error))
    return [
        nearest(vectors, query, count, rows) if one is None else one for query, one in zip(queries, found, strict=True)
    ]


def proven(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], count: int, rows: Rows, device: Device
) -> list[Ranked | None]:
    """Return for each query (B, C) what `nearest` returns, None where the device's proposal does not prove it.

    Raises one of FAILED where the device does.
    """
    numbers, scores, cut, longest = _proposed(vectors, queries, count + SPARE, rows, device)
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    may_be_off = 2 * ROUNDING * vectors.shape[1] * longest * lengths  # two products of the same, both rounded
    found: list[Ranked | None] = []
    for query, some, products, above, off in zip(queries, numbers, scores, cut, may_be_off, strict=True):
        candidates, places = np.unique(some, return_index=True)
        ranked = best, true = nearest_of(vectors, query, count, candidates)
        said = products[places[np.searchsorted(candidates, best)]]
        if not (np.abs(said.astype(np.float64) - true) <= off).all():
            raise RuntimeError("computes less precisely than float32")
        is_whole = len(best) == min(count, rows.count)
        found.append(ranked if is_whole and float(true[-1]) > float(above) + off else None)
    return found


def _proposed(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], count: int, rows: Rows, device: Device
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], float]:
    """Return rows (B, n) with their products there, above which no other lies (B,), and the longest vector's length."""
    flat = device.flat(vectors.shape[1])
    wanted = rows.numbers()
    numbers, scores = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
    cut = np.full(len(queries), -np.inf, np.float32)
    longest = 0.0
    for start in range(0, len(wanted), BLOCK_ROWS):
        some = wanted[start : start + BLOCK_ROWS]
        piece = vectors[some].astype(np.float32)
        longest = max(longest, float(np.einsum("nc,nc->n", piece, piece, dtype=np.float64).max()) ** 0.5)
        flat.reset()
        flat.add(piece)
        products, here = flat.search(queries, min(count, len(some)))
        if here.min() < 0 or here.max() >= len(some):
            raise RuntimeError("names rows that it was not given")
        if len(some) > count:
            cut = np.maximum(cut, products.min(axis=1))
        numbers, scores = np.concatenate((numbers, some[here]), 1), np.concatenate((scores, products), 1)
        if scores.shape[1] > count:
            order = np.argsort(-scores, axis=1, kind="stable")
            cut = np.maximum(cut, np.take_along_axis(scores, order[:, count : count + 1], 1)[:, 0])
            numbers = np.take_along_axis(numbers, order[:, :count], 1)
            scores = np.take_along_axis(scores, order[:, :count], 1)
    return numbers, scores, cut, longest
