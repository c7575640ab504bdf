"""The cheapest assignment, against all there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.tracking.assignment import assign


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 10_000))
def test_it_pairs_as_many_as_it_may_and_those_cheaply(rows: int, columns: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    costs = draw.uniform(0, 10, (rows, columns))
    costs[draw.random((rows, columns)) < 0.3] = np.inf
    pairs = assign(costs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    wide = costs if rows <= columns else costs.T
    best = (0, 0.0)
    for chosen in permutations(range(wide.shape[1]), wide.shape[0]):
        allowed = [wide[row, column] for row, column in enumerate(chosen) if np.isfinite(wide[row, column])]
        best = min(best, (-len(allowed), float(sum(allowed))))
    assert len(pairs) == -best[0]
    assert sum(costs[row, column] for row, column in pairs) == pytest.approx(best[1])
