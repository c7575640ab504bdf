"""Ways through the yard: nothing goes through walls, through others or through the rig; who meets stands together."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest

from perception.yard.bodies import RIG_M, Outline, Room, gaps_m, outline_of
from perception.yard.kinds import CLASSES
from perception.yard.plot import MEETING_M, plot_of
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.track import Track
from perception.yard.ways import find_way
from perception.yard.world import World
from tests.yard_by_hand import parked, thing, wall, world_of

FINE_S = 0.02  # finer than whoever drew the ways has looked


@lru_cache(maxsize=1)
def worlds() -> tuple[World, ...]:
    usual = [make_world(WorldSettings(drives=seed % 2 == 0), seed) for seed in range(40)]
    long = [make_world(WorldSettings(length_s=40.0, least_entities=9, most_entities=9), seed) for seed in range(4)]
    return (*usual, *long)


def least_gap_m(
    world: World, one: Track, size_m: tuple[float, float], other: Track, its_m: tuple[float, float]
) -> float:
    start_s, end_s = max(one.start_s, other.start_s), min(one.end_s, other.end_s, world.length_s)
    at_s = np.arange(start_s, end_s, FINE_S)
    return float(gaps_m(outline_of(one, size_m, at_s), outline_of(other, its_m, at_s)).min(initial=np.inf))


def test_nothing_goes_through_a_wall() -> None:
    for world in worlds():
        for one in world.entities:
            at_s = np.arange(one.track.start_s, min(one.track.end_s, world.length_s), FINE_S)
            body = outline_of(one.track, one.box_m[:2], at_s)
            for each in world.walls:
                outline = Outline(
                    place_m=np.array([[each.x_m, each.y_m]]),
                    heading_rad=np.array([each.heading_rad]),
                    half_m=(each.length_m / 2, each.width_m / 2),
                )
                assert gaps_m(body, outline).min(initial=np.inf) > 0.1


def test_no_two_things_share_ground() -> None:
    for world in worlds():
        for one, other in combinations(world.entities, 2):
            assert least_gap_m(world, one.track, one.box_m[:2], other.track, other.box_m[:2]) > 0


def test_nothing_goes_through_the_rig() -> None:
    for world in worlds():
        for one in world.entities:
            assert least_gap_m(world, one.track, one.box_m[:2], world.rig, RIG_M) > 0


def test_they_still_stop_turn_come_go_and_meet() -> None:
    kinds = [event.kind for world in worlds() for event in world.plot]
    for kind in ("enters", "leaves", "stops", "starts", "turns", "approaches", "retreats", "meets", "sounds"):
        assert kinds.count(kind) >= 5, kind


def test_who_meets_stands_beside_the_other() -> None:
    met = 0
    for world in worlds():
        things = {one.id: one for one in world.entities}
        for event in world.plot:
            if event.kind == "meets":
                at_s = np.array([event.start_s + 0.01, event.end_s - 0.01])
                one, other = (things[number] for number in event.entities)
                for each in (one, other):
                    assert np.ptp(each.track.position_m(at_s), axis=0) == pytest.approx([0.0, 0.0], abs=1e-9)
                bodies = (outline_of(each.track, each.box_m[:2], at_s) for each in (one, other))
                assert (gaps_m(*bodies) <= MEETING_M).all()
                met += 1
    assert met > 5


@pytest.mark.parametrize(("x_m", "meets"), [(2.0, True), (4.5, True), (6.5, False)])
def test_a_meeting_lasts_as_long_as_both_stand_together(x_m: float, meets: bool) -> None:
    host = parked("person", 0.0, 15.0)
    guest = thing("person", (0.0, x_m, 5.0), (5.0, x_m, 15.0), (8.0, x_m, 15.0), (12.0, x_m, 22.0), number=1)
    found = [event for event in plot_of(world_of(host, guest)) if event.kind == "meets"]
    if meets and x_m - host.box_m[0] <= MEETING_M:
        assert [(one.start_s, one.end_s, one.entities) for one in found] == [(5.0, 8.0, (0, 1))]
    else:
        assert found == []


def test_who_passes_or_always_stood_there_meets_nobody() -> None:
    passes = thing("dog", (0.0, -9.0, 16.5), (6.0, 9.0, 16.5), number=1)
    neighbour = thing("dog", (0.0, 1.5, 15.0), (20.0, 1.5, 15.0), number=2)
    plot = plot_of(world_of(parked("person", 0.0, 15.0), passes, neighbour))
    assert not [event for event in plot if event.kind == "meets"]


def test_a_crowd_finds_room_or_comes_later() -> None:
    world = make_world(WorldSettings(length_s=8.0, least_entities=24, most_entities=24), 3)
    assert len(world.entities) == 24
    assert all(0 <= one.track.start_s <= world.length_s for one in world.entities)
    for one, other in combinations(world.entities, 2):
        assert least_gap_m(world, one.track, one.box_m[:2], other.track, other.box_m[:2]) > 0


def test_what_comes_after_a_way_is_drawn_as_if_none_had_been_sought() -> None:
    free = Room([], world_of().rig, 16.0)
    narrow = Room([wall(x_m, 18.0, length_m=12.0) for x_m in (-12.0, 4.0)], world_of().rig, 16.0)
    ways, after = [], []
    for room in (free, narrow):
        draw, again = np.random.default_rng(2), np.random.default_rng(9)
        ways.append([find_way(draw, again, CLASSES["car"], "large", room, ()) for _ in range(4)])
        after.append(float(draw.random()))
    assert ways[0] != ways[1]
    assert after[0] == after[1]
