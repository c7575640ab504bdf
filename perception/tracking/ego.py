"""Doppler without the sensor's own motion, and that motion from the sweep itself where no pose tells it.

What stands seems to come nearer to a sensor that drives: v_r = -v . r, r the unit vector to the point. So v_r + v . r
is the point's own radial speed (receding positive), and a sweep in which most points stand gives v by a robust fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.tracking.points import V_COMP, V_R, directions

DRAWS = 128  # pairs of points; with half of them standing, all bad has a chance of 1e-16
LOOKED_AT = 1_000  # points of a sweep that vote, evenly taken
AGREES_MPS = 0.3  # so far a standing point may be off
FEWEST = 12  # points that agree
LEAST_SHARE = 0.5  # of the points
KNOWN_VOTES = 0.6  # of the best pair's votes: so many let the motion just before stay
LEAST_SPREAD = 0.02  # smallest eigenvalue of the directions' second moments: below, a component is a guess
FASTEST_MPS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfMotion:
    """What a sweep says of its sensor's motion."""

    velocity_mps: NDArray[np.float64]  # (3,), in the sensor's axes; level: elevations are too coarse for z
    share: float  # of the points that agree


def compensate(points: NDArray[np.float32], velocity_mps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return points (P, 7) with their speed over ground along the line of sight, of a sensor that moves so (3,)."""
    found = points.copy()
    found[:, V_COMP] = points[:, V_R] + directions(points) @ velocity_mps
    return found


def estimate_velocity(points: NDArray[np.float32], before_mps: NDArray[np.float64] | None = None) -> SelfMotion | None:
    """Return the sensor's velocity from points (P, 7) of which most stand; None where too few agree.

    The velocity just before (3,) stays where nearly as many agree with it: a large thing that moves has many points.
    """
    step = max(1, -(-len(points) // LOOKED_AT))
    seen = points[::step]
    toward, speeds = directions(seen)[:, :2], seen[:, V_R].astype(np.float64)
    if len(seen) < FEWEST:
        return None
    agreed = _consensus(toward, speeds)
    if before_mps is not None:
        as_before = np.abs(speeds + toward @ before_mps[:2]) <= AGREES_MPS
        if as_before.sum() >= KNOWN_VOTES * agreed.sum():
            agreed = as_before
    for _ in range(2):  # a fit to those who agree, and who agrees with that
        if agreed.sum() < FEWEST or _spread(toward[agreed]) < LEAST_SPREAD:
            return None
        velocity = _fit(toward[agreed], speeds[agreed])
        agreed = np.abs(speeds + toward @ velocity) <= AGREES_MPS
    share = float(agreed.mean())
    if agreed.sum() < FEWEST or share < LEAST_SHARE or float(np.hypot(*velocity)) > FASTEST_MPS:
        return None
    return SelfMotion(velocity_mps=np.append(velocity, 0.0), share=share)


def _consensus(toward: NDArray[np.float64], speeds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of P points agree with the best of many pairs (RANSAC); the same points give the same answer."""
    draw = np.random.default_rng(0)
    first, second = draw.integers(0, len(speeds), (2, DRAWS))
    (ax, ay), (bx, by) = toward[first].T, toward[second].T
    determinant = ax * by - ay * bx
    is_usable = np.abs(determinant) > 0.05  # two points in one line tell nothing across it
    safe = np.where(is_usable, determinant, 1.0)
    u = -(speeds[first] * by - speeds[second] * ay) / safe
    v = -(speeds[second] * ax - speeds[first] * bx) / safe
    agree = np.abs(speeds[:, None] + toward @ np.stack([u, v])) <= AGREES_MPS  # (P, DRAWS)
    votes = np.where(is_usable, agree.sum(axis=0), 0)
    return np.asarray(agree[:, int(votes.argmax())] & bool(votes.any()))


def _fit(toward: NDArray[np.float64], speeds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the velocity (2,) by least squares."""
    return np.asarray(np.linalg.solve(toward.T @ toward, -(toward.T @ speeds)))


def _spread(toward: NDArray[np.float64]) -> float:
    return float(np.linalg.eigvalsh(toward.T @ toward / len(toward))[0])
