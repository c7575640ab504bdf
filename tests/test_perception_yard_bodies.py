"""Bodies on the ground: how far they are apart in cases that can be told by hand, and by a slow look at points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.bodies import CLEAR_M, Outline, Room, gap_m, gaps_m
from perception.yard.track import Track
from tests.yard_by_hand import parked, thing, wall

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERSON_M, CAR_M = (0.6, 0.6), (4.2, 1.8)
RIG = Track(knots=((0.0, 0.0, 0.0), (20.0, 0.0, 0.0)))
places = st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.floats(-3.2, 3.2))
halves = st.tuples(st.floats(0.2, 4.0), st.floats(0.2, 1.5))


def body(x_m: float, y_m: float, heading_rad: float, half_m: tuple[float, float]) -> Outline:
    return Outline(place_m=np.array([[x_m, y_m]]), heading_rad=np.array([heading_rad]), half_m=half_m)


def points_of(one: Outline, count: int = 17) -> NDArray[np.float64]:
    """Return points (P, 2) all over a body."""
    u, v = (np.linspace(-half, half, count) for half in one.half_m)
    along, across = (axis.ravel() for axis in np.meshgrid(u, v))
    cos, sin = np.cos(one.heading_rad[0]), np.sin(one.heading_rad[0])
    return np.asarray(np.stack([along * cos - across * sin, along * sin + across * cos], axis=1) + one.place_m[0])


@pytest.mark.parametrize(
    ("other", "gap"),
    [
        (body(5.0, 0.0, 0.0, (2.0, 1.0)), 1.0),
        (body(0.0, -4.0, 0.0, (2.0, 1.0)), 2.0),
        (body(5.0, 0.0, np.pi / 2, (2.0, 1.0)), 2.0),  # across the way
        (body(0.0, 3.0, np.pi / 4, (1.0, 1.0)), 3.0 - 1.0 - np.sqrt(2)),  # a corner first
        (body(3.0, 0.0, 0.0, (2.0, 1.0)), -1.0),
    ],
)
def test_two_bodies_are_as_far_apart_as_a_ruler_says(other: Outline, gap: float) -> None:
    one = body(0.0, 0.0, 0.0, (2.0, 1.0))
    assert gaps_m(one, other) == pytest.approx([gap])
    assert gaps_m(other, one) == pytest.approx([gap])


@settings(max_examples=60, deadline=None)
@given(places, halves, places, halves)
def test_no_two_points_are_nearer_than_the_gap(
    at: tuple[float, float, float], half: tuple[float, float], to: tuple[float, float, float], its: tuple[float, float]
) -> None:
    one, other = body(*at, half), body(*to, its)
    gap = float(gaps_m(one, other)[0])
    nearest = np.linalg.norm(points_of(one)[:, None] - points_of(other)[None], axis=-1).min()
    assert gap <= nearest + 1e-9
    if gap <= -1e-9:  # no line parts them: two convex bodies share ground, and points are not farther than their grid
        assert nearest <= 2 * np.hypot(*np.maximum(half, its)) / 8


def test_many_moments_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    place, heading = rng.uniform(-9, 9, (2, 30, 2)), rng.uniform(-3, 3, (2, 30))
    one, other = (Outline(place_m=p, heading_rad=h, half_m=(2.0, 0.9)) for p, h in zip(place, heading, strict=True))
    singly = [
        gaps_m(*(body(float(p[n, 0]), float(p[n, 1]), h[n], (2.0, 0.9)) for p, h in zip(place, heading, strict=True)))[
            0
        ]
        for n in range(30)
    ]
    assert gaps_m(one, other) == pytest.approx(singly)


def test_a_wall_in_the_way_leaves_no_room_and_beside_it_there_is() -> None:
    room = Room([wall(0.0, 15.0, length_m=6.0)], RIG, 20.0)
    through = Track(knots=((0.0, 0.0, 8.0), (10.0, 0.0, 22.0)))
    around = Track(knots=((0.0, 0.0, 8.0), (5.0, 4.5, 15.0), (10.0, 0.0, 22.0)))
    along = [Track(knots=((0.0, -9.0, y), (10.0, 9.0, y))) for y in (15.0, 15.4, 16.1)]
    assert not room.has(through, PERSON_M)
    assert room.has(around, PERSON_M)
    assert [room.has(way, PERSON_M) for way in along] == [False, False, True]


def test_what_parks_needs_its_clearance_to_a_wall() -> None:
    room = Room([wall(0.0, 15.0)], RIG, 20.0)  # 0.4 m wide
    least_m = 0.2 + CAR_M[1] / 2 + CLEAR_M
    beside = [
        Track(knots=((0.0, 0.0, 15.0 + way), (20.0, 0.0, 15.0 + way))) for way in (least_m - 0.01, least_m + 0.01)
    ]
    assert [room.has(way, CAR_M) for way in beside] == [False, True]


def test_ways_may_cross_where_nobody_is_there_at_the_same_time() -> None:
    room = Room([], RIG, 20.0)
    first = Track(knots=((0.0, -10.0, 15.0), (10.0, 10.0, 15.0)))
    room.take(first, PERSON_M)
    at_once, later = (Track(knots=((t_s, 0.0, 10.0), (t_s + 10.0, 0.0, 20.0))) for t_s in (0.0, 3.0))
    assert not room.has(at_once, PERSON_M)
    assert room.has(later, PERSON_M)
    assert not room.has(Track(knots=((0.0, 10.0, 15.0), (10.0, -10.0, 15.0))), PERSON_M)  # head on
    assert room.has(Track(knots=((10.5, 10.0, 15.0), (20.0, -10.0, 15.0))), PERSON_M)  # it has gone


def test_nothing_takes_the_place_of_the_rig() -> None:
    room = Room([], Track(knots=((0.0, 0.0, 0.0), (10.0, 0.0, 10.0))), 20.0)
    crosses = [Track(knots=((t_s, -8.0, 8.0), (t_s + 4.0, 8.0, 8.0))) for t_s in (0.0, 6.0)]  # the rig is there at 8 s
    assert [room.has(way, PERSON_M) for way in crosses] == [True, False]


def test_two_things_are_as_far_apart_as_their_sizes_leave() -> None:
    one, other = parked("car", 0.0, 15.0), thing("person", (0.0, -8.0, 17.0), (8.0, 8.0, 17.0))
    between_m = 2.0 - one.box_m[1] / 2 - other.box_m[1] / 2
    assert gap_m(one, other, 4.0) == pytest.approx(between_m)
    assert gap_m(one, other, 0.0) == pytest.approx(8.0 - one.box_m[0] / 2 - other.box_m[0] / 2)
