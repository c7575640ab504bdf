"""Room on the ground: the outlines of things, walls and the rig, and how far they are apart while they move.

Two upright boxes are apart by at least the widest gap along and across either of them (the separating axis theorem).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.track import Track
from perception.yard.world import Entity, Wall

CLEAR_M = 0.4  # nothing comes closer to anything; what closes at 16 m/s comes so far between two looks
STEP_S = 0.05  # between two looks
RIG_M = (1.0, 1.0)  # the rig's own length and width


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A body at T moments, or one that is the same at all of them (T is 1)."""

    place_m: NDArray[np.float64]  # (T, 2)
    heading_rad: NDArray[np.float64]  # (T,)
    half_m: tuple[float, float]  # along its heading, and across


def gaps_m(one: Outline, other: Outline) -> NDArray[np.float64]:
    """Return (T,): two bodies are at least so far apart, negative where they share ground."""
    apart = other.place_m - one.place_m
    found = []
    for mine, its in ((one, other), (other, one)):
        turn = its.heading_rad - mine.heading_rad
        cos, sin = np.abs(np.cos(turn)), np.abs(np.sin(turn))
        ahead = np.stack([np.cos(mine.heading_rad), np.sin(mine.heading_rad)], axis=-1)
        along = np.abs(apart[:, 0] * ahead[:, 0] + apart[:, 1] * ahead[:, 1])
        across = np.abs(apart[:, 1] * ahead[:, 0] - apart[:, 0] * ahead[:, 1])
        found.append(along - mine.half_m[0] - its.half_m[0] * cos - its.half_m[1] * sin)
        found.append(across - mine.half_m[1] - its.half_m[0] * sin - its.half_m[1] * cos)
    return np.asarray(np.max(found, axis=0))


def outline_of(track: Track, size_m: tuple[float, float], t_s: NDArray[np.float64]) -> Outline:
    """Return the body of what moves along a track, at times (T,)."""
    return Outline(
        place_m=track.position_m(t_s), heading_rad=track.heading_rad(t_s), half_m=(size_m[0] / 2, size_m[1] / 2)
    )


def gap_m(one: Entity, other: Entity, t_s: float) -> float:
    """Return how far two things are apart at a moment, at least."""
    at = np.array([t_s])
    return float(gaps_m(*(outline_of(each.track, each.box_m[:2], at) for each in (one, other)))[0])


class Room:
    """What is taken already: the walls, the rig's way, and the ways of the things before."""

    def __init__(self, walls: Sequence[Wall], rig: Track, length_s: float) -> None:
        self.length_s = length_s
        self._walls = [
            Outline(
                place_m=np.array([[one.x_m, one.y_m]]),
                heading_rad=np.array([one.heading_rad]),
                half_m=(one.length_m / 2, one.width_m / 2),
            )
            for one in walls
        ]
        self._taken = [(rig, RIG_M)]

    def take(self, track: Track, size_m: tuple[float, float]) -> None:
        """Keep a way free from now on for what has this length and width."""
        self._taken.append((track, size_m))

    def has(self, track: Track, size_m: tuple[float, float]) -> bool:
        """Say whether something can take a way without coming too close to anything."""
        at_s = self._looks(track, None)
        body = outline_of(track, size_m, at_s)
        if any((gaps_m(body, one) < CLEAR_M).any() for one in self._walls):
            return False
        return all(self._are_apart((track, size_m), other) for other in self._taken)

    def _are_apart(self, one: tuple[Track, tuple[float, float]], other: tuple[Track, tuple[float, float]]) -> bool:
        reach_m = sum(float(np.hypot(*size_m)) / 2 for _, size_m in (one, other)) + CLEAR_M
        if _are_far(one[0], other[0], reach_m):
            return True
        at_s = self._looks(one[0], other[0])
        return not (gaps_m(outline_of(*one, at_s), outline_of(*other, at_s)) < CLEAR_M).any()

    def _looks(self, one: Track, other: Track | None) -> NDArray[np.float64]:
        """Return the times at which both are there; one is enough where nothing moves."""
        both = (one, other) if other else (one,)
        start_s = max(track.start_s for track in both)
        end_s = min(self.length_s, *(track.end_s for track in both))
        if all(track.never_moves for track in both):
            return np.array([start_s])[: int(start_s <= end_s)]
        return np.arange(start_s, end_s + STEP_S, STEP_S)


def _are_far(one: Track, other: Track, reach_m: float) -> bool:
    """Say whether two ways are apart by their ends and corners alone."""
    low, high = (
        [[pick(knot[axis] for knot in track.knots) for track in (one, other)] for axis in (1, 2)] for pick in (min, max)
    )
    return any(max(low[axis]) - min(high[axis]) > reach_m for axis in (0, 1))
