"""Sweeps as one tensor: what is no point is left out, and too many are thinned evenly."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from perception.radar.sweeps import POINTS_MAX, Points, clean, pack

ANY_SWEEP = arrays.arrays(np.float32, st.tuples(st.integers(0, 200), st.just(5)), elements=st.floats(width=32))


@given(sweeps=st.lists(ANY_SWEEP, max_size=4))
def test_what_is_packed_is_finite_and_comes_from_its_sweep(sweeps: list[Points]) -> None:
    points, valid = pack(sweeps)
    assert points.shape[:2] == valid.shape
    assert np.isfinite(points).all()
    assert (points[~valid] == 0).all()
    for row, sweep in enumerate(sweeps):
        usable = sweep[np.isfinite(sweep).all(axis=1)]
        assert valid[row].sum() == min(len(usable), POINTS_MAX)
        if len(usable) <= POINTS_MAX:
            assert np.array_equal(points[row][valid[row]], usable)


def test_ten_times_the_points_are_thinned_from_first_to_last() -> None:
    sweep = np.repeat(np.arange(10 * POINTS_MAX, dtype=np.float32)[:, None], 5, axis=1)
    kept = clean(sweep)[:, 0]
    assert len(kept) == POINTS_MAX
    assert kept[0] == 0
    assert kept[-1] == 10 * POINTS_MAX - 1
    assert np.diff(kept).min() >= 9


def test_more_fields_than_five_are_not_read() -> None:
    sweep = np.ones((3, 7), np.float32)
    sweep[:, 5:] = np.nan
    assert clean(sweep).shape == (3, 5)


def test_a_given_width_cuts_or_pads() -> None:
    sweeps = [np.ones((3, 5), np.float32), np.ones((9, 5), np.float32)]
    points, valid = pack(sweeps, 6)
    assert points.shape == (2, 6, 5)
    assert valid.sum(1).tolist() == [3, 6]
    assert pack([], 6)[0].shape == (0, 6, 5)
