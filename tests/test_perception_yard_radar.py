"""The yard's radar against what physics says of cases that can be told in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.inputs import input_fault
from perception.yard.radar import FALSE_ALARMS, FASTEST_FALSE_MPS, FURTHEST_M, HIGHEST_RAD, STEPS, WIDEST_RAD, Radar
from perception.yard.script import make_world
from perception.yard.settings import Light, WorldSettings
from perception.yard.world import Entity, World
from runtime.messages import RadarInput
from tests.yard_by_hand import parked, thing, wall, world_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SWEEPS = np.arange(40) / 20
CLUTTER_DBSM = -20.0  # few points of the ground echo more


def near(world: World, x_m: float, y_m: float, within_m: float, times_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the strong points within a circle around a place ahead of a rig that stands at the origin."""
    radar = Radar(world)
    points = np.concatenate([radar.sweep(float(t_s)) for t_s in times_s])
    away = np.hypot(points[:, 0] - y_m, points[:, 1] + x_m)  # the rig's forward is y, its left is -x
    return points[(away < within_m) & (points[:, 3] > CLUTTER_DBSM)]


def velocity_of(one: Entity, t_s: float, within_m: float = 3.0) -> NDArray[np.float32]:
    """Return the radial velocities of something's points at about a time."""
    x_m, y_m = one.track.position_m(np.array([t_s]))[0]
    return near(world_of(one), x_m, y_m, within_m, t_s + np.arange(-10, 11) / 1000)[:, 4]


@pytest.mark.parametrize(("x_m", "y_m"), [(0.0, 10.0), (-6.0, 12.0), (9.0, 20.0), (-3.0, 30.0)])
def test_a_person_is_where_it_stands_by_range_bearing_and_height(x_m: float, y_m: float) -> None:
    one = parked("person", x_m, y_m)
    points = near(world_of(one), x_m, y_m, 2.0, SWEEPS)
    ranges = np.hypot(points[:, 0], points[:, 1])
    bearings = np.arctan2(points[:, 1], points[:, 0])
    face_m = np.hypot(x_m, y_m) - one.box_m[0] / 2  # of the side that looks at the rig, give or take its slant
    assert np.median(ranges) == pytest.approx(face_m, abs=0.15)
    assert np.median(bearings) == pytest.approx(np.arctan2(-x_m, y_m), abs=np.deg2rad(0.6))
    assert points[:, 2].mean() == pytest.approx(one.box_m[2] / 2 - 1.4, abs=0.25)


def test_approaching_is_negative_and_receding_positive_by_as_much_as_it_moves() -> None:
    comes = thing("car", (0.0, 0.0, 40.0), (5.0, 0.0, 10.0))
    goes = thing("truck", (0.0, 0.0, 10.0), (5.0, 0.0, 30.0))
    aslant = thing("car", (0.0, -12.0, 24.0), (4.0, 0.0, 12.0))
    assert np.median(velocity_of(comes, 3.0)) == pytest.approx(-6.0, abs=0.1)
    assert np.median(velocity_of(goes, 3.0)) == pytest.approx(4.0, abs=0.1)
    x, y = aslant.track.position_m(np.array([2.0]))[0]
    radial = (3.0 * x - 3.0 * y) / np.hypot(x, y)
    assert np.median(velocity_of(aslant, 2.0)) == pytest.approx(radial, abs=0.3)  # a car is as wide as some degrees


def test_what_crosses_straight_ahead_neither_comes_nor_goes() -> None:
    crosses = thing("bicycle", (0.0, -10.0, 15.0), (4.0, 10.0, 15.0))
    before, ahead, after = (np.median(velocity_of(crosses, t_s, 2.0)) for t_s in (1.0, 2.0, 3.0))
    assert before == pytest.approx(-5 * np.sin(np.arctan2(5, 15)), abs=0.3)
    assert ahead == pytest.approx(0.0, abs=0.15)
    assert after == pytest.approx(5 * np.sin(np.arctan2(5, 15)), abs=0.3)


@pytest.mark.parametrize("kind", ["car", "person"])
def test_a_parked_thing_has_no_doppler(kind: str) -> None:
    velocities = near(world_of(parked(kind, 2.0, 14.0)), 2.0, 14.0, 3.0, SWEEPS)[:, 4]
    assert len(velocities) > 100
    assert abs(velocities.mean()) < 0.02
    assert np.abs(velocities).max() <= 3 * STEPS[3]


def test_from_a_driving_rig_all_that_stands_comes_nearer() -> None:
    world = world_of(parked("truck", 3.0, 30.0), walls=(wall(-5.0, 20.0),), rig=((0.0, 0.0, 0.0), (10.0, 0.0, 12.0)))
    radar = Radar(world)
    points = np.concatenate([radar.sweep(float(t_s)) for t_s in SWEEPS]).astype(np.float64)
    expected = -1.2 * points[:, 0] / np.linalg.norm(points[:, :3], axis=1)
    off = np.abs(points[:, 4] - expected)
    assert np.median(off) < 0.06
    assert (off < 0.3).mean() > 0.97  # the rest are false alarms


def test_a_turned_rig_sees_things_where_they_are_from_its_front() -> None:
    turned = world_of(parked("car", 0.0, 15.0), turn_radps=0.02)  # to the left: the car is to its right
    points = Radar(turned).sweep(10.0)
    strong = points[points[:, 3] > -5]
    assert np.median(np.arctan2(strong[:, 1], strong[:, 0])) == pytest.approx(-0.2, abs=0.03)


def test_a_wall_hides_what_is_behind_it_and_shows_itself() -> None:
    one = parked("car", 0.0, 20.0)
    free, hidden = (near(world_of(one, walls=walls), 0.0, 20.0, 3.0, SWEEPS) for walls in ((), (wall(0.0, 15.0),)))
    assert len(free) > 100
    assert len(hidden) < len(free) / 50
    at_the_wall = near(world_of(walls=(wall(0.0, 15.0),)), 0.0, 15.0, 3.0, SWEEPS)
    assert len(at_the_wall) > 100
    assert np.median(at_the_wall[:, 0]) == pytest.approx(14.8, abs=0.15)  # its face


def test_night_and_fog_change_nothing() -> None:
    lights: tuple[Light, ...] = ("day", "night", "fog")
    sweeps = [Radar(make_world(WorldSettings(light=light), 5)).sweep(4.0).tobytes() for light in lights]
    assert sweeps[0] == sweeps[1] == sweeps[2]
    assert len(sweeps[0]) > 0


def test_what_echoes_more_has_more_points_and_stronger_ones() -> None:
    found = [near(world_of(parked(kind, 0.0, 15.0)), 0.0, 15.0, 4.0, SWEEPS) for kind in ("dog", "person", "car")]
    found.append(near(world_of(parked("truck", 0.0, 15.0)), 0.0, 15.0, 4.0, SWEEPS))
    counts = [len(points) for points in found]
    assert counts == sorted(counts)
    assert counts[0] * 3 < counts[-1]
    levels = [10 * np.log10((10 ** (points[:, 3] / 10)).sum() / len(SWEEPS)) for points in found]
    expected = [level - 1.9 for level in (-8.0, -3.0, 10.0, 18.0)]  # small ones; all points of a sweep together
    assert levels == pytest.approx(expected, abs=1.5)


def test_points_fall_with_range_and_end_at_the_furthest() -> None:
    counts = [len(near(world_of(parked("dog", 0.0, y)), 0.0, y, 2.0, SWEEPS)) for y in (12.0, 24.0, 36.0, 44.0, 47.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[3] > 0
    assert counts[4] == 0


def test_limbs_and_wheels_spread_the_doppler_of_the_living_only() -> None:
    spreads = {}
    for kind in ("person", "dog", "bicycle", "car", "truck"):
        walks = thing(kind, (0.0, 0.0, 10.0), (5.0, 0.0, 20.0))
        slow, fast = np.percentile(velocity_of(walks, 1.05), (10, 90))
        spreads[kind] = fast - slow
    assert min(spreads[kind] for kind in ("person", "dog", "bicycle")) > 0.6
    assert max(spreads[kind] for kind in ("car", "truck")) < 0.35


def test_false_alarms_come_at_their_rate() -> None:
    radar = Radar(world_of())
    counts = np.array([(np.abs(radar.sweep(t / 20)[:, 4]) > 1.0).sum() for t in range(300)])  # the ground stands
    expected = FALSE_ALARMS * (1 - 1 / FASTEST_FALSE_MPS)
    assert counts.mean() == pytest.approx(expected, abs=0.3)
    assert counts.var() == pytest.approx(expected, abs=0.6)


def test_ghosts_are_rare_twice_as_far_and_twice_as_fast() -> None:
    comes = thing("truck", (0.0, 0.0, 21.0), (4.0, 0.0, 13.0))
    radar = Radar(world_of(comes))
    points = np.concatenate([radar.sweep(t / 100) for t in range(300)])
    true = (np.abs(points[:, 4] + 2.0) < 0.4).sum()
    ghosts = points[(np.abs(points[:, 4] + 4.0) < 0.5) & (np.abs(points[:, 1]) < 6)]
    assert 0.001 < len(ghosts) / true < 0.02
    assert np.median(ghosts[:, 0]) == pytest.approx(2 * 16.0, abs=4.0)


@pytest.mark.parametrize("seed", range(4))
def test_every_point_is_within_what_the_antenna_sees(seed: int) -> None:
    radar = Radar(make_world(WorldSettings(), seed))
    for t_s in (0.0, 5.0, 15.95):
        points = radar.sweep(t_s)
        assert points.dtype == np.float32
        assert points.shape[1] == 5
        assert np.isfinite(points).all()
        x, y, z = points[:, :3].astype(np.float64).T
        assert np.sqrt(x * x + y * y + z * z).max() <= FURTHEST_M + 1e-3
        assert np.abs(np.arctan2(y, x)).max() <= WIDEST_RAD + 1e-4
        assert np.abs(np.arctan2(z, np.hypot(x, y))).max() <= HIGHEST_RAD + 1e-4


def test_measurements_come_in_the_steps_of_the_receiver() -> None:
    points = Radar(make_world(WorldSettings(), 2)).sweep(6.0).astype(np.float64)
    x, y, z = points[:, :3].T
    measured = (np.sqrt(x * x + y * y + z * z), np.arctan2(y, x), np.arctan2(z, np.hypot(x, y)), points[:, 4])
    for values, step in zip(measured, STEPS, strict=True):
        assert values / step == pytest.approx(np.round(values / step), abs=0.01)
    assert len(np.unique(points[:, [0, 1, 2, 4]], axis=0)) == len(points)  # one point a cell


def test_the_same_seed_gives_the_same_bytes_in_any_order() -> None:
    world = make_world(WorldSettings(), 11)
    radar = Radar(world)
    forth = [radar.sweep(t / 20).tobytes() for t in range(10)]
    back = [Radar(make_world(WorldSettings(), 11)).sweep(t / 20).tobytes() for t in reversed(range(10))]
    assert forth == back[::-1]
    assert len({*forth}) == 10
    assert Radar(make_world(WorldSettings(), 12)).sweep(0.0).tobytes() != forth[0]


def test_a_sweep_is_taken_at_perceptions_door() -> None:
    payload = Radar(make_world(WorldSettings(), 3)).sweep(1.0).astype("<f4").tobytes()
    assert input_fault(RadarInput(session="yard", stream="radar", payload=payload)) == ""
