"""Truths of worlds by a small stand-in for the view: a pinhole, no walls, whole things in or out of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from perception.yard.negatives import Pair, polls_of
from perception.yard.question import Question
from perception.yard.questions import GROUPS, draw_question
from perception.yard.scene import scene_of
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, seed_of, stream_of
from perception.yard.truth import EntityTruth, Truth
from perception.yard.world import Entity, World
from runtime.messages import Box

HALF_VIEW_RAD = math.radians(40)
FAR_M = 40.0
RADAR_RAD = math.radians(60)
BACKGROUND_DB = -60.0
WIDTH_PX, HEIGHT_PX = 160, 120


def truths_of(world: World, rate_hz: float = 10.0) -> list[Truth]:
    """Return the moments of a world."""
    times = np.arange(round(world.length_s * rate_hz) + 1) / rate_hz
    states = world.states(times)
    away = states.position_m - states.rig_m[:, None]
    distances = np.linalg.norm(away, axis=-1)
    bearings = np.arctan2(away[..., 1], away[..., 0]) - states.rig_heading_rad[:, None]
    bearings = (bearings + np.pi) % (2 * np.pi) - np.pi
    truths = []
    for row, t_s in enumerate(times):
        entities = []
        for column in np.flatnonzero(states.is_there[row]):
            one = world.entities[column]
            distance_m, bearing_rad = float(distances[row, column]), float(bearings[row, column])
            in_view = abs(bearing_rad) < HALF_VIEW_RAD and distance_m < FAR_M
            velocity = states.velocity_mps[row, column]
            box = _box(one.box_m, distance_m, bearing_rad) if in_view else None
            entities.append(
                EntityTruth(
                    id=one.id,
                    kind=one.kind,
                    colour=one.colour,
                    size=one.size,
                    position_m=(float(states.position_m[row, column, 0]), float(states.position_m[row, column, 1])),
                    velocity_mps=(float(velocity[0]), float(velocity[1])),
                    heading_rad=float(states.heading_rad[row, column]),
                    distance_m=distance_m,
                    bearing_rad=bearing_rad,
                    is_moving=bool(np.hypot(*velocity) > 1e-3),
                    is_sounding=bool(states.is_sounding[row, column]),
                    loudness_db=_loudness_db(one, distance_m) if states.is_sounding[row, column] else None,
                    echoes=5.0 if abs(bearing_rad) < RADAR_RAD and distance_m < FAR_M else 0.0,
                    visible=1.0 if in_view else 0.0,
                    pixels=max(8, int(2000 / distance_m)) if in_view else 0,
                    box=box,
                )
            )
        truths.append(Truth(t_ns=round(t_s * 1e9), light=world.light_at(float(t_s)), entities=tuple(entities)))
    return truths


def world_truths(number: int = 0, settings: WorldSettings | None = None) -> tuple[World, list[Truth], WorldSettings]:
    """Return a world of a split with its truths."""
    settings = settings or WorldSettings()
    world = make_world(settings, seed_of(settings.split, number))
    return world, truths_of(world), settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWorld:
    """A world with questions about it."""

    truths: list[Truth]
    questions: list[Question]
    pairs: list[Pair]


@lru_cache(maxsize=1)
def asked_worlds() -> tuple[AskedWorld, ...]:
    """Return some hundred worlds, each asked a few groups of questions, all groups in turn."""
    found = []
    for number in range(260):
        world, truths, settings = world_truths(number)
        scene = scene_of(truths)
        groups = [GROUPS[(3 * number + more) % len(GROUPS)] for more in range(3)]
        drawn = [draw_question(scene, settings, group, stream_of(world.seed, group)) for group in groups]
        pairs = polls_of(truths, settings, world.seed)
        found.append(AskedWorld(truths=truths, questions=[one for one in drawn if one], pairs=pairs))
    return tuple(found)


def _loudness_db(one: Entity, distance_m: float) -> float:
    return 20 * math.log10(one.of.voice.level / max(1.0, distance_m)) - BACKGROUND_DB


def _box(box_m: tuple[float, float, float], distance_m: float, bearing_rad: float) -> Box:
    ahead_m = max(0.5, distance_m * math.cos(bearing_rad))
    scale = 0.5 / math.tan(HALF_VIEW_RAD)  # of the width
    x = 0.5 - scale * math.tan(bearing_rad)
    half = scale * max(box_m[0], box_m[1]) / 2 / ahead_m
    ratio = WIDTH_PX / HEIGHT_PX
    low, high = 0.5 + scale * ratio * 1.4 / ahead_m, 0.5 + scale * ratio * (1.4 - box_m[2]) / ahead_m
    edges = (max(0.0, x - half), max(0.0, high), min(1.0, x + half), min(1.0, low))
    return tuple(round(edge, 5) for edge in edges)  # type: ignore[return-value]
