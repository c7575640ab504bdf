"""One recorded window as other rooms, persons and radars might have given it.

What repeats within a room (the sensor's own echo, walls, ghosts behind the person) says nothing about what somebody
does, but a model learns it first; so it is now and then taken from another recording, or left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perception.radar.sweeps import Points, Valid

NEAR_M, FAR_M = 0.5, 3.3  # between them is the person


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How strong each change is; 0 is off."""

    mirror: float = 0.5  # share of windows whose left and right change places
    shift_m: tuple[float, float, float] = (0.25, 0.25, 0.15)
    scale: tuple[float, float, float] = (0.08, 0.25, 0.12)  # of logarithms, along x, y, z
    tilt_rad: float = 0.1
    jitter_m: float = 0.02
    louder_db: float = 2.0
    thin: float = 0.3  # at most this share of the points is left out
    slow: float = 0.25  # share of moving points whose speed becomes none, at most
    other_room: float = 0.3  # share of windows with the surroundings of another
    no_room: float = 0.2  # share of windows without any
    points_max: int = 24  # of a sweep; what is left out is drawn


def augment(points: Points, valid: Valid, rng: np.random.Generator, how: Augmentation) -> tuple[Points, Valid]:
    """Return changed copies of windows (B, T, P, 5) and which of their points are real (B, T, P)."""
    points, valid = _swap_rooms(points, valid, rng, how)
    batch = len(points)
    points[..., 1] *= np.where(rng.random(batch) < how.mirror, -1, 1)[:, None, None]
    points[..., :3] *= np.exp(rng.normal(0, how.scale, (batch, 1, 1, 3)))
    angle = rng.normal(0, how.tilt_rad, (batch, 1, 1))
    x, z = points[..., 0].copy(), points[..., 2].copy()
    points[..., 0], points[..., 2] = np.cos(angle) * x - np.sin(angle) * z, np.sin(angle) * x + np.cos(angle) * z
    points[..., :3] += rng.normal(0, how.shift_m, (batch, 1, 1, 3))
    points[..., :3] += how.jitter_m * rng.standard_normal(points[..., :3].shape, dtype=np.float32)
    points[..., 4] += rng.normal(0, how.louder_db, (batch, 1, 1))
    draw = rng.random(valid.shape, dtype=np.float32)
    valid = valid & (draw >= rng.uniform(0, how.thin, (batch, 1, 1)))
    slowed = rng.random(valid.shape, dtype=np.float32) < rng.uniform(0, how.slow, (batch, 1, 1))
    points[..., 3][slowed] = 0
    points[~valid] = 0
    return points, valid


def _swap_rooms(points: Points, valid: Valid, rng: np.random.Generator, how: Augmentation) -> tuple[Points, Valid]:
    """Give some windows the surroundings of the next one, and some none; always a copy."""
    batch, _, width, _ = points.shape
    around = valid & ((points[..., 0] < NEAR_M) | (points[..., 0] > FAR_M)) & (points[..., 3] == 0)
    draw = rng.random((batch, 1, 1))
    loses = draw < how.other_room + how.no_room
    gains = draw < how.other_room
    kept = valid & ~(around & loses)
    given = np.roll(around, 1, axis=0) & gains
    both = np.concatenate([kept, given], axis=2)
    keys = np.where(both, rng.random(both.shape, dtype=np.float32), 2)
    order = np.argsort(keys, axis=2)[..., : min(width, how.points_max)]  # real ones first, whichever they are
    mixed = np.concatenate([points, np.roll(points, 1, axis=0)], axis=2)
    return np.take_along_axis(mixed, order[..., None], axis=2), np.take_along_axis(both, order, axis=2)


def stretch(recording: Points, valid: Valid, first: float, pace: float, length: int) -> tuple[Points, Valid]:
    """Cut a window of `length` sweeps out of a recording, played at `pace`, by the nearest sweep."""
    rows = np.clip(np.round(first + np.arange(length) * pace).astype(np.int64), 0, len(recording) - 1)
    return recording[rows], valid[rows]
