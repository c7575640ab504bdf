"""One thing at constant velocity: a Kalman filter over x, y, vx, vy, measured by its place and its radial speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PUSH_MPS2 = 2.0  # deviation of what changes the velocity
PLACE_M = 0.7  # of a cluster's middle against the thing's: a radar sees the faces that look at it
SPEED_MPS = 0.5  # of its radial speed: limbs and wheels
UNKNOWN_MPS = 4.0  # across the line of sight, at birth


class ConstantVelocity:
    """State (4,) and covariance (4, 4) in a frame that stands."""

    def __init__(self, place_m: NDArray[np.float64], toward: NDArray[np.float64], speed_mps: float) -> None:
        """Begin where a cluster is, with its radial speed."""
        self.state = np.concatenate([place_m, speed_mps * toward])
        along = np.outer(toward, toward)
        self.covariance = np.zeros((4, 4))
        self.covariance[:2, :2] = PLACE_M**2 * np.eye(2)
        self.covariance[2:, 2:] = SPEED_MPS**2 * along + UNKNOWN_MPS**2 * (np.eye(2) - along)

    def predict(self, passed_s: float) -> None:
        """Go on at the same velocity; what is not known grows (white acceleration)."""
        step = np.eye(4)
        step[0, 2] = step[1, 3] = passed_s
        push = np.zeros((4, 2))
        push[:2] = np.eye(2) * passed_s**2 / 2
        push[2:] = np.eye(2) * passed_s
        self.state = step @ self.state
        self.covariance = step @ self.covariance @ step.T + PUSH_MPS2**2 * push @ push.T

    def distance(self, place_m: NDArray[np.float64], toward: NDArray[np.float64], speed_mps: float) -> float:
        """Return the squared Mahalanobis distance of a measurement."""
        off, _, spread = self._innovation(place_m, toward, speed_mps, 1.0)
        return float(off @ np.linalg.solve(spread, off))

    def update(
        self, place_m: NDArray[np.float64], toward: NDArray[np.float64], speed_mps: float, noise: float = 1.0
    ) -> None:
        """Take a measurement; `noise` scales its variances."""
        off, look, spread = self._innovation(place_m, toward, speed_mps, noise)
        gain = np.linalg.solve(spread, look @ self.covariance).T  # (4, 3)
        self.state = self.state + gain @ off
        kept = np.eye(4) - gain @ look
        rest = gain @ _noise(noise) @ gain.T
        self.covariance = kept @ self.covariance @ kept.T + rest  # Joseph's form stays symmetric

    def _innovation(
        self, place_m: NDArray[np.float64], toward: NDArray[np.float64], speed_mps: float, noise: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return how far off the measurement is (3,), how it follows from the state (3, 4), and its covariance."""
        look = np.zeros((3, 4))
        look[0, 0] = look[1, 1] = 1.0
        look[2, 2:] = toward
        off = np.append(place_m, speed_mps) - look @ self.state
        return off, look, look @ self.covariance @ look.T + _noise(noise)


def _noise(scale: float) -> NDArray[np.float64]:
    return scale * np.diag([PLACE_M**2, PLACE_M**2, SPEED_MPS**2])
