"""Where the rig is and how it moves at a sweep's time, from the poses that came up to then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.inputs import DataSample
from runtime.messages import CalibrationInput, PoseInput, Quaternion, Record

SPAN_NS = 150_000_000  # velocities are differences over so long: shorter ones are noise, longer ones late
STALE_NS = 1_000_000_000  # a pose older than that says nothing of now, and after such a gap all begins anew
KEPT_NS = 2_000_000_000
POSES_MAX = 4_096
FASTEST_MPS = 100.0  # between two poses; a faster one is a jump: the rig was placed anew

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EgoMotion:
    """The sensor at one moment: from its axes to a frame that stands, and how it moves, in its own axes."""

    rotation: Matrix  # (3, 3)
    position_m: Matrix  # (3,)
    velocity_mps: Matrix  # (3,)
    epoch: int = 0  # counts up where the frame that stands is another one

    def to_frame(self, places: NDArray[np.float64]) -> Matrix:
        """Return places (P, 3) of the sensor's axes in the frame that stands."""
        return np.asarray(places @ self.rotation.T + self.position_m)

    def from_frame(self, places: NDArray[np.float64]) -> Matrix:
        """Return places (P, 3) of the frame that stands in the sensor's axes."""
        return np.asarray((places - self.position_m) @ self.rotation)


def rotation_of(orientation: Quaternion) -> Matrix:
    """Return the (3, 3) rotation of a quaternion x, y, z, w; its length does not matter."""
    x, y, z, w = np.asarray(orientation, np.float64) / np.linalg.norm(orientation)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def turned(rotation: Matrix) -> Matrix:
    """Return the rotation vector (3,) of a rotation (3, 3): axis times angle; (0, 0, 0) for none."""
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = float(np.linalg.norm(axis)) / 2
    angle = float(np.arctan2(sine, (np.trace(rotation) - 1) / 2))
    return axis / (2 * sine) * angle if sine > 1e-12 else np.zeros(3)


class Poses:
    """The newest poses of one stream; one thread puts them in, another asks."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._known: deque[tuple[int, Matrix, Matrix]] = deque(maxlen=POSES_MAX)  # t_ns, position, rotation
        self._epoch = 0

    def put(self, sample: DataSample) -> None:
        """Take the next pose; one that is not newer is left out."""
        message = sample.message
        assert isinstance(message, PoseInput)
        position = np.asarray(message.position_m, np.float64)
        with self._lock:
            if self._known and sample.t_ns <= self._known[-1][0]:
                return
            if self._known and self._is_jump(sample.t_ns, position):
                self._known.clear()
                self._epoch += 1
            self._known.append((sample.t_ns, position, rotation_of(message.orientation)))
            while sample.t_ns - self._known[0][0] > KEPT_NS:
                self._known.popleft()

    def _is_jump(self, t_ns: int, position: Matrix) -> bool:
        before_ns, before, _ = self._known[-1]
        passed_ns = t_ns - before_ns
        return passed_ns > STALE_NS or float(np.linalg.norm(position - before)) * 1e9 > FASTEST_MPS * passed_ns

    def at(self, t_ns: int, place: CalibrationInput | None = None) -> EgoMotion | None:
        """Return how a sensor that sits at `place` moves, from poses up to `t_ns`; None where too few are known."""
        with self._lock:
            known = [one for one in self._known if one[0] <= t_ns]
            epoch = self._epoch
        if len(known) < 2 or t_ns - known[-1][0] > STALE_NS:
            return None
        newest_ns, position, rotation = known[-1]
        since_ns, before, rotation_before = next(
            (one for one in reversed(known[:-1]) if newest_ns - one[0] >= SPAN_NS), known[0]
        )
        span_s = (newest_ns - since_ns) / 1e9
        velocity = (position - before) / span_s  # in the frame
        turning = rotation @ turned(rotation_before.T @ rotation) / span_s  # in the frame
        ahead_s = (t_ns - newest_ns) / 1e9
        return _mounted(
            position + velocity * ahead_s, _turn(turning * ahead_s) @ rotation, velocity, turning, place, epoch
        )


def _mounted(
    position: Matrix, rotation: Matrix, velocity: Matrix, turning: Matrix, place: CalibrationInput | None, epoch: int
) -> EgoMotion:
    """Return the motion of a sensor from that of its rig: the lever arm turns with it."""
    lever = rotation @ np.asarray(place.position_m if place is not None else (0.0, 0.0, 0.0), np.float64)
    mount = rotation_of(place.orientation) if place is not None else np.eye(3)
    axes = rotation @ mount
    return EgoMotion(
        rotation=axes,
        position_m=position + lever,
        velocity_mps=axes.T @ (velocity + np.cross(turning, lever)),
        epoch=epoch,
    )


def _turn(vector: Matrix) -> Matrix:
    """Return the rotation (3, 3) of a rotation vector (3,)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle * np.sin(angle / 2)
    return rotation_of((float(x), float(y), float(z), float(np.cos(angle / 2))))


class PoseStream:
    """The pipeline of poses: no record comes of them, radars of the session read them."""

    active_ns: int | None = None
    blind = ""
    blind_since_ns: int | None = None

    def __init__(self, poses: Poses) -> None:
        """Put all that comes into `poses`."""
        self._poses = poses

    def step(self, samples: Sequence[DataSample]) -> list[Record]:
        """Take the next poses."""
        for sample in samples:
            self._poses.put(sample)
        return []

    def finish(self) -> list[Record]:
        """Do nothing."""
        return []
