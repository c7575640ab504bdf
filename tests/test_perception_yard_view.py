"""What the rig sees: sizes as the pinhole says, walls and nearer things hide, and a slow ray caster agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.yard.lens import Lens
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.shapes import WALL, boxes_of
from perception.yard.track import Track
from perception.yard.truth import EntityTruth, Truth, from_json, is_visible, to_json
from perception.yard.view import NOTHING, View, look, truth_at, truths, views
from perception.yard.world import RIG_HEIGHT_M, World
from runtime.errors import ConfigError
from tests.yard_worlds import a_thing, a_wall, a_world, still

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENS = Lens()


def the_view(world: World, t_s: float = 0.0, lens: Lens = LENS) -> View:
    return look(world, world.states(np.array([t_s])), 0, lens)


def the_truth(world: World, t_s: float = 0.0) -> EntityTruth:
    return truth_at(world, t_s).entities[0]


def test_a_truck_ahead_is_as_large_as_the_pinhole_says() -> None:
    truck = a_thing(0, still(0.0, 20.0))
    length_m, width_m, height_m = truck.box_m  # a thing that never moved looks along x: its long side faces the rig
    depth_m = 20.0 - width_m / 2
    box = the_truth(a_world(truck)).box
    assert box is not None
    left, top, right, bottom = box
    assert (right - left) * LENS.width_px == pytest.approx(length_m / depth_m * LENS.focal_px, abs=1.5)
    assert top * LENS.height_px == pytest.approx(60 - (height_m - RIG_HEIGHT_M) / depth_m * LENS.focal_px, abs=1)
    assert bottom * LENS.height_px == pytest.approx(60 + RIG_HEIGHT_M / depth_m * LENS.focal_px, abs=1)
    assert (left + right) / 2 == pytest.approx(0.5, abs=1 / LENS.width_px)


def test_a_larger_picture_has_the_same_boxes_more_exactly() -> None:
    truck = a_thing(0, still(0.0, 20.0))
    box = the_view(a_world(truck), lens=Lens(1280, 960)).boxes[0]
    assert box is not None
    length_m, width_m, _ = truck.box_m
    share = length_m / (20.0 - width_m / 2) * LENS.focal_px / LENS.width_px
    assert box[2] - box[0] == pytest.approx(share, abs=2 / 1280)


def test_what_is_behind_a_wall_is_invisible() -> None:
    truth = the_truth(a_world(a_thing(0, still(0.0, 20.0)), walls=(a_wall(0.0, 10.0, 12.0),)))
    assert (truth.visible, truth.pixels, truth.box) == (0.0, 0, None)
    assert not is_visible(truth)


def test_half_behind_a_wall_is_half_visible() -> None:
    hidden = a_wall(-5.0, 10.0, 10.0)  # all to the left of the middle
    person = a_thing(0, still(0.0, 20.0), kind="person")  # the same to both sides
    view = the_view(a_world(person, walls=(hidden,)), lens=Lens(1280, 960))
    assert view.visible[0] == pytest.approx(0.5, abs=0.03)
    box = view.boxes[0]
    assert box is not None
    assert box[0] == pytest.approx(0.5, abs=1 / 1280)


def test_a_wall_hides_nothing_that_stands_before_it() -> None:
    assert the_truth(a_world(a_thing(0, still(0.0, 8.0)), walls=(a_wall(0.0, 20.0, 12.0),))).visible == 1.0


def test_a_nearer_thing_hides_a_farther_one_whatever_their_order() -> None:
    near, far = still(0.0, 9.0), still(0.0, 25.0)
    for tracks in ((near, far), (far, near)):
        one, other = truth_at(a_world(*(a_thing(n, track) for n, track in enumerate(tracks))), 0.0).entities
        seen = {round(truth.distance_m): truth.visible for truth in (one, other)}
        assert seen == {9: 1.0, 25: 0.0}


def test_what_the_picture_cuts_off_counts_only_inside_it() -> None:
    edge_m = 20.0 * np.tan(np.radians(40.0))
    truth = the_truth(a_world(a_thing(0, still(float(edge_m), 20.0))))
    assert truth.visible == 1.0
    assert truth.box is not None
    assert truth.box[2] == 1.0


@pytest.mark.parametrize("place", [(0.0, -5.0), (30.0, 4.0), (-30.0, 4.0)])
def test_what_is_behind_or_beside_the_view_is_invisible(place: tuple[float, float]) -> None:
    truth = the_truth(a_world(a_thing(0, still(*place))))
    assert (truth.visible, truth.pixels, truth.box) == (0.0, 0, None)


def test_left_bearings_are_positive_and_stand_left_in_the_picture() -> None:
    left, right = (the_truth(a_world(a_thing(0, still(x_m, 20.0)))) for x_m in (-5.0, 5.0))
    assert left.bearing_rad == pytest.approx(np.arctan2(5, 20), abs=1e-5)
    assert right.bearing_rad == pytest.approx(-np.arctan2(5, 20), abs=1e-5)
    assert left.box is not None
    assert right.box is not None
    assert left.box[2] < 0.5 < right.box[0]
    assert left.distance_m == pytest.approx(np.hypot(5, 20), abs=1e-5)


def test_a_turning_rig_sees_things_go_the_other_way() -> None:
    world = a_world(a_thing(0, still(0.0, 20.0)), turn=0.02)  # to the left
    truth = the_truth(world, 10.0)
    assert truth.bearing_rad == pytest.approx(-0.2, abs=1e-5)
    assert truth.box is not None
    middle = (truth.box[0] + truth.box[2]) / 2 * LENS.width_px
    assert middle == pytest.approx(80 + np.tan(0.2) * LENS.focal_px, abs=2.5)  # a box seen askew leans a little


def test_only_what_has_speed_is_moving_and_only_what_is_there_is_told() -> None:
    mover = a_thing(0, Track(knots=((2.0, -5.0, 20.0), (4.0, 5.0, 20.0), (6.0, 5.0, 20.0), (8.0, -5.0, 20.0))))
    world = a_world(mover)
    assert [the_truth(world, t_s).is_moving for t_s in (3.0, 5.0, 7.0)] == [True, False, True]
    assert truth_at(world, 1.0).entities == truth_at(world, 9.0).entities == ()


def test_light_changes_nothing_of_what_is_visible() -> None:
    world = a_world(a_thing(0, still(0.0, 20.0)))
    night = replace(world, lights=((0.0, "night"),))
    assert truth_at(night, 0.0).light == "night"
    assert truth_at(night, 0.0).entities == truth_at(world, 0.0).entities


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_ray_caster_sees_the_same(seed: int) -> None:
    lens = Lens(32, 25)
    world = make_world(WorldSettings(most_entities=7, least_entities=5, drives=seed % 2 == 0), seed)
    times = np.array([7.3, 15.0])
    for t_s, view in zip(times, views(world, times, lens), strict=True):
        ids, alone = cast_slowly(world, float(t_s), lens)
        assert np.count_nonzero(ids != view.ids) <= 2  # a ray that touches an edge
        np.testing.assert_allclose(view.alone_px, alone, atol=1)


def cast_slowly(world: World, t_s: float, lens: Lens) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Follow each pixel's ray on its own, in three dimensions, through every box."""
    states, boxes = world.states(np.array([t_s])), boxes_of(world)
    heading = float(states.rig_heading_rad[0])
    eye = np.array([*states.rig_m[0], RIG_HEIGHT_M])
    ids = np.full((lens.height_px, lens.width_px), NOTHING, np.int16)
    alone = np.zeros(len(world.entities), np.int64)
    for row, column in np.ndindex(ids.shape):
        right = (column + 0.5 - lens.width_px / 2) / lens.focal_px
        up = (lens.height_px / 2 - row - 0.5) / lens.focal_px
        ray = np.array([np.cos(heading) + right * np.sin(heading), np.sin(heading) - right * np.cos(heading), up])
        nearest, met = np.inf, set()
        for box in np.flatnonzero(~boxes.is_shadow):
            owner = int(boxes.owner[box])
            if owner == WALL:
                wall = world.walls[int(boxes.wall[box])]
                middle, angle = np.array([wall.x_m, wall.y_m]), wall.heading_rad
            elif states.is_there[0, owner]:
                middle, angle = states.position_m[0, owner], float(states.heading_rad[0, owner])
            else:
                continue
            axes = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
            centre = np.array(
                [*(middle + boxes.ahead_m[box] * axes[0, :2]), (boxes.low_m[box] + boxes.high_m[box]) / 2]
            )
            half = np.array([*boxes.half_m[box], (boxes.high_m[box] - boxes.low_m[box]) / 2])
            start, way = axes @ (eye - centre), axes @ ray
            way = np.where(np.abs(way) < 1e-12, 1e-12, way)
            ends = np.stack([(-half - start) / way, (half - start) / way])
            enters, leaves = float(ends.min(axis=0).max()), float(ends.max(axis=0).min())
            if not 0.1 < enters <= leaves:
                continue
            met.add(owner)
            if enters < nearest:
                nearest, ids[row, column] = enters, owner
        for owner in met - {WALL}:
            alone[owner] += 1
    return ids, alone


def test_many_moments_at_once_are_the_same_as_one_by_one() -> None:
    world = make_world(WorldSettings(drives=True), 11)
    times = np.arange(0.0, 16.0, 0.45)  # more than are computed together
    together = list(truths(world, times))
    assert together == [truth_at(world, float(t_s)) for t_s in times]
    assert sum(one.pixels for truth in together for one in truth.entities) > 0


def test_a_truth_is_the_same_after_its_way_through_json() -> None:
    truth = truth_at(make_world(WorldSettings(), 3), 8.0)
    assert isinstance(truth, Truth)
    assert from_json(to_json(truth)) == truth


def test_an_empty_world_has_nothing_to_see() -> None:
    view = the_view(a_world())
    assert (view.ids == NOTHING).all()
    assert len(view.seen_px) == len(view.visible) == len(view.boxes) == 0


def test_a_picture_of_impossible_size_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"yard\.width_px: 4 is not from 8"):
        Lens(4, 120)
