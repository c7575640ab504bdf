"""Events of the yard: polarity and rate as physics says, none where nothing moves, and few renders against many."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from perception.yard.eventcam import EventCamera, Events
from perception.yard.lens import Lens
from perception.yard.pixels import DARK, EventSettings
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.world import RIG_HEIGHT_M, World
from tests.yard_worlds import a_thing, a_wall, a_world, across, still

LENS = Lens()
QUIET = EventSettings(noise_hz=0.0, refractory_us=0)
EDGES = np.arange(5.0, 7.0, 0.5)
SCREEN = (20, 20, 20)  # of the wall behind
DEPTH_M = 18.5  # of the near side of a large truck that passes at 20 m
ROW = int(60 - (3.4 - RIG_HEIGHT_M) / DEPTH_M * LENS.focal_px)  # so high is only its load


def passing(speed_mps: float, colour: str = "white", *, left: bool = False) -> World:
    """A truck that passes before a dark wall."""
    way = (-4.0, 20.0), (-4.0 + 4 * speed_mps, 20.0)
    track = across(way[1], way[0], 4.0) if left else across(*way, 4.0)
    return a_world(a_thing(0, track, colour), walls=(a_wall(0.0, 26.0, 60.0, 20.0, SCREEN),))


def in_row(events: Events, row: int = ROW) -> tuple[list[int], list[int]]:
    """Return the columns of OFF and of ON events in a row."""
    x, y, p, _ = events
    return tuple(x[(y == row) & (p == sign)].tolist() for sign in (0, 1))


def column(x_m: float) -> float:
    return LENS.width_px / 2 + x_m / DEPTH_M * LENS.focal_px - 0.5  # a pixel is seen at its middle


@pytest.mark.parametrize("left", [False, True])
def test_a_bright_thing_before_dark_gives_on_where_it_comes_and_off_where_it_goes(left: bool) -> None:
    world = passing(2.0, left=left)
    off, on = in_row(EventCamera(world, settings=QUIET).events(1.0, 2.0))
    sign, half_m = -1 if left else 1, a_thing(0, still(0, 0)).box_m[0] / 2
    begin_m = 2.0 if left else -2.0  # where its middle is after a second
    front, back = begin_m + sign * 0.2 * 2 * half_m, begin_m - sign * half_m  # of its load
    for columns, edge_m in ((on, front), (off, back)):
        reach = sorted((column(edge_m), column(edge_m + sign * 2.0)))
        assert min(columns) == pytest.approx(reach[0], abs=1)
        assert max(columns) == pytest.approx(reach[1], abs=1)


def test_the_number_of_events_is_contrast_by_threshold_for_each_column_passed() -> None:
    for colour, level in (("white", 235.0), ("red", 0.299 * 200 + 0.701 * 40)):
        tone = 0.5 + 0.75 * 0.55  # of a side that looks at the rig
        wall = (np.dot(SCREEN, (0.299, 0.587, 0.114))) * tone
        each = int(np.log((level * tone + DARK) / (wall + DARK)) / QUIET.threshold)
        off, on = in_row(EventCamera(passing(2.0, colour), settings=QUIET).events(1.0, 2.0))
        columns = 2.0 / DEPTH_M * LENS.focal_px
        assert len(on) == pytest.approx(each * columns, abs=each)
        assert len(off) == pytest.approx(each * columns, abs=each)


def test_twice_the_speed_gives_twice_the_events() -> None:
    slow, fast = (sum(map(len, in_row(EventCamera(passing(v), settings=QUIET).events(1.0, 2.0)))) for v in (1.0, 2.0))
    assert fast == pytest.approx(2 * slow, rel=0.15)


def test_a_finer_threshold_gives_more_events() -> None:
    counts = [
        len(EventCamera(passing(2.0), settings=replace(QUIET, threshold=threshold)).events(1.0, 2.0)[0])
        for threshold in (0.4, 0.2, 0.1)
    ]
    assert counts[0] < counts[1] < counts[2]
    assert counts[2] == pytest.approx(2 * counts[1], rel=0.2)


def test_what_is_parked_before_a_standing_rig_gives_none() -> None:
    world = a_world(a_thing(0, still(0.0, 9.0)), walls=(a_wall(5.0, 15.0, 4.0),))
    assert len(EventCamera(world, settings=QUIET).events(0.0, 2.0, 160)[0]) == 0


def test_a_driving_rig_sees_the_ground_flow() -> None:
    world = a_world(rig=across((0.0, 0.0), (0.0, 16.0)))
    x, y, _, _ = EventCamera(world, settings=QUIET).events(1.0, 2.0)
    assert len(x) > 1000
    assert y.min() > 60  # all of it is ground
    assert np.mean(y > 80) > 0.8  # and most of it is near


def test_night_and_fog_hide_what_moves() -> None:
    counts = {
        light: len(EventCamera(replace(passing(2.0), lights=((0.0, light),)), settings=QUIET).events(1.0, 2.0)[0])
        for light in ("day", "dusk", "night", "fog")
    }
    assert counts["day"] > 1000
    assert counts["dusk"] > 0.5 * counts["day"]
    assert counts["night"] == counts["fog"] == 0


def test_a_change_of_light_sets_the_pixels_anew() -> None:
    world = replace(a_world(walls=(a_wall(0.0, 12.0, 4.0),)), lights=((0.0, "day"), (1.0, "dusk")))
    assert len(EventCamera(world, settings=QUIET).events(0.5, 1.5)[0]) == 0


def test_noise_comes_at_its_rate_everywhere_and_in_both_polarities() -> None:
    x, y, p, t_us = EventCamera(a_world(), settings=EventSettings(noise_hz=0.1)).events(0.0, 4.0, 320)
    assert len(x) == pytest.approx(0.1 * 160 * 120 * 4.0, rel=0.05)
    for values, most in ((x, 159), (y, 119), (p, 1), (t_us, 3_999_999)):
        assert values.mean() == pytest.approx(most / 2, rel=0.05)
        assert 0 <= values.min() <= values.max() <= most


def the_hash(world: World) -> str:
    camera = EventCamera(world)
    packets = [camera.packet(start / 10, (start + 1) / 10) for start in range(20, 40)]
    return hashlib.sha256(b"".join(packets)).hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    hashes = [the_hash(make_world(WorldSettings(drives=True), seed)) for seed in (31, 31, 32)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("drives", [False, True])
def test_pieces_without_a_hole_are_the_same_as_the_whole(drives: bool) -> None:
    world = make_world(WorldSettings(drives=drives, least_entities=5), 8)
    whole = EventCamera(world).events(3.0, 4.0, 80)
    camera = EventCamera(world)
    pieces = [camera.events(3.0 + part / 10, 3.0 + (part + 1) / 10, 8) for part in range(10)]
    for one, others in zip(whole, zip(*pieces, strict=True), strict=True):
        np.testing.assert_array_equal(one, np.concatenate(others))


@pytest.mark.parametrize("drives", [False, True])
def test_packets_in_a_row_are_the_same_as_one_by_one(drives: bool) -> None:
    world = make_world(WorldSettings(drives=drives, least_entities=5), 8)
    edges = np.arange(60, 81) / 20
    camera, other = EventCamera(world), EventCamera(world)
    one_by_one = [other.packet(float(t_s), float(t_s) + 1 / 20, 4) for t_s in edges[:-1]]
    assert list(camera.packets(edges[:8], 4)) + list(camera.packets(edges[7:], 4)) == one_by_one
    assert list(camera.packets(edges[:1], 4)) == []


def test_after_a_hole_it_begins_anew() -> None:
    world = passing(2.0)
    camera = EventCamera(world, settings=QUIET)
    camera.events(0.0, 0.1)
    for one, other in zip(camera.events(2.0, 2.1), EventCamera(world, settings=QUIET).events(2.0, 2.1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_maps_count_the_events() -> None:
    world = make_world(WorldSettings(least_entities=5), 3)
    edges = np.arange(4.0, 6.5, 0.5)
    camera = EventCamera(world)
    for start_s, counts in zip(edges, EventCamera(world).maps(edges), strict=False):
        x, y, p, _ = camera.events(float(start_s), float(start_s) + 0.5)
        slow = np.zeros((2, 120, 160), np.uint16)
        np.add.at(slow, (p, y, x), 1)
        np.testing.assert_array_equal(counts, slow)


@pytest.mark.parametrize(("drives", "least"), [(False, 0.75), (True, 0.85)])
def test_eight_renders_a_sample_see_nearly_what_sixty_four_see(drives: bool, least: float) -> None:
    few, many = (
        np.concatenate(
            [
                list(
                    EventCamera(make_world(WorldSettings(light="day", drives=drives), seed), settings=QUIET).maps(
                        EDGES, n
                    )
                )
                for seed in range(3)
            ]
        ).astype(float)
        for n in (8, 64)
    )
    assert least * many.sum() < few.sum() < 1.02 * many.sum()
    patches = [counts.reshape(-1, 2, 24, 5, 32, 5).sum(axis=(3, 5)).ravel() for counts in (few, many)]
    assert np.corrcoef(*patches)[0, 1] > 0.95


def test_packets_in_a_row_can_be_read_as_one_stream_of_evt3() -> None:
    evt3 = pytest.importorskip("evt3")
    world = make_world(WorldSettings(length_s=20.0, least_entities=4), 14)
    camera = EventCamera(world, Lens(64, 48))
    stream = b"".join(camera.packet(start / 2, (start + 1) / 2) for start in range(40))  # beyond the wrap at 16.8 s
    read = evt3.decode_bytes(stream, sensor_width=64, sensor_height=48)
    events = EventCamera(world, Lens(64, 48)).events(0.0, 20.0, 40 * 8)
    for one, other in zip(events, (read.x, read.y, read.polarity, read.timestamp), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("end_s", "sub_frames"), [(1.0, 8), (1.000004, 8), (2.0, 0)])
def test_there_must_be_time_for_the_sub_frames(end_s: float, sub_frames: int) -> None:
    with pytest.raises(ValueError, match="no time for"):
        EventCamera(a_world()).events(1.0, end_s, sub_frames)
