"""Draws a world from a seed: who is there, which ways they take, where walls stand, how the light changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from perception.yard.bodies import Room
from perception.yard.kinds import CLASSES, COLOUR_PRIOR, COMPANY, Size
from perception.yard.plot import plot_of
from perception.yard.settings import LIGHTS, Light, WorldSettings, stream_of
from perception.yard.track import Track
from perception.yard.ways import find_way
from perception.yard.world import Entity, Wall, World

T = TypeVar("T", bound=str)

WALL_COLOURS = ((120, 110, 100), (95, 100, 105), (140, 130, 110))
CALLS_S = (1.5, 4.0)  # how long a voice is heard at a time
CHANGES_LIGHT = 0.25
DRIVES = 0.3
ROUND = 3  # digits of what is drawn: a millimetre, a millisecond


def make_world(settings: WorldSettings, seed: int) -> World:
    """Return the world of a seed: the same for ever, on every machine with the same versions."""
    draw = np.random.default_rng(stream_of(seed, "world"))
    count = int(draw.integers(settings.least_entities, settings.most_entities + 1))
    walls = tuple(_walls(draw))
    lights = _lights(draw, settings)
    drives = bool(draw.random() < DRIVES) if settings.drives is None else settings.drives
    rig, turn_radps = _rig(draw, settings.length_s, drives=drives)
    room = Room(walls, rig, settings.length_s)
    entities: list[Entity] = []
    for number in range(count):
        kind = draw_kind(draw, [one.kind for one in entities])
        size: Size = "small" if draw.random() < 0.5 else "large"
        again = np.random.default_rng(stream_of(seed, f"ways/{number}"))
        track = find_way(draw, again, CLASSES[kind], size, room, entities)
        entities.append(
            Entity(
                id=number,
                kind=kind,
                colour=draw_colour(draw, kind, settings),
                size=size,
                track=track,
                sounding_s=_sounding(draw, track, settings.length_s),
            )
        )
    world = World(
        settings=settings,
        seed=seed,
        entities=tuple(entities),
        walls=walls,
        rig=rig,
        rig_turn_radps=turn_radps,
        lights=lights,
        plot=(),
    )
    return replace(world, plot=plot_of(world))


def kind_weights(present: Sequence[str]) -> dict[str, float]:
    """Return P(class | what is there): the prior, changed by the company."""
    weights = {name: one.prior for name, one in CLASSES.items()}
    for name in weights:
        for other in sorted(set(present)):  # the order of factors is the order of their last bits
            weights[name] *= COMPANY.get((other, name), 1.0)
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def colour_weights(kind: str, settings: WorldSettings) -> dict[str, float]:
    """Return P(colour | class): the prior without what the split never shows."""
    weights = {name: share for name, share in COLOUR_PRIOR.items() if (kind, name) not in settings.forbidden}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def draw_kind(draw: np.random.Generator, present: Sequence[str]) -> str:
    """Return a class."""
    return _one_of(draw, kind_weights(present))


def draw_colour(draw: np.random.Generator, kind: str, settings: WorldSettings) -> str:
    """Return a colour."""
    return _one_of(draw, colour_weights(kind, settings))


def _one_of(draw: np.random.Generator, weights: Mapping[T, float]) -> T:
    names = list(weights)
    return names[int(np.searchsorted(np.cumsum([weights[name] for name in names]), draw.random(), side="right"))]


def _walls(draw: np.random.Generator) -> Iterator[Wall]:
    for number in range(int(draw.integers(1, 4))):
        yield Wall(
            x_m=_between(draw, -14.0, 14.0),
            y_m=_between(draw, 12.0, 30.0),
            length_m=_between(draw, 3.0, 8.0),
            width_m=0.4,
            height_m=_between(draw, 2.0, 3.5),
            heading_rad=_between(draw, -0.4, 0.4),
            colour=WALL_COLOURS[number],
        )


def _lights(draw: np.random.Generator, settings: WorldSettings) -> tuple[tuple[float, Light], ...]:
    if settings.light is not None:
        return ((0.0, settings.light),)
    first = LIGHTS[int(draw.integers(len(LIGHTS)))]
    if draw.random() >= CHANGES_LIGHT:
        return ((0.0, first),)
    others = [light for light in LIGHTS if light != first]
    when_s = _between(draw, 0.3 * settings.length_s, 0.7 * settings.length_s)
    return ((0.0, first), (when_s, others[int(draw.integers(len(others)))]))


def _rig(draw: np.random.Generator, length_s: float, *, drives: bool) -> tuple[Track, float]:
    """Return the rig's way and how fast it turns; on long ways it goes there and back."""
    if not drives:
        return Track(knots=((0.0, 0.0, 0.0), (length_s, 0.0, 0.0))), 0.0
    speed_mps = _between(draw, 0.3, 1.2)
    leg_s = min(length_s, 8.0)
    knots = [(0.0, 0.0, 0.0)]
    while knots[-1][0] < length_s:
        t_s = round(min(length_s, knots[-1][0] + leg_s), ROUND)
        way_m = (t_s - knots[-1][0]) * speed_mps * (1 if len(knots) % 2 else -1)
        knots.append((t_s, 0.0, round(knots[-1][2] + way_m, ROUND)))
    turn_radps = _between(draw, -0.02, 0.02) if length_s <= 20.0 else 0.0
    return Track(knots=tuple(knots)), turn_radps


def _sounding(draw: np.random.Generator, track: Track, length_s: float) -> tuple[tuple[float, float], ...]:
    """Return when a voice is heard: about once in eight seconds of its time, perhaps never."""
    start_s, end_s = max(0.0, track.start_s), min(length_s, track.end_s)
    found: list[tuple[float, float]] = []
    t_s = start_s
    while True:
        t_s += float(draw.exponential(8.0))
        length = _between(draw, *CALLS_S)
        if t_s + length >= end_s:
            return tuple(found)
        found.append((round(t_s, ROUND), round(t_s + length, ROUND)))
        t_s += length + 0.5


def _between(draw: np.random.Generator, least: float, most: float) -> float:
    return round(float(draw.uniform(least, most)), ROUND)
