"""What throws a radar's waves back: points on the faces of things that look at it, walls, and rough ground."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.kinds import SIZES
from perception.yard.settings import stream_of
from perception.yard.world import YARD_M, Entity, States, World

# Limbs and wheels are faster and slower than the body, by up to this part of its speed, most in mid-stride.
SWING: Mapping[str, float] = {"person": 0.7, "dog": 0.7, "bicycle": 0.4}
STRIDE_M = 1.4
QUIETEST_SWING = 0.3  # of the most, between two strides
FEWEST_POINTS = 2
POINTS_PER_M = 2.0  # per root of the area that is seen
DB_PER_POINT = 2.0
TINY = 1e-9
LOWEST_DBSM = -10.0  # what echoes no more than this has no points beside those of its area

GROUND_PER_M2 = 0.08  # stones, kerbs and holes that echo
GROUND_DBSM = (-26.0, 4.0)  # mean, deviation
GROUND_BEYOND_M = 8.0  # around the yard
WALL_STEP_M = 0.5
WALL_DBSM = (-10.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoes:
    """P scattering points at one moment, in the yard's axes."""

    position_m: NDArray[np.float64]  # (P, 3)
    velocity_mps: NDArray[np.float64]  # (P, 3)
    rcs_dbsm: NDArray[np.float64]  # (P,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """How a thing looks from an eye: where the eye is in the thing's own axes, how wide each face is from there."""

    along_m: NDArray[np.float64]  # (...): of the eye, along the thing's heading
    across_m: NDArray[np.float64]
    end_m: NDArray[np.float64]  # of the front or the back as the eye sees it, 0 where it sees neither
    side_m: NDArray[np.float64]
    count: NDArray[np.float64]  # how many points echo


def together(parts: Iterable[Echoes]) -> Echoes:
    """Return all points of several things."""
    every = tuple(parts)
    return Echoes(
        position_m=np.concatenate([one.position_m for one in every]),
        velocity_mps=np.concatenate([one.velocity_mps for one in every]),
        rcs_dbsm=np.concatenate([one.rcs_dbsm for one in every]),
    )


def echoes_of(world: World, states: States, draw: np.random.Generator, eye_m: NDArray[np.float64]) -> Iterator[Echoes]:
    """Yield the points of each thing that is there at one moment, as they are thrown back to an eye (3,)."""
    t_s = float(states.t_s[0])
    for number, one in enumerate(world.entities):
        if states.is_there[0, number]:
            velocity = states.velocity_mps[0, number]
            speed_mps = float(np.sqrt((velocity * velocity).sum()))
            stride = abs(np.sin(np.pi * speed_mps * t_s / STRIDE_M))
            swing = SWING.get(one.kind, 0.0) * (QUIETEST_SWING + (1 - QUIETEST_SWING) * stride)
            heading = float(states.heading_rad[0, number])
            places = _faces(one, states.position_m[0, number], heading, eye_m, draw)
            count = len(places)
            if count:
                factors = 1 + swing * draw.uniform(-1, 1, count)  # of each part's speed
                level = float(level_of(one, np.array(float(count))))
                yield Echoes(
                    position_m=places,
                    velocity_mps=np.append(velocity, 0.0) * factors[:, None],
                    rcs_dbsm=np.full(count, level),
                )


def _faces(
    entity: Entity, middle_m: NDArray[np.float64], heading: float, eye_m: NDArray[np.float64], draw: np.random.Generator
) -> NDArray[np.float64]:
    """Return places (P, 3) on the two upright faces that look at the eye, each as often as it is wide from there."""
    length_m, width_m, height_m = entity.box_m
    faces = faces_of(entity, middle_m, np.array(heading), eye_m)
    cos, sin = np.cos(heading), np.sin(heading)
    along, across, end_m, side_m = faces.along_m, faces.across_m, faces.end_m, faces.side_m
    count = int(faces.count)
    is_side = draw.random(count) * (end_m + side_m) < side_m
    place = draw.uniform(-0.5, 0.5, count)
    u = np.where(is_side, place * length_m, np.copysign(length_m / 2, along))
    v = np.where(is_side, np.copysign(width_m / 2, across), place * width_m)
    up = draw.random(count) * height_m
    return np.stack([middle_m[0] + u * cos - v * sin, middle_m[1] + u * sin + v * cos, up], axis=1)


def faces_of(
    entity: Entity, middle_m: NDArray[np.float64], heading: NDArray[np.float64], eye_m: NDArray[np.float64]
) -> Faces:
    """Return how an entity at places (..., 2) with headings (...) looks from an eye (..., 3)."""
    length_m, width_m, height_m = entity.box_m
    cos, sin = np.cos(heading), np.sin(heading)
    x, y = np.moveaxis(eye_m[..., :2] - middle_m, -1, 0)
    along, across = x * cos + y * sin, y * cos - x * sin
    away = np.maximum(np.hypot(along, across), TINY)
    end_m = np.where(np.abs(along) > length_m / 2, width_m * np.abs(along) / away, 0.0)
    side_m = np.where(np.abs(across) > width_m / 2, length_m * np.abs(across) / away, 0.0)
    more = max(0.0, entity.of.rcs_dbsm - LOWEST_DBSM) / DB_PER_POINT
    count = np.round(FEWEST_POINTS + POINTS_PER_M * np.sqrt((end_m + side_m) * height_m) + more)
    count = np.where(end_m + side_m > 0, count, 0.0)  # else the eye is inside
    return Faces(along_m=along, across_m=across, end_m=end_m, side_m=side_m, count=count)


def level_of(entity: Entity, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the echo in dBsm of each of so many points, one or more: all together have that of the class."""
    return np.asarray(entity.of.rcs_dbsm + 20 * np.log10(SIZES[entity.size]) - 10 * np.log10(count))


def clutter_of(world: World) -> Echoes:
    """Return what stands for ever: the points of the ground and of the walls, the same in each sweep."""
    draw = np.random.default_rng(stream_of(world.seed, "clutter"))
    x_from, x_to, y_from, y_to = YARD_M
    low = np.array([x_from - GROUND_BEYOND_M, y_from - GROUND_BEYOND_M])
    high = np.array([x_to + GROUND_BEYOND_M, y_to + GROUND_BEYOND_M])
    count = round(float((high - low).prod()) * GROUND_PER_M2)
    ground = np.append(draw.uniform(low, high, (count, 2)), np.zeros((count, 1)), axis=1)
    parts = [(ground, draw.normal(*GROUND_DBSM, count))]
    for wall in world.walls:
        long, wide = wall.length_m, wall.width_m
        around = np.arange(0, 2 * (long + wide), WALL_STEP_M)  # along the outline, from one corner
        corners = np.array([0, long, long + wide, 2 * long + wide, 2 * (long + wide)])
        u = np.interp(around, corners, np.array([-1, 1, 1, -1, -1]) * long / 2)
        v = np.interp(around, corners, np.array([-1, -1, 1, 1, -1]) * wide / 2)
        cos, sin = np.cos(wall.heading_rad), np.sin(wall.heading_rad)
        up = draw.random(len(around)) * wall.height_m
        places = np.stack([wall.x_m + u * cos - v * sin, wall.y_m + u * sin + v * cos, up], axis=1)
        parts.append((places, draw.normal(*WALL_DBSM, len(around))))
    return together(
        Echoes(position_m=places, velocity_mps=np.zeros_like(places), rcs_dbsm=levels) for places, levels in parts
    )
