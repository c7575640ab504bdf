"""Where the rays of a picture enter and leave upright boxes, and which box is nearest at each pixel.

A ray meets a box between the latest entry and the earliest exit of the box's three pairs of faces (the slab method, Kay
and Kajiya 1986). The box stands upright and the camera looks level, so the two upright pairs depend on the column alone
and the third on the row alone: for one box it takes W + H divisions and then a comparison for each pixel of its window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.lens import LEAST, Lens
from perception.yard.shapes import WALL, Boxes
from perception.yard.world import RIG_HEIGHT_M, States, World

NEAR_M = 0.1  # nothing is seen that begins nearer
SUN = (-0.45, -0.55, 0.7)  # where it stands, seen from the yard: to the left behind the rig's first place
SHADOW = (0.45 / 0.7, 0.55 / 0.7)  # how far a shadow reaches for each metre of height
DIGITS = 9  # of sines and cosines: machines differ in the sixteenth


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """P boxes that may be seen, each at one of T moments; by moment, then in the order of the boxes."""

    moment: NDArray[np.int64]  # (P,)
    box: NDArray[np.int64]  # (P,)
    from_m: NDArray[np.float64]  # (P, 2): where the camera is, seen from the box: along its heading, and to its left
    turn: NDArray[np.float64]  # (P, 2): cosine and sine of the camera's heading against the box's
    heading: NDArray[np.float64]  # (P, 2): cosine and sine of the box's heading in the yard
    half_m: NDArray[np.float64]  # (P, 2)
    enters_column: NDArray[np.float32]  # (P, W): depth; later than `leaves_column` where the ray misses
    leaves_column: NDArray[np.float32]  # (P, W)
    is_side: NDArray[np.bool_]  # (P, W): whether it enters through a long side rather than through front or back
    enters_row: NDArray[np.float32]  # (P, H)
    leaves_row: NDArray[np.float32]  # (P, H)
    window: list[list[int]]  # (P, 4): first row, row after, first column, column after; empty where nothing is hit


def sights_of(world: World, boxes: Boxes, which: NDArray[np.int64], states: States, lens: Lens) -> Sights:
    """Return where rays meet the boxes `which` at all moments of `states`."""
    centre, heading, is_there = _places(world, boxes, which, states)
    ahead = cos_sin(states.rig_heading_rad)  # (T, 2)
    half = boxes.half_m[which] + boxes.shift_m[which, None] * np.abs(_turned(np.array(SHADOW), heading))
    apart = states.rig_m[:, None] - centre  # (T, B, 2)
    depth, left = np.moveaxis(-_turned(apart, ahead[:, None]), -1, 0)
    radius = np.hypot(half[..., 0], half[..., 1])
    edge = float(lens.right[-1])
    is_in_view = (depth + radius > NEAR_M) & (np.abs(left) - edge * depth <= radius * np.hypot(1.0, edge))
    moment, place = np.nonzero(is_there & is_in_view)
    heading, half = heading[moment, place], half[moment, place]
    return _cast(
        (moment, which[place]),
        _turned(apart[moment, place], heading),
        _turned(ahead[moment], heading),
        heading,
        half,
        (boxes.low_m[which[place]], boxes.high_m[which[place]]),
        lens,
    )


def _places(
    world: World, boxes: Boxes, which: NDArray[np.int64], states: States
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the middles (T, B, 2), the cosines and sines of the headings (T, B, 2), and which are there (T, B)."""
    walls, owner, times = len(world.walls), boxes.owner[which], len(states.t_s)
    wall_m = np.array([(wall.x_m, wall.y_m) for wall in world.walls]).reshape(1, walls, 2)
    wall_rad = np.array([wall.heading_rad for wall in world.walls]).reshape(1, walls)
    centre = np.concatenate([np.repeat(wall_m, times, 0), states.position_m], axis=1)
    heading = cos_sin(np.concatenate([np.repeat(wall_rad, times, 0), states.heading_rad], axis=1))
    is_there = np.concatenate([np.ones((times, walls), bool), states.is_there], axis=1)
    places = np.where(owner == WALL, boxes.wall[which], walls + owner)
    heading = heading[:, places]
    shift = boxes.ahead_m[which, None] * heading + boxes.shift_m[which, None] * np.array(SHADOW)
    return centre[:, places] + shift, heading, is_there[:, places]


def _cast(
    names: tuple[NDArray[np.int64], NDArray[np.int64]],
    from_m: NDArray[np.float64],
    turn: NDArray[np.float64],
    heading: NDArray[np.float64],
    half: NDArray[np.float64],
    heights: tuple[NDArray[np.float64], NDArray[np.float64]],
    lens: Lens,
) -> Sights:
    cosine, sine = turn[:, :1], turn[:, 1:]
    along = _between(from_m[:, :1], cosine + lens.right * sine, half[:, :1])
    across = _between(from_m[:, 1:], sine - lens.right * cosine, half[:, 1:])
    enters_column = np.maximum(along[0], across[0])
    leaves_column = np.minimum(along[1], across[1])
    ends = [(height[:, None] - RIG_HEIGHT_M) / lens.up for height in heights]
    enters_row, leaves_row = np.minimum(*ends), np.maximum(*ends)
    is_open = (enters_column <= leaves_column) & (leaves_column > NEAR_M)
    nearest = np.where(is_open, enters_column, np.inf).min(axis=1, keepdims=True)
    farthest = np.where(is_open, leaves_column, -np.inf).max(axis=1, keepdims=True)
    is_open_row = (enters_row <= farthest) & (leaves_row >= np.maximum(nearest, NEAR_M))
    window = np.concatenate([_span(is_open_row), _span(is_open)], axis=1)
    return Sights(
        moment=names[0],
        box=names[1],
        from_m=from_m,
        turn=turn,
        heading=heading,
        half_m=half,
        enters_column=enters_column.astype(np.float32),
        leaves_column=leaves_column.astype(np.float32),
        is_side=across[0] > along[0],
        enters_row=enters_row.astype(np.float32),
        leaves_row=leaves_row.astype(np.float32),
        window=window.tolist(),
    )


def _between(
    start: NDArray[np.float64], way: NDArray[np.float64], half: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return when rays are between -half and half."""
    way = np.where(np.abs(way) < LEAST, LEAST, way)
    one, other = (-half - start) / way, (half - start) / way
    return np.minimum(one, other), np.maximum(one, other)


def _span(is_open: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (P, 2): the first place that is open and the one after the last, both 0 where none is."""
    first = is_open.argmax(axis=1)
    after = is_open.shape[1] - is_open[:, ::-1].argmax(axis=1)
    return np.where(is_open.any(axis=1, keepdims=True), np.stack([first, after], axis=1), 0)


def cos_sin(angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cosines and sines (..., 2), the same on every machine."""
    return np.round(np.stack([np.cos(angle_rad), np.sin(angle_rad)], axis=-1), DIGITS)


def _turned(vector: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector (..., 2) of the yard as seen by somebody with that heading: ahead and left."""
    x, y, cosine, sine = vector[..., 0], vector[..., 1], heading[..., 0], heading[..., 1]
    return np.stack([x * cosine + y * sine, y * cosine - x * sine], axis=-1)
