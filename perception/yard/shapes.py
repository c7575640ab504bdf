"""What things are built of: a few upright boxes for each class, inside the cuboid of its length, width and height.

Two or three dozen pixels must do to tell a class: wheels below, a head on top, a cabin set back, a load behind a cab.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.world import World

WALL = -2  # who owns a box that no entity owns

TYRE = (38, 38, 42)
GLASS = (70, 85, 105)
SKIN = (224, 172, 138)
TROUSERS = (62, 60, 70)
STEEL = (150, 152, 156)


@dataclass(frozen=True, slots=True)
class Part:
    """A box in shares of its thing's length (from -0.5 behind to 0.5 in front), width (of the whole) and height."""

    back: float
    front: float
    width: float
    low: float
    high: float
    colour: tuple[int, int, int] | None = None  # none: the thing's paint


PARTS: Mapping[str, tuple[Part, ...]] = {
    "person": (
        Part(-0.22, 0.22, 0.6, 0.0, 0.4, TROUSERS),
        Part(-0.5, 0.5, 1.0, 0.4, 0.83),
        Part(-0.22, 0.22, 0.45, 0.83, 1.0, SKIN),
    ),
    "dog": (
        Part(-0.42, -0.28, 0.8, 0.0, 0.4),
        Part(0.06, 0.2, 0.8, 0.0, 0.4),
        Part(-0.5, 0.28, 1.0, 0.4, 0.78),
        Part(0.2, 0.42, 0.8, 0.6, 1.0),
        Part(0.42, 0.5, 0.5, 0.62, 0.78, TYRE),
    ),
    "car": (
        Part(-0.4, -0.2, 1.0, 0.0, 0.24, TYRE),
        Part(0.2, 0.4, 1.0, 0.0, 0.24, TYRE),
        Part(-0.5, 0.5, 1.0, 0.24, 0.6),
        Part(-0.34, 0.2, 0.85, 0.6, 0.9, GLASS),
        Part(-0.3, 0.16, 0.85, 0.9, 1.0),
    ),
    "truck": (
        Part(-0.46, -0.32, 1.0, 0.0, 0.18, TYRE),
        Part(-0.28, -0.14, 1.0, 0.0, 0.18, TYRE),
        Part(0.3, 0.44, 1.0, 0.0, 0.18, TYRE),
        Part(-0.5, 0.2, 1.0, 0.18, 1.0),
        Part(0.24, 0.5, 0.94, 0.18, 0.45),
        Part(0.24, 0.46, 0.94, 0.45, 0.68, GLASS),
    ),
    "bicycle": (
        Part(-0.5, -0.14, 0.16, 0.0, 0.4, TYRE),
        Part(0.14, 0.5, 0.16, 0.0, 0.4, TYRE),
        Part(-0.14, 0.14, 0.5, 0.22, 0.44, TROUSERS),
        Part(-0.14, 0.12, 1.0, 0.44, 0.84),
        Part(0.2, 0.26, 1.0, 0.5, 0.58, STEEL),
        Part(-0.08, 0.12, 0.5, 0.84, 1.0, SKIN),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """All boxes of a world, B of them: flat ones for the shadows, then the walls, then the parts of each entity."""

    owner: NDArray[np.int64]  # (B,): the entity's place in the world, or WALL
    wall: NDArray[np.int64]  # (B,): the wall's place in the world, 0 for the others
    is_shadow: NDArray[np.bool_]  # (B,)
    shift_m: NDArray[np.float64]  # (B,): half the height of what throws the shadow, 0 for the others
    ahead_m: NDArray[np.float64]  # (B,): its middle before its owner's middle, along the heading
    half_m: NDArray[np.float64]  # (B, 2): half its length and width
    low_m: NDArray[np.float64]  # (B,): above the ground
    high_m: NDArray[np.float64]  # (B,)
    rgb: NDArray[np.float64]  # (B, 3)


def boxes_of(world: World) -> Boxes:
    """Return the boxes of a world."""
    shadows, things = [], []
    for number, wall in enumerate(world.walls):
        flat = (wall.length_m / 2, wall.width_m / 2, 0.0)
        shadows.append((WALL, number, 1, wall.height_m / 2, 0.0, *flat, 0.0, *wall.colour))
        things.append((WALL, number, 0, 0.0, 0.0, *flat, wall.height_m, *wall.colour))
    for number, one in enumerate(world.entities):
        length_m, width_m, height_m = one.box_m
        shadows.append((number, 0, 1, height_m / 2, 0.0, length_m / 2, width_m / 2, 0.0, 0.0, *one.rgb))
        for part in PARTS[one.kind]:
            ahead_m, half_m = (part.front + part.back) / 2 * length_m, (part.front - part.back) / 2 * length_m
            size = (half_m, part.width * width_m / 2, part.low * height_m, part.high * height_m)
            things.append((number, 0, 0, 0.0, ahead_m, *size, *(part.colour or one.rgb)))
    table = np.array(shadows + things, np.float64).reshape(-1, 12)
    return Boxes(
        owner=table[:, 0].astype(np.int64),
        wall=table[:, 1].astype(np.int64),
        is_shadow=table[:, 2] > 0,
        shift_m=table[:, 3],
        ahead_m=table[:, 4],
        half_m=table[:, 5:7],
        low_m=table[:, 7],
        high_m=table[:, 8],
        rgb=table[:, 9:12],
    )
