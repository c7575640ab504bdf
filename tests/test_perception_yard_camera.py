"""Pictures of the yard: what light does, what stands where, a ground that is fixed, and the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.yard.camera import Camera, coloured
from perception.yard.ground import TILE_M, Ground
from perception.yard.kinds import CLASSES, COLOURS
from perception.yard.lens import Lens
from perception.yard.light import FOG_M, LIGHTING
from perception.yard.script import make_world
from perception.yard.settings import LIGHTS, Light, WorldSettings
from perception.yard.shapes import PARTS, WALL
from perception.yard.stage import Stage
from perception.yard.track import Track
from perception.yard.view import NOTHING, views
from perception.yard.world import World
from tests.yard_worlds import LENGTH_S, a_thing, a_wall, a_world, still

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENS = Lens()
NORTH = np.array([0.0, 1.0])
TIMES = np.arange(0.5, 16.0, 1.5)


def the_colours(world: World, t_s: float = 0.0) -> NDArray[np.float32]:
    return coloured(next(Stage(world, LENS).scenes(np.array([t_s]))))


def the_hash(world: World) -> str:
    return hashlib.sha256(b"".join(one.tobytes() for one in Camera(world).pictures(TIMES))).hexdigest()


def test_a_picture_is_bytes_of_the_asked_size() -> None:
    world = make_world(WorldSettings(), 4)
    assert Camera(world).picture(1.0).shape == (120, 160, 3)
    camera = Camera(world, Lens(320, 200))
    larger = camera.picture(1.0)
    assert (camera.width_px, camera.height_px) == (320, 200)
    assert larger.shape == (200, 320, 3)
    assert larger.dtype == np.uint8


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    hashes = [the_hash(make_world(WorldSettings(), seed)) for seed in (21, 21, 22)]
    assert hashes[0] == hashes[1] != hashes[2]


ALL_THAT_IS_SEEN = """
import hashlib, numpy as np
from perception.yard.camera import Camera
from perception.yard.eventcam import EventCamera
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.truth import to_json
from perception.yard.view import truths
seen = hashlib.sha256()
for number in range(4):
    world, times = make_world(WorldSettings(least_entities=4, drives=number % 2 > 0), number), np.arange(1.0, 15.0, 2.0)
    for parts in (Camera(world).pictures(times), EventCamera(world).maps(times), map(to_json, truths(world, times))):
        for one in parts:
            seen.update(one)
print(seen.hexdigest())
"""


def test_a_processor_with_fewer_instructions_sees_the_same() -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # what numpy chooses by the processor
    if not found:
        pytest.skip("numpy uses nothing here that other processors lack")
    environments = [os.environ, {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(found)}]
    command = [sys.executable, "-c", ALL_THAT_IS_SEEN]
    one, other = (subprocess.check_output(command, env=env, text=True, timeout=50) for env in environments)
    assert one == other
    assert len(one.strip()) == 64


def test_a_series_of_pictures_is_the_same_as_one_by_one() -> None:
    for drives in (True, False):
        world = make_world(WorldSettings(drives=drives), 6)
        together = np.stack(list(Camera(world).pictures(TIMES)))
        np.testing.assert_array_equal(together, np.stack([Camera(world).picture(float(t_s)) for t_s in TIMES]))


def test_a_standing_rig_sees_what_one_sees_that_is_about_to_leave() -> None:
    world = make_world(WorldSettings(drives=False, least_entities=5), 9)
    leaving = replace(world, rig=Track(knots=((0.0, 0.0, 0.0), (LENGTH_S - 1, 0.0, 0.0), (LENGTH_S, 0.0, 1.0))))
    assert Camera(world).stage.stands
    assert not Camera(leaving).stage.stands  # so nothing is kept from picture to picture
    times = TIMES[TIMES < LENGTH_S - 1]
    for one, other in zip(Camera(world).pictures(times), Camera(leaving).pictures(times), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(4))
def test_pictures_and_truth_have_the_same_outlines(seed: int) -> None:
    stage = Stage(make_world(WorldSettings(least_entities=4), seed), LENS)
    owner = np.concatenate([[NOTHING, NOTHING], np.repeat(stage.boxes.owner, 3)])
    for scene, view in zip(stage.scenes(TIMES), views(stage.world, TIMES), strict=True):
        np.testing.assert_array_equal(owner[scene.surface], view.ids)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_thing_shows_its_paint(colour: str) -> None:
    world = a_world(a_thing(0, still(0.0, 10.0), colour, "truck"))
    ids = next(views(world, np.zeros(1))).ids
    seen = the_colours(world)[ids == 0]
    paint = np.array(COLOURS[colour])
    face = seen / np.linalg.norm(seen, axis=1, keepdims=True) @ (paint / np.linalg.norm(paint))
    assert np.mean(face > 0.999) > 0.5  # most of it has exactly this hue, more or less bright


def test_faces_that_meet_the_sun_are_brighter() -> None:
    turned = Track(knots=((0.0, 2.0, 12.0), (LENGTH_S, 2.1, 12.1)))  # askew, so that two sides are seen
    world = a_world(a_thing(0, turned, "white", "truck"))
    ids = next(views(world, np.zeros(1))).ids
    assert len(np.unique(np.round(the_colours(world)[ids == 0].sum(axis=1)))) >= 4


def test_each_class_has_parts_within_its_cuboid_that_reach_its_borders() -> None:
    assert set(PARTS) == set(CLASSES)
    for parts in PARTS.values():
        assert (min(one.back for one in parts), max(one.front for one in parts)) == (-0.5, 0.5)
        assert (min(one.low for one in parts), max(one.high for one in parts)) == (0.0, 1.0)
        assert max(one.width for one in parts) == 1.0


def test_dusk_is_darker_and_bluer_than_day_and_night_is_nearly_black() -> None:
    means = {}
    for light in LIGHTS:
        world = make_world(WorldSettings(light=light), 12)
        means[light] = Camera(world).picture(3.0).mean(axis=(0, 1))
    assert means["night"].mean() < 6 < 40 < means["dusk"].mean() < 0.6 * means["day"].mean()
    assert means["dusk"][2] / means["dusk"][0] > 1.3 * means["day"][2] / means["day"][0]


def test_at_night_only_what_is_very_near_shows_faintly() -> None:
    def brightness(y_m: float) -> float:
        world = a_world(a_thing(0, still(0.0, y_m), "white", "person"), light="night")
        return float(the_colours(world)[next(views(world, np.zeros(1))).ids == 0].max())

    assert 8 < brightness(3.0) < 60
    assert brightness(10.0) < 4


@pytest.mark.parametrize("y_m", [5.0, 10.0, 20.0])
def test_fog_takes_contrast_by_distance(y_m: float) -> None:
    def at(colour: str) -> float:
        thing = a_thing(0, still(0.0, y_m), colour, "truck")
        world = a_world(thing, light="fog")
        view = next(views(world, np.zeros(1)))
        middle = (view.ids == 0) & (np.abs(view.depth_m - (y_m - thing.box_m[1] / 2)) < 0.1)
        return float(np.median(the_colours(world)[middle], axis=0).mean())

    depth_m = y_m - a_thing(0, still(0.0, y_m)).box_m[1] / 2
    clear = np.mean(COLOURS["white"]) - np.mean(COLOURS["black"])
    assert at("white") - at("black") == pytest.approx(0.92 * 0.885 * clear * np.exp(-depth_m / FOG_M), rel=0.1)


@pytest.mark.parametrize("light", LIGHTS)
def test_noise_is_new_in_each_picture_and_as_large_as_said(light: Light) -> None:
    camera = Camera(a_world(light=light))
    one, other = (camera.picture(t_s).astype(float) for t_s in (1.0, 1.1))
    assert (one != other).any()
    if light != "night":  # there, half of the noise is below black
        assert np.std(one - other) == pytest.approx(LIGHTING[light].noise * np.sqrt(2), rel=0.1)


def test_the_ground_is_fixed_in_the_yard() -> None:
    ground = Ground(LENS, 1)
    here, there = (ground.shade(np.array([x_m, 0.0]), NORTH) for x_m in (0.0, 0.5))
    row = 110
    shift = round(0.5 / LENS.ground_m[row] * LENS.focal_px)  # half a metre to the right: all moves to the left
    assert shift > 10
    along = np.corrcoef(here[row, shift:], there[row, :-shift])[0, 1]
    assert along > 0.9 > 0.6 > np.corrcoef(here[row], there[row])[0, 1]


def test_the_ground_repeats_and_has_less_contrast_far_away() -> None:
    ground = Ground(LENS, 1)
    here, there = (ground.shade(np.array([0.0, y_m]), NORTH) for y_m in (0.0, TILE_M))
    np.testing.assert_allclose(here[70:], there[70:], atol=0.2)
    assert np.mean(here[70:] == there[70:]) > 0.97  # a texel's border is met this side or that
    assert here[110:].std() > 2 * here[64:68].std()


@pytest.mark.parametrize("light", LIGHTS)
def test_things_throw_shadows_by_day_and_none_in_fog_or_at_night(light: Light) -> None:
    with_it, without = a_world(a_thing(0, still(0.0, 8.0)), light=light), a_world(light=light)
    is_ground = next(views(with_it, np.zeros(1))).ids == NOTHING
    change = (the_colours(with_it) - the_colours(without))[is_ground]
    assert (change.min() < -2.0) == (light in ("day", "dusk"))
    assert change.max() <= 0.0


def test_light_changes_in_the_middle_of_a_world() -> None:
    world = replace(a_world(walls=(a_wall(0.0, 15.0, 4.0),)), lights=((0.0, "day"), (8.0, "night")))
    before, after = Camera(world).pictures(np.array([7.9, 8.0]))
    assert before.mean() > 80 > 10 > after.mean()


def test_a_wall_is_in_the_picture() -> None:
    world = a_world(walls=(a_wall(0.0, 10.0, 4.0, colour=(10, 200, 10)),))
    is_wall = next(views(world, np.zeros(1))).ids == WALL
    red, green, _ = the_colours(world)[is_wall].mean(axis=0)
    assert green > 10 * red
