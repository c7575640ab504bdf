"""Sweeps of View-of-Delft, TJ4DRadSet, nuScenes and ours in one shape; points that are not finite, too many, none."""

from __future__ import annotations

import numpy as np
import pytest

from perception.tracking.points import POINTS_MAX, RCS, V_COMP, V_R, canonical, directions, read_sweep
from runtime.messages import RadarInput


def message(rows: list[list[float]], fields: str) -> RadarInput:
    return RadarInput(session="s", stream="r", fields=fields, payload=np.array(rows, "<f4").tobytes())


@pytest.mark.parametrize(
    ("fields", "row", "expected"),
    [
        ("x y z rcs v_r", [1, 2, 3, -5, 0.5], [1, 2, 3, -5, 0.5, 0, 0]),
        (
            "x y z RCS v_r v_r_compensated time",
            [1, 2, 3, -5, 0.5, 0.25, -1],
            [1, 2, 3, -5, 0.5, 0.25, -1],
        ),  # View-of-Delft
        ("x y z v_r range power alpha beta", [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 6, 4, 0, 0]),
        ("y x z intensity doppler", [2, 1, 3, 7, -1], [1, 2, 3, 7, -1, 0, 0]),
        ("x y z rcs vx vy vx_comp vy_comp", [3, 4, 0, 1, 3, 4, 0, 5], [3, 4, 0, 1, 5, 4, 0]),  # nuScenes
        ("x y z", [1, 2, 3], [1, 2, 3, 0, 0, 0, 0]),
    ],
)
def test_fields_are_known_by_their_names(fields: str, row: list[float], expected: list[float]) -> None:
    sweep = read_sweep(message([row], fields))
    assert sweep.points.dtype == np.float32
    assert sweep.points.tolist() == [pytest.approx(expected)]
    assert sweep.has_speed == any(name in fields for name in ("v_r", "doppler", "vx"))
    assert sweep.has_compensated == ("comp" in fields)


def test_points_that_are_not_finite_are_dropped_and_counted() -> None:
    rows: list[list[float]] = [
        [1, 2, 3, 0, 0],
        [np.nan, 0, 0, 0, 0],
        [1, np.inf, 0, 0, 0],
        [0, 0, 0, 0, -np.inf],
        [4, 5, 6, 0, 0],
    ]
    sweep = read_sweep(message(rows, "x y z rcs v_r"))
    assert sweep.points[:, 0].tolist() == [1, 4]
    assert (sweep.dropped, sweep.excess) == (3, 0)


def test_an_empty_sweep_is_a_sweep() -> None:
    sweep = read_sweep(message([], "x y z rcs v_r"))
    assert sweep.points.shape == (0, 7)
    assert sweep.has_speed
    assert directions(sweep.points).shape == (0, 3)


def test_of_too_many_points_the_strongest_stay_in_their_order() -> None:
    rows = np.zeros((POINTS_MAX + 10, 5), np.float32)
    rows[:, 0] = np.arange(len(rows))
    rows[5:15, 3] = -1  # the ten weakest
    sweep = canonical(rows, "x y z rcs v_r".split())
    assert (len(sweep.points), sweep.excess) == (POINTS_MAX, 10)
    assert sweep.points[:, 0].tolist() == [*range(5), *range(15, len(rows))]
    assert (sweep.points[:, RCS] == 0).all()
    assert not sweep.points[:, [V_R, V_COMP]].any()


@pytest.mark.parametrize(("fields", "rows"), [("x y rcs", [[1, 2, 3]]), ("x y z rcs", [[1, 2, 3]])])
def test_what_does_not_fit_is_refused(fields: str, rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"points with"):
        read_sweep(message(rows, fields))
