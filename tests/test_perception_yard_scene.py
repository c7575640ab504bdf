"""What could be seen, heard and sensed of a world, against its plot and moment by moment."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.happenings import changes, turns
from perception.yard.oracle import settle
from perception.yard.phrases import parse
from perception.yard.scene import Scene, scene_of
from perception.yard.settings import WorldSettings
from perception.yard.truth import EntityTruth, Truth
from tests.yard_reference import heard, seen, sensed
from tests.yard_truths import world_truths

NUMBERS = range(12)
SENSES = ("seen", "glimpsed", "heard", "faint", "echoing", "tracked", "perhaps")


def same(one: Scene, other: Scene) -> bool:
    return one.things == other.things and all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=field.name != "is_dark")
        for field in dataclasses.fields(one)
        if field.name != "things"
    )


def moments(light: str, **changed: object) -> list[Truth]:
    """Return a second of one dog that stands in the middle, ten metres away."""
    one = EntityTruth(
        id=3, kind="dog", colour="red", size="small", position_m=(0.0, 10.0), velocity_mps=(0.0, 0.0), heading_rad=0.0,
        distance_m=10.0, bearing_rad=0.0, is_moving=False, is_sounding=False, loudness_db=None, echoes=4.0, visible=1.0,
        pixels=40,
        box=(0.45, 0.5, 0.55, 0.6),
    )  # fmt: skip
    one = dataclasses.replace(one, **changed)  # type: ignore[arg-type]  # whatever a test changes
    return [Truth(t_ns=number * 100_000_000, light=light, entities=(one,)) for number in range(11)]


@given(st.sampled_from(NUMBERS), st.floats(0.0, 16.0))
@settings(max_examples=30, deadline=None)
def test_a_scene_until_a_time_is_that_of_the_truths_until_then(number: int, t_s: float) -> None:
    _, truths, _ = world_truths(number)
    assert same(scene_of(truths).until(t_s), scene_of([truth for truth in truths if truth.t_ns / 1e9 <= t_s + 1e-6]))


@pytest.mark.parametrize("number", NUMBERS)
def test_every_sense_has_what_the_truth_gives_it_at_every_moment(number: int) -> None:
    _, truths, _ = world_truths(number)
    scene = scene_of(truths)
    for row, truth in enumerate(truths):
        for sense, rule in (
            (scene.is_seen, lambda one: seen(one, truth)),  # noqa: B023  # called before the loop goes on
            (scene.is_heard, heard),
            (scene.is_tracked, sensed),
        ):
            ids = {thing.id for thing, has in zip(scene.things, sense[row], strict=True) if has}
            assert ids == {one.id for one in truth.entities if rule(one)}


@pytest.mark.parametrize(
    ("light", "changed", "senses"),
    [
        ("day", {}, "seen echoing"),
        ("dusk", {}, "seen echoing"),
        ("night", {"distance_m": 20.0}, "echoing"),
        ("night", {"distance_m": 10.0}, "glimpsed echoing"),  # the rig's lamp
        ("fog", {"distance_m": 20.0}, "glimpsed echoing"),
        ("fog", {"distance_m": 30.0}, "echoing"),
        ("night", {"is_moving": True, "distance_m": 20.0}, "echoing tracked"),
        ("fog", {"is_moving": True, "distance_m": 30.0, "echoes": 0.5}, "perhaps"),
        ("fog", {"is_moving": True, "distance_m": 30.0, "echoes": 0.01}, ""),
        ("day", {"visible": 0.2}, "glimpsed echoing"),
        ("day", {"visible": 0.0, "pixels": 0, "echoes": 0.0}, ""),  # behind a wall
        ("day", {"visible": 0.0, "pixels": 0, "echoes": 0.0, "loudness_db": 9.0}, "heard"),
        ("night", {"distance_m": 44.0, "loudness_db": 7.0}, "heard echoing"),
        ("night", {"distance_m": 44.0, "loudness_db": 5.0}, "faint echoing"),
        ("night", {"distance_m": 44.0, "is_sounding": True}, "echoing"),  # it has not arrived yet
        ("day", {"is_moving": True, "loudness_db": 20.0}, "seen heard echoing tracked"),
    ],
)
def test_senses_complement_each_other(light: str, changed: dict[str, object], senses: str) -> None:
    scene = scene_of(moments(light, **changed))
    has = {name: getattr(scene, f"is_{name}") for name in SENSES}
    assert " ".join(name for name, mask in has.items() if mask.all()) == senses
    assert not any(mask.any() for name, mask in has.items() if name not in senses.split())


@pytest.mark.parametrize(("echoes", "is_perhaps"), [(0.5, True), (0.1, True), (0.0, False)])
def test_what_radar_has_little_of_makes_the_dark_uncertain(echoes: float, is_perhaps: bool) -> None:
    changed = {"is_moving": True, "visible": 0.0, "pixels": 0, "bearing_rad": 0.9, "box": None, "echoes": echoes}
    scene = scene_of(moments("night", **changed))
    assert bool(scene.is_perhaps.all()) is is_perhaps
    assert not scene.is_tracked.any()
    for text in ("How many things moved while it was dark?", "Where is the moving thing now?"):
        ask = parse(text)
        assert ask is not None
        assert (settle(ask, scene, 1.0) is None) is is_perhaps


@pytest.mark.parametrize(
    ("centre", "side"), [(0.1, "left"), (0.32, None), (0.35, None), (0.5, "middle"), (0.65, None), (0.9, "right")]
)
def test_a_thing_at_the_border_of_two_sides_is_on_neither(centre: float, side: str | None) -> None:
    scene = scene_of(moments("day", box=(centre - 0.02, 0.5, centre + 0.02, 0.6)))
    assert scene.side(0, slice(0, 11)) == side


@given(st.lists(st.booleans(), min_size=11, max_size=11), st.sampled_from([0.0, 0.2, 0.5]))
def test_spans_are_those_of_a_walk_along_the_mask(mask: list[bool], gap_s: float) -> None:
    scene = scene_of(moments("day"))
    spans: list[tuple[int, int]] = []
    for number, is_set in enumerate(mask):
        if is_set and spans and number - spans[-1][1] - 1 <= round(gap_s * 10):
            spans[-1] = (spans[-1][0], number)
        elif is_set:
            spans.append((number, number))
    found = scene.spans(np.array(mask), gap_s)
    assert [(round(a * 10), round(b * 10)) for a, b in found] == spans


def test_turns_and_stops_are_those_of_the_plot() -> None:
    compared = 0
    for number in range(60):
        world, truths, _ = world_truths(number, WorldSettings(light="day"))
        scene = scene_of(truths)
        for event in world.plot:
            if event.kind not in ("turns", "stops", "starts") or not 0.2 < event.start_s < 15.8:
                continue
            column = next(column for column, one in enumerate(scene.things) if one.id == event.entities[0])
            times = turns(scene, column) if event.kind == "turns" else None
            if event.kind != "turns":
                times = changes(scene, column, to_moving=event.kind == "starts")
            if times is not None:
                compared += 1
                assert any(abs(t_s - event.start_s) <= 0.11 for t_s in times)
    assert compared > 40


def test_an_empty_recording_is_a_scene_of_nothing() -> None:
    scene = scene_of([])
    assert scene.things == ()
    assert scene.dark_spans() == []
    assert scene.until(3.0).t_s.shape == (0,)
