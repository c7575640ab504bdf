"""What walls stand between: the straight line from one place to another, cut with every wall of a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.world import Wall

if TYPE_CHECKING:
    from numpy.typing import NDArray

SKIN_M = 0.01  # what lies on a wall's face is not behind that wall
TINY = 1e-12


class Sightlines:
    """Lines of sight between the walls of a world."""

    def __init__(self, walls: Sequence[Wall]) -> None:
        self._middle_m = np.array([(one.x_m, one.y_m, one.height_m / 2) for one in walls]).reshape(-1, 3)
        self._half_m = np.array([(one.length_m, one.width_m, one.height_m) for one in walls]).reshape(-1, 3) / 2
        angles = np.array([one.heading_rad for one in walls])
        self._cos, self._sin = np.cos(angles), np.sin(angles)

    def are_blocked(self, eyes_m: NDArray[np.float64], places_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say for each place (P, 3), seen from its eye (P, 3) or all from one (3,), whether a wall hides it: (P,)."""
        return self.walls_between(eyes_m, places_m) > 0

    def walls_between(self, eyes_m: NDArray[np.float64], places_m: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return for each place (P, 3), and its eye (P, 3) or one for all (3,), how many walls are between: (P,)."""
        ways = places_m - eyes_m  # (P, 3)
        if not len(self._cos):
            return np.zeros(len(ways), np.int64)
        starts = self._in_walls(np.broadcast_to(eyes_m, ways.shape)[:, None] - self._middle_m)  # (P, W, 3)
        steps = self._in_walls(np.broadcast_to(ways[:, None], starts.shape))
        steps = np.where(np.abs(steps) < TINY, TINY, steps)
        one, other = (-self._half_m - starts) / steps, (self._half_m - starts) / steps
        enters, leaves = np.minimum(one, other).max(axis=2), np.maximum(one, other).min(axis=2)  # (P, W)
        length_m = np.sqrt((ways * ways).sum(axis=1))[:, None]
        is_cut = (enters < leaves) & (leaves > 0) & (enters * length_m < length_m - SKIN_M)
        return np.asarray(is_cut.sum(axis=1))

    def _in_walls(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn vectors (P, W, 3) into the axes of each wall: along it, across it, up."""
        x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
        return np.stack([x * self._cos + y * self._sin, y * self._cos - x * self._sin, z], axis=-1)
