"""What reaches the sensors, against closed forms and against what they record: loudness by ear, echoes by radar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.yard.ears import BEHIND_WALL, HUM_RMS, RATE_HZ, SOUND_MPS, Ears
from perception.yard.echoes import echoes_of
from perception.yard.kinds import CLASSES
from perception.yard.radar import SNR_DB, THRESHOLD_DB, WIDEST_RAD, Radar
from perception.yard.reach import Reach
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.truth import AUDIBLE_DB, ECHOING, is_audible, is_echoing, is_faint
from perception.yard.view import truth_at, truths
from tests.yard_by_hand import Knot, parked, thing, wall, world_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perception.yard.world import Entity, Wall, World

ALWAYS = ((0.0, 20.0),)
DRIVES: tuple[Knot, ...] = ((0.0, 0.0, 0.0), (16.0, 0.0, 8.0))
BEHIND_DB = float(20 * np.log10(BEHIND_WALL))


def loudness_db(world: World, t_s: float = 5.0) -> float:
    return float(Reach(world).loudness_db(world.states(np.array([t_s])))[0, 0])


def echoes(world: World, t_s: float = 5.0) -> float:
    return float(Reach(world).echoes(world.states(np.array([t_s])))[0, 0])


def rms(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt((samples.astype(np.float64) ** 2).mean())) / 32767


def test_twice_as_far_is_6_db_less() -> None:
    levels = [loudness_db(world_of(parked("truck", 0.0, y, ALWAYS))) for y in (8.0, 16.0, 32.0)]
    assert np.diff(levels) == pytest.approx([-6.02, -6.02], abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_each_wall_between_takes_12_db(count: int) -> None:
    walls = tuple(wall(0.0, 10.0 + 3 * number) for number in range(count))
    free, behind = (loudness_db(world_of(parked("dog", 0.0, 25.0, ALWAYS), walls=some)) for some in ((), walls))
    assert behind - free == pytest.approx(count * BEHIND_DB, abs=1e-6)


def test_a_wall_beside_the_line_takes_nothing() -> None:
    free, beside = (
        loudness_db(world_of(parked("dog", 0.0, 25.0, ALWAYS), walls=some)) for some in ((), (wall(8.0, 15.0),))
    )
    assert free == beside


@pytest.mark.parametrize(
    ("one", "walls", "rig"),
    [
        (parked("truck", 0.0, 12.0, ALWAYS), (), ()),
        (parked("truck", -9.0, 30.0, ALWAYS), (wall(-4.5, 15.0),), ()),
        (parked("truck", 4.0, 20.0, ALWAYS), (wall(2.0, 10.0), wall(3.0, 15.0)), ()),
        (parked("truck", 4.0, 28.0, ALWAYS), (), DRIVES),
    ],
)
def test_the_loudness_is_what_the_microphones_record(
    one: Entity, walls: tuple[Wall, ...], rig: tuple[Knot, ...]
) -> None:
    """A truck's voice has no breaks: with and without it, the power of a second differs by its own."""
    blocks = [
        Ears(world_of(*some, walls=walls, rig=rig)).block(5.0, RATE_HZ).astype(np.float64) for some in ((one,), ())
    ]
    alone = np.sqrt(((blocks[0] - blocks[1]) ** 2).mean(axis=0)).max() / 32767
    background = np.sqrt((blocks[1] ** 2).mean(axis=0)).mean() / 32767
    told = loudness_db(world_of(one, walls=walls, rig=rig), 5.5)
    assert told == pytest.approx(20 * np.log10(alone / background), abs=1.0)  # the wind has its gusts


def test_a_driving_rig_hears_less_by_its_hum() -> None:
    one = parked("person", 0.0, 30.0, ALWAYS)
    stands, creeps = (loudness_db(world_of(one, rig=rig)) for rig in ((), ((0.0, 0.0, 0.0), (16.0, 0.0, 0.01))))
    quiet = rms(Ears(world_of()).block(0.0, 4 * RATE_HZ))
    assert creeps - stands == pytest.approx(-20 * np.log10(np.hypot(quiet, HUM_RMS) / quiet), abs=0.3)


def test_a_sound_counts_from_when_it_arrives_until_its_last_has() -> None:
    one = parked("truck", 0.0, 34.3, ((5.0, 6.0),))
    away_s = np.sqrt(34.3**2 + (one.box_m[2] / 2 - 1.4) ** 2) / SOUND_MPS
    times = np.arange(4.9, 6.3, 0.005)
    world = world_of(one)
    is_heard = np.isfinite(Reach(world).loudness_db(world.states(times))[:, 0])
    assert times[is_heard][0] == pytest.approx(5.0 + away_s, abs=0.006)
    assert times[is_heard][-1] == pytest.approx(6.0 + away_s, abs=0.006)
    assert truth_at(world, 5.05).entities[0].is_sounding
    assert truth_at(world, 5.05).entities[0].loudness_db is None


def test_what_makes_no_sound_has_no_loudness() -> None:
    world = world_of(parked("dog", 0.0, 10.0), parked("dog", 5.0, 10.0, ((8.0, 9.0),)))
    assert [one.loudness_db for one in truth_at(world, 5.0).entities] == [None, None]


def test_loud_is_audible_and_behind_walls_it_is_faint() -> None:
    one = parked("person", 0.0, 34.0, ALWAYS)
    free, hidden = (
        truth_at(world_of(one, walls=walls), 5.0).entities[0] for walls in ((), (wall(0.0, 10.0), wall(0.0, 14.0)))
    )
    assert (is_audible(free), is_faint(free)) == (True, False)
    assert (is_audible(hidden), is_faint(hidden)) == (False, True)
    assert free.loudness_db is not None
    assert free.loudness_db > AUDIBLE_DB
    assert hidden.is_sounding


def test_the_echo_of_one_point_fades_as_swerling_says() -> None:
    """A dog so far away that its places are alike: the share that is found is exp(-least / mean) of an echo."""
    one = parked("dog", 0.0, 40.0)
    face_m = one.box_m[0]  # it stands across: its side
    count = round(2 + 2 * np.sqrt(face_m * one.box_m[2]) + 1)  # 2 dB over the lowest is one point more
    level = CLASSES["dog"].rcs_dbsm + 20 * np.log10(0.8) - 10 * np.log10(count)
    range_m = 40.0 - one.box_m[1] / 2
    least = 10 ** ((THRESHOLD_DB - SNR_DB - level + 40 * np.log10(range_m / 10)) / 10)
    assert echoes(world_of(one)) == pytest.approx(count * np.exp(-least), rel=0.02)


@pytest.mark.parametrize(
    "one",
    [
        parked("dog", 0.0, 30.0),
        parked("person", -6.0, 18.0),
        parked("car", 9.0, 25.0),
        thing("bicycle", (0.0, -8.0, 20.0), (8.0, 8.0, 20.0)),
        thing("truck", (0.0, 10.0, 12.0), (8.0, 10.0, 30.0)),
    ],
)
def test_a_sweep_finds_as_many_points_as_the_truth_says(one: Entity) -> None:
    world, times = world_of(one), 2.0 + np.arange(60) / 1000  # it moves by some centimetres
    draw, drawn = np.random.default_rng(1), 0
    eye_m = np.array([0.0, 0.0, 1.4])
    for _ in range(5):
        for t_s in times:
            [points] = echoes_of(world, world.states(np.array([t_s])), draw, eye_m)
            range_m = np.linalg.norm(points.position_m - eye_m, axis=1)
            echo = points.rcs_dbsm + 10 * np.log10(draw.standard_exponential(len(range_m)))
            drawn += int(np.count_nonzero(SNR_DB + echo - 40 * np.log10(range_m / 10) >= THRESHOLD_DB))
    told = echoes(world, 2.03)
    assert told == pytest.approx(drawn / (5 * len(times)), rel=0.05)
    radar, empty = Radar(world), Radar(world_of())
    found, clutter = (np.mean([len(one.sweep(float(t_s))) for t_s in times]) for one in (radar, empty))
    assert 0.6 * told - 0.6 < found - clutter < told + 0.6  # several in one cell are one, and false alarms vary


def test_a_wall_hides_from_the_radar_and_half_a_wall_half() -> None:
    one = parked("car", 0.0, 25.0)
    free, behind = (echoes(world_of(one, walls=walls)) for walls in ((), (wall(0.0, 15.0, length_m=12.0),)))
    half = echoes(world_of(one, walls=(wall(6.0, 15.0, length_m=12.0, height_m=5.0),)))
    assert behind == 0.0
    assert half == pytest.approx(free / 2, rel=0.25)  # of five places in a row
    low = echoes(world_of(one, walls=(wall(0.0, 15.0, length_m=12.0, height_m=1.0),)))
    assert 0 < low < free


@pytest.mark.parametrize(
    ("bearing_deg", "has"), [(0.0, True), (50.0, True), (-55.0, True), (65.0, False), (-65.0, False)]
)
def test_radar_looks_farther_aside_than_the_camera(bearing_deg: float, has: bool) -> None:
    left = np.radians(bearing_deg)
    one = truth_at(world_of(parked("person", float(-15 * np.sin(left)), float(15 * np.cos(left)))), 1.0).entities[0]
    assert is_echoing(one) is has
    assert (one.pixels > 0) is (abs(bearing_deg) < 40)
    assert abs(bearing_deg) < np.degrees(WIDEST_RAD) or one.echoes == 0.0


def test_parked_or_moving_a_thing_echoes_alike_and_beyond_the_furthest_not_at_all() -> None:
    stands = truth_at(world_of(parked("truck", 0.0, 20.0)), 1.0).entities[0]
    moves = truth_at(world_of(thing("truck", (0.0, -5.0, 20.0), (2.0, 5.0, 20.0))), 1.0).entities[0]
    assert not stands.is_moving
    assert moves.is_moving
    assert stands.echoes == pytest.approx(moves.echoes, rel=1e-6)
    assert stands.echoes > ECHOING
    assert truth_at(world_of(parked("truck", 0.0, 50.0)), 1.0).entities[0].echoes == 0.0


def test_another_thing_before_it_hides_it_from_the_camera_and_not_from_the_radar() -> None:
    near, far = parked("truck", 0.0, 9.0), thing("person", (0.0, 0.0, 25.0), (20.0, 0.0, 25.0), number=1)
    one = truth_at(world_of(near, far), 1.0).entities[1]
    assert one.pixels == 0
    assert is_echoing(one)


def test_many_moments_are_the_same_as_one_by_one() -> None:
    world = make_world(WorldSettings(drives=True, least_entities=5), 4)
    times = np.arange(0.0, 16.0, 0.7)
    together = list(truths(world, times))
    assert together == [truth_at(world, float(t_s)) for t_s in times]
    assert any(one.loudness_db is not None for truth in together for one in truth.entities)


def test_an_empty_world_reaches_nobody() -> None:
    world = world_of()
    states = world.states(np.array([0.0, 1.0]))
    assert Reach(world).loudness_db(states).shape == Reach(world).echoes(states).shape == (2, 0)
