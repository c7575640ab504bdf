"""The rig's pose, inertial sensor and calibrations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.inputs import input_fault
from perception.yard.motion import (
    ACCELERATION_NOISE_MPS2,
    GRAVITY_MPS2,
    IMU_HZ,
    POSE_HZ,
    ROTATION_NOISE_RADPS,
    RigMotion,
    calibrations,
)
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.world import RIG_HEIGHT_M
from runtime.messages import CalibrationInput, ImuInput, PoseInput
from tests.yard_by_hand import world_of

THERE_AND_BACK = ((0.0, 0.0, 0.0), (4.0, 0.0, 4.8), (8.0, 0.0, 0.0))
TURN = 0.02


def test_the_pose_integrates_its_velocity_and_its_rotation() -> None:
    motion = RigMotion(world_of(rig=THERE_AND_BACK, turn_radps=TURN), start_ns=5_000_000_000)
    poses = list(motion.poses(0, 8 * POSE_HZ + 1))
    assert [one.t_ns for one in poses[:3]] == [5_000_000_000, 5_050_000_000, 5_100_000_000]
    places = np.array([one.position_m for one in poses])
    assert (places[:, 2] == RIG_HEIGHT_M).all()
    velocities = np.array([one.velocity_mps for one in poses[:-1]])
    assert np.cumsum(velocities, axis=0) / POSE_HZ == pytest.approx(places[1:] - places[0], abs=1e-5)
    yaws = np.array([2 * np.arctan2(one.orientation[2], one.orientation[3]) for one in poses])
    assert yaws[0] == pytest.approx(np.pi / 2)  # it looks along the yard's y
    assert np.diff(yaws) == pytest.approx(TURN / POSE_HZ, abs=1e-7)
    assert {one.rotation_radps for one in poses} == {(0.0, 0.0, TURN)}


def test_a_standing_rig_feels_its_weight_and_noise_only() -> None:
    felt = list(RigMotion(world_of()).imu(0, 10 * IMU_HZ))
    accelerations = np.array([one.acceleration_mps2 for one in felt])
    rotations = np.array([one.rotation_radps for one in felt])
    assert accelerations.mean(axis=0) == pytest.approx([0.0, 0.0, GRAVITY_MPS2], abs=0.01)
    assert accelerations.std(axis=0) == pytest.approx([ACCELERATION_NOISE_MPS2] * 3, rel=0.1)
    assert rotations.mean(axis=0) == pytest.approx([0.0] * 3, abs=0.0005)
    assert rotations.std(axis=0) == pytest.approx([ROTATION_NOISE_RADPS] * 3, rel=0.1)


def test_what_the_rig_feels_adds_up_to_how_its_track_changes() -> None:
    motion = RigMotion(world_of(rig=THERE_AND_BACK, turn_radps=TURN))
    felt = list(motion.imu(0, 8 * IMU_HZ))
    forward, left, _ = np.array([one.acceleration_mps2 for one in felt]).T
    yaws = np.pi / 2 + TURN * np.arange(len(felt)) / IMU_HZ
    along = (forward * np.sin(yaws) + left * np.cos(yaws)) / IMU_HZ  # in the yard's y
    gained = np.cumsum(along)
    assert gained[395] == pytest.approx(0.0, abs=0.05)
    assert gained[415] - gained[395] == pytest.approx(-2.4, abs=0.02)  # from 1.2 m/s forward to 1.2 m/s back
    turned = np.cumsum([one.rotation_radps[2] for one in felt]) / IMU_HZ
    assert turned[-1] == pytest.approx(TURN * 8, abs=0.005)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 130), min_size=1, max_size=5), st.integers(0, 900))
def test_pieces_are_the_same_as_the_whole(sizes: list[int], first: int) -> None:
    motion = RigMotion(make_world(WorldSettings(drives=True), 3))
    starts = [first + sum(sizes[:number]) for number in range(len(sizes))]
    pieces = [one for start, size in zip(starts, sizes, strict=True) for one in motion.imu(start, size)]
    assert pieces == list(motion.imu(first, sum(sizes)))
    poses = [one for start, size in zip(starts, sizes, strict=True) for one in motion.poses(start, size)]
    assert poses == list(motion.poses(first, sum(sizes)))
    assert list(motion.imu(first, 0)) == []


def test_all_of_it_is_taken_at_perceptions_door() -> None:
    motion = RigMotion(make_world(WorldSettings(drives=True), 3))
    messages: list[PoseInput | ImuInput | CalibrationInput] = [
        *motion.poses(0, 20),
        *motion.imu(0, 20),
        *calibrations(),
    ]
    assert {input_fault(one) for one in messages} == {""}


def test_the_camera_projects_what_is_ahead_to_the_middle_and_its_border_at_40_degrees() -> None:
    camera = calibrations()[0]
    x, y, z, w = camera.orientation
    turn = np.array(  # from the camera's axes to the rig's
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )

    def seen(*place_m: float) -> tuple[float, float]:
        u, v, depth = np.reshape(camera.camera, (3, 3)) @ turn.T @ np.array(place_m)
        return float(u / depth), float(v / depth)

    assert seen(10.0, 0.0, 0.0) == pytest.approx((79.5, 59.5))
    assert seen(10.0, 10 * np.tan(np.deg2rad(40)), 0.0)[0] == pytest.approx(-0.5, abs=1e-3)  # left border of pixel 0
    assert seen(10.0, 0.0, 1.0)[1] < 59.5  # up is up


def test_all_sensors_are_placed() -> None:
    placed = {one.stream: one for one in calibrations(session="s", start_ns=9, radar="front")}
    assert set(placed) == {"camera", "events", "front", "microphones"}
    assert all(one.t_ns == 9 and one.session == "s" and one.frame == "base" for one in placed.values())
    assert placed["events"].camera == placed["camera"].camera
    assert placed["front"].camera == ()
