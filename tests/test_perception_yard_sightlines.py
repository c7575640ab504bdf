"""Lines of sight between the walls of the yard."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.sightlines import SKIN_M, Sightlines
from perception.yard.world import Wall
from tests.yard_by_hand import wall

EYE = np.array([0.0, 0.0, 1.4])


def test_behind_a_wall_is_blocked_beside_above_and_before_it_is_not() -> None:
    lines = Sightlines((wall(0.0, 10.0, length_m=4.0, height_m=2.0),))
    places = np.array([(0.0, 20.0, 1.0), (5.0, 20.0, 1.0), (0.0, 20.0, 3.5), (0.0, 9.0, 1.0), (0.0, 9.8, 1.0)])
    assert lines.are_blocked(EYE, places).tolist() == [True, False, False, False, False]  # the last is its face
    assert lines.are_blocked(EYE, np.array([(0.0, 10.2, 1.0)])).tolist() == [True]  # its back


def test_walls_one_behind_the_other_are_counted() -> None:
    lines = Sightlines((wall(0.0, 10.0), wall(0.0, 15.0), wall(8.0, 12.0, length_m=2.0)))
    places = np.array([(0.0, 20.0, 1.0), (0.0, 12.0, 1.0), (0.0, 5.0, 1.0), (12.0, 18.0, 1.0)])
    assert lines.walls_between(EYE, places).tolist() == [2, 1, 0, 1]


def test_no_wall_blocks_nothing() -> None:
    assert Sightlines(()).are_blocked(EYE, np.ones((3, 3))).tolist() == [False] * 3


def test_each_place_may_have_its_own_eye() -> None:
    lines = Sightlines((wall(0.0, 10.0),))
    eyes = np.array([(0.0, 0.0, 1.0), (0.0, 15.0, 1.0)])
    assert lines.are_blocked(eyes, np.array([(0.0, 20.0, 1.0)] * 2)).tolist() == [True, False]


def walks_through(one: Wall, place: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return how much of the way from the eye lies in the wall, in metres: the slow way, step by step."""
    length_m = float(np.linalg.norm(place - EYE))
    steps = EYE + (place - EYE) * np.linspace(0, 1, 20_001)[:, None]
    x, y = steps[:, 0] - one.x_m, steps[:, 1] - one.y_m
    cos, sin = np.cos(one.heading_rad), np.sin(one.heading_rad)
    along, across = x * cos + y * sin, y * cos - x * sin
    inside = (np.abs(along) < one.length_m / 2) & (np.abs(across) < one.width_m / 2) & (steps[:, 2] < one.height_m)
    return float((inside & (steps[:, 2] > 0)).mean()) * length_m


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.floats(-14, 14), st.floats(5, 30), st.floats(-0.4, 0.4)),
    st.tuples(st.floats(-20, 20), st.floats(3, 40), st.floats(0, 4)),
)
def test_it_says_what_a_walk_along_the_line_finds(at: tuple[float, float, float], to: tuple[float, ...]) -> None:
    one = wall(at[0], at[1], heading_rad=at[2])
    place = np.array(to)
    through_m = walks_through(one, place)
    is_blocked = bool(Sightlines((one,)).are_blocked(EYE, place[None])[0])
    if through_m > 5 * SKIN_M:
        assert is_blocked
    if through_m == 0:
        cut_m = 2 * np.linalg.norm(place - EYE) / 20_000  # a corner may lie between two steps
        assert not is_blocked or walks_through(wider(one, float(cut_m)), place) > 0


def wider(one: Wall, by_m: float) -> Wall:
    return Wall(
        x_m=one.x_m,
        y_m=one.y_m,
        length_m=one.length_m + by_m,
        width_m=one.width_m + by_m,
        height_m=one.height_m + by_m,
        heading_rad=one.heading_rad,
        colour=one.colour,
    )
