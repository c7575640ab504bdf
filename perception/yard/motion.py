"""How the rig moves, as its odometry and its inertial sensor tell, and where its sensors sit.

The rig's frame `base` is x forward, y left, z up; its origin is where the camera, the radar and the middle of the two
microphones are. `map` is the yard: x to the right, y forward at the start, z up from the ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.settings import stream_of
from perception.yard.world import RIG_HEIGHT_M, World
from runtime.messages import CalibrationInput, ImuInput, PoseInput, Quaternion, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
POSE_HZ = 20
IMU_HZ = 100
IMU_MEAN = 10  # measurements: the sensor's filter tells the mean of so long, so a jolt is seen and adds up
GRAVITY_MPS2 = 9.80665
ACCELERATION_NOISE_MPS2 = 0.05
ROTATION_NOISE_RADPS = 0.002
PAGE = IMU_HZ  # measurements whose noise is drawn at once, whoever asks for how many
DIGITS = 6
OPTICAL: Quaternion = (-0.5, 0.5, -0.5, 0.5)  # a camera's x is right, y is down and z is forward
AHEAD: Quaternion = (0.0, 0.0, 0.0, 1.0)


class RigMotion:
    """The rig of one world as messages; `start_ns` is the event time of the world's second 0."""

    def __init__(self, world: World, *, session: str = "yard", start_ns: int = 0) -> None:
        self._world = world
        self._session = session
        self._start_ns = start_ns
        self._seed = stream_of(world.seed, "imu")

    def poses(self, first: int, count: int, stream: str = "pose") -> Iterator[PoseInput]:
        """Yield `count` true poses from number `first` on; number n is that at n / POSE_HZ seconds."""
        numbers = np.arange(first, first + count)
        states = self._world.states(numbers / POSE_HZ)
        for place, number in enumerate(numbers.tolist()):
            heading = float(states.rig_heading_rad[place])
            yield PoseInput(
                session=self._session,
                stream=stream,
                t_ns=self._at_ns(number / POSE_HZ),
                seq=number + 1,
                position_m=_vector([*states.rig_m[place], RIG_HEIGHT_M]),
                orientation=(0.0, 0.0, round(float(np.sin(heading / 2)), 9), round(float(np.cos(heading / 2)), 9)),
                velocity_mps=_vector([*states.rig_mps[place], 0.0]),
                rotation_radps=_vector([0.0, 0.0, self._world.rig_turn_radps]),
            )

    def imu(self, first: int, count: int, stream: str = "imu") -> Iterator[ImuInput]:
        """Yield `count` measurements from number `first` on; number n is taken at n / IMU_HZ seconds."""
        numbers = np.arange(first, first + count)
        accelerations, rotations = self._felt(numbers)
        noise = self._noise(numbers)
        accelerations = accelerations + ACCELERATION_NOISE_MPS2 * noise[:, :3]
        rotations = rotations + ROTATION_NOISE_RADPS * noise[:, 3:]
        for place, number in enumerate(numbers.tolist()):
            yield ImuInput(
                session=self._session,
                stream=stream,
                t_ns=self._at_ns(number / IMU_HZ),
                seq=number + 1,
                acceleration_mps2=_vector(accelerations[place]),
                rotation_radps=_vector(rotations[place]),
            )

    def _felt(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what an ideal sensor tells in its own axes: specific forces (T, 3) and rotations (T, 3)."""
        states = self._world.states(numbers / IMU_HZ)
        rises_mps = states.rig_mps - self._world.rig.velocity_mps((numbers - IMU_MEAN) / IMU_HZ)
        x, y = (rises_mps * IMU_HZ / IMU_MEAN).T
        cos, sin = np.cos(states.rig_heading_rad), np.sin(states.rig_heading_rad)
        flat = np.zeros(len(numbers))
        forces = np.stack([x * cos + y * sin, y * cos - x * sin, flat + GRAVITY_MPS2], axis=1)
        return forces, np.stack([flat, flat, flat + self._world.rig_turn_radps], axis=1)

    def _noise(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (T, 6) of deviation 1, of each measurement its own."""
        pages = {
            page: np.random.default_rng((self._seed, page)).standard_normal((PAGE, 6))
            for page in np.unique(numbers // PAGE).tolist()
        }
        return np.array([pages[number // PAGE][number % PAGE] for number in numbers.tolist()]).reshape(-1, 6)

    def _at_ns(self, t_s: float) -> int:
        return self._start_ns + round(t_s * NS_PER_S)


def camera_matrix(width_px: int, height_px: int, view_deg: float) -> tuple[float, ...]:
    """Return fx 0 cx, 0 fy cy, 0 0 1 of a pinhole with square pixels, which sees so wide; whole numbers are pixels."""
    focal_px = round(width_px / 2 / float(np.tan(np.deg2rad(view_deg) / 2)), DIGITS)
    return (focal_px, 0.0, (width_px - 1) / 2, 0.0, focal_px, (height_px - 1) / 2, 0.0, 0.0, 1.0)


def calibrations(
    *,
    session: str = "yard",
    start_ns: int = 0,
    camera: str = "camera",
    events: str = "events",
    radar: str = "radar",
    microphones: str = "microphones",
    width_px: int = 160,
    height_px: int = 120,
    view_deg: float = 80.0,
) -> tuple[CalibrationInput, ...]:
    """Return where each sensor sits, by the names of their streams; the microphones are left and right of theirs."""
    matrix = camera_matrix(width_px, height_px, view_deg)
    eyes = tuple(
        CalibrationInput(
            session=session,
            stream=stream,
            t_ns=start_ns,
            seq=1,
            orientation=OPTICAL,
            width_px=width_px,
            height_px=height_px,
            model="plumb_bob",
            camera=matrix,
            distortion=(0.0,) * 5,
        )
        for stream in (camera, events)
    )
    others = tuple(
        CalibrationInput(session=session, stream=stream, t_ns=start_ns, seq=1, orientation=AHEAD)
        for stream in (radar, microphones)
    )
    return eyes + others


def _vector(values: Iterable[float]) -> Vector:
    x, y, z = (round(float(value), DIGITS) for value in values)
    return x, y, z
