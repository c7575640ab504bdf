"""Nobody is asked what no sensor could have told: small worlds with walls, in the dark, and with twins."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perception.yard.oracle import settle
from perception.yard.phrases import parse
from perception.yard.scene import Scene, scene_of
from perception.yard.view import truths
from tests.yard_by_hand import parked, thing, wall, world_of

if TYPE_CHECKING:
    from perception.yard.settings import Light
    from perception.yard.verdicts import Verdict
    from perception.yard.world import Entity, Wall

ALWAYS = ((0.0, 20.0),)
TWO_WALLS = (wall(0.0, 8.0, 14.0), wall(0.0, 11.0, 14.0))


def scene_with(*things: Entity, light: Light = "day", walls: tuple[Wall, ...] = (), until_s: float = 8.0) -> Scene:
    things = tuple(dataclasses.replace(one, id=number) for number, one in enumerate(things))
    world = dataclasses.replace(world_of(*things, walls=walls), lights=((0.0, light),))
    return scene_of(list(truths(world, np.arange(round(until_s * 10) + 1) / 10)))


def asked(text: str, scene: Scene) -> Verdict | None:
    ask = parse(text)
    assert ask is not None, text
    return settle(ask, scene, float(scene.t_s[-1]))


def kind_of(text: str, scene: Scene) -> str | None:
    """Return what kind of question it is, and its answer where it has one; none where it is not asked."""
    verdict = asked(text, scene)
    if verdict is None:
        return None
    return str(verdict.answer.value) if verdict.kind == "answerable" else verdict.kind


@pytest.mark.parametrize(
    ("one", "walls", "answer"),
    [
        (parked("person", 0.0, 34.0, ALWAYS), (), "whistling"),
        (parked("person", 0.0, 34.0, ALWAYS), TWO_WALLS, None),  # a trace of it arrives
        (parked("truck", 0.0, 14.0, ALWAYS), TWO_WALLS[:1], "rumbling"),
        (parked("person", 0.0, 34.0), (), "false_premise"),
    ],
)
def test_a_sound_is_asked_about_where_it_stands_out(one: Entity, walls: tuple[Wall, ...], answer: str | None) -> None:
    scene = scene_with(one, walls=walls)
    assert kind_of("What do you hear now?", scene) == answer
    if answer is None:
        assert kind_of("How long did the whistling last?", scene) is None
        assert kind_of("When did the first whistling begin?", scene) is None


@pytest.mark.parametrize(
    ("light", "y_m", "colour", "kind"),
    [
        ("day", 25.0, "red", "car"),
        ("night", 25.0, "unanswerable", None),  # the echo may tell its class, and nothing its colour
        ("fog", 34.0, "unanswerable", None),
        ("night", 10.0, None, None),  # in the light of the rig's lamp
        ("fog", 15.0, None, None),
    ],
)
def test_by_night_nobody_knows_the_colour_of_what_only_radar_has(
    light: Light, y_m: float, colour: str, kind: str
) -> None:
    scene = scene_with(parked("car", 0.0, y_m), light=light)
    assert kind_of("What colour is the thing in the middle now?", scene) == colour
    assert kind_of("What is in the middle now?", scene) == kind
    if light != "day":
        assert kind_of("How many red things are in view now?", scene) == colour
        assert kind_of("Was there a red car in view in the last 4 seconds?", scene) == colour
        assert kind_of("How many cars are in view now?", scene) is None


def test_by_night_radar_may_say_that_nothing_is_there() -> None:
    scene = scene_with(parked("car", 0.0, 25.0), light="night")
    assert kind_of("What colour is the thing on the left now?", scene) is None
    assert kind_of("How many red things are in view now?", scene_with(light="night")) is None


def test_what_was_seen_by_day_is_no_riddle_at_night() -> None:
    world = world_of(parked("car", 0.0, 25.0))
    dusk = dataclasses.replace(world, lights=((0.0, "day"), (3.0, "night")))
    scene = scene_of(list(truths(dusk, np.arange(81) / 10)))
    assert kind_of("What colour is the thing in the middle now?", scene) is None


def test_what_is_half_hidden_is_neither_there_nor_absent() -> None:
    hides = wall(-1.4, 15.0, length_m=8.0, height_m=6.0)
    truck = parked("truck", 2.0, 25.0)
    scene = scene_with(truck, walls=(hides,))
    assert 0 < scene.is_glimpsed.sum()
    assert not scene.is_seen.any()
    for text in ("Was there a truck in view in the last 4 seconds?", "How many trucks are in view now?"):
        assert kind_of(text, scene) is None
        assert kind_of(text, scene_with(truck, walls=(wall(0.0, 15.0, 14.0, 6.0),))) in ("no", "0")


def test_twins_that_are_never_seen_together_may_be_one() -> None:
    first = thing("dog", (0.0, -2.0, 15.0), (2.0, -14.0, 15.0))
    again = thing("dog", (4.0, -14.0, 15.0), (6.0, -2.0, 15.0), (20.0, -2.0, 15.0))
    beside = parked("dog", 4.0, 15.0)
    assert kind_of("How many dogs have you seen so far?", scene_with(first, again)) is None
    assert kind_of("How many dogs have you seen so far?", scene_with(first, beside)) == "2"
    repainted = dataclasses.replace(again, colour="blue")
    assert kind_of("How many dogs have you seen so far?", scene_with(first, repainted)) == "2"


def test_that_it_never_stopped_is_known_while_it_is_in_view() -> None:
    crosses = thing("bicycle", (0.0, -8.0, 20.0), (20.0, 12.0, 20.0))
    leaves = thing("bicycle", (0.0, -8.0, 20.0), (20.0, -90.0, 20.0))
    assert kind_of("When did the bicycle stop?", scene_with(crosses)) == "false_premise"
    assert kind_of("When did the bicycle stop?", scene_with(leaves)) is None


def test_what_moves_beside_the_picture_is_sensed_and_not_in_view() -> None:
    beside = thing("car", (0.0, -20.0, 12.0), (10.0, -20.0, 14.0))
    scene = scene_with(beside, light="night")
    assert scene.is_tracked.all()
    assert kind_of("How many things moved while it was dark?", scene) == "1"
    assert kind_of("How many things are moving in view now?", scene) == "0"


def test_what_comes_back_from_behind_a_wall_in_the_dark_may_be_another() -> None:
    walks = thing("person", (0.0, -8.0, 25.0), (8.0, 8.0, 25.0))
    open_view, hidden = (
        scene_with(walks, light="night", walls=walls) for walls in ((), (wall(0.0, 20.0, length_m=5.0),))
    )
    assert kind_of("How many things moved while it was dark?", open_view) == "1"
    assert kind_of("How many things moved while it was dark?", hidden) is None
    rests = thing("person", (0.0, -8.0, 25.0), (2.0, -4.0, 25.0), (5.0, -4.0, 25.0), (8.0, 2.0, 25.0))
    assert kind_of("How many things moved while it was dark?", scene_with(rests, light="night")) == "1"
