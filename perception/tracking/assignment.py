"""Which measurement belongs to which track: the assignment of least cost (Kuhn 1955, shortest augmenting paths)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORBIDDEN = 1e9


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return (row, column) pairs of an (R, C) matrix: as many as allowed ones permit, of those the cheapest.

    Infinite costs are never paired.
    """
    allowed = np.isfinite(costs)
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    padded = np.where(allowed, costs, FORBIDDEN)
    pairs = _shortest_paths(padded) if rows <= columns else [(row, column) for column, row in _shortest_paths(padded.T)]
    return sorted((row, column) for row, column in pairs if allowed[row, column])


def _shortest_paths(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return a column for each row, R <= C; potentials keep reduced costs non-negative."""
    rows, columns = costs.shape
    of_row, of_column = np.zeros(rows), np.zeros(columns + 1)
    taken = np.full(columns + 1, -1)  # row of each column; the last one is where each search begins
    for row in range(rows):
        taken[columns] = row
        column = columns
        best, before = np.full(columns, np.inf), np.full(columns, columns)
        done = np.zeros(columns + 1, np.bool_)
        while taken[column] >= 0:
            done[column] = True
            here = taken[column]
            reduced = costs[here] - of_row[here] - of_column[:columns]
            is_better = ~done[:columns] & (reduced < best)
            best[is_better], before[is_better] = reduced[is_better], column
            following = int(np.where(done[:columns], np.inf, best).argmin())
            step = best[following]
            of_row[taken[done]] += step
            of_column[done] -= step
            best[~done[:columns]] -= step
            column = following
        while column != columns:
            taken[column] = taken[before[column]]
            column = int(before[column])
    return [(int(taken[column]), column) for column in range(columns) if taken[column] >= 0]
