"""Ego motion: velocities from poses with the lever arm, Doppler against the closed form, and sweeps without a pose."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.inputs import DataSample
from perception.tracking.ego import compensate, estimate_velocity
from perception.tracking.points import V_COMP, V_R, canonical
from perception.tracking.poses import Poses, rotation_of, turned
from perception.yard.motion import RigMotion
from perception.yard.radar import Radar
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, seed_of
from runtime.messages import CalibrationInput, PoseInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIELDS = "x y z rcs v_r".split()
S = 1_000_000_000


def pose(t_ns: int, x: float, y: float, heading: float) -> DataSample:
    turn = (0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2))
    return DataSample(
        t_ns=t_ns, seq=0, message=PoseInput(session="s", stream="p", position_m=(x, y, 0.0), orientation=turn)
    )


def standing(velocity: tuple[float, float], count: int = 200, seed: int = 0) -> NDArray[np.float32]:
    """Return points (P, 7) that stand, as a sensor that moves so sees them."""
    draw = np.random.default_rng(seed)
    azimuth, reach = draw.uniform(-1, 1, count), draw.uniform(2, 40, count)
    rows = np.zeros((count, 5))
    rows[:, 0], rows[:, 1] = reach * np.cos(azimuth), reach * np.sin(azimuth)
    rows[:, 4] = -(np.cos(azimuth) * velocity[0] + np.sin(azimuth) * velocity[1])
    return canonical(rows.astype(np.float32), FIELDS).points


def test_on_a_circle_the_lever_arm_adds_what_turns() -> None:
    """A rig on a circle of radius 10 m at 1 rad/s; the sensor sits 2 m ahead and looks left."""
    poses = Poses()
    for step in range(21):
        angle = step * 0.005
        poses.put(pose(step * 5_000_000, 10 * math.sin(angle), 10 - 10 * math.cos(angle), angle))
    quarter = (0.0, 0.0, math.sin(math.pi / 4), math.cos(math.pi / 4))
    place = CalibrationInput(session="s", stream="r", position_m=(2.0, 0.0, 0.0), orientation=quarter)
    ego = poses.at(100_000_000, place)
    assert ego is not None
    # The rig drives 10 m/s ahead, its nose swings 2 m/s to the left; differences over 0.1 s are 0.05 s old.
    assert ego.velocity_mps == pytest.approx([2.0, -10.0, 0.0], abs=0.6)
    assert ego.from_frame(ego.to_frame(np.array([[3.0, 4.0, 5.0]]))) == pytest.approx(np.array([[3.0, 4.0, 5.0]]))
    nose = np.array([10 * math.sin(0.1) + 2 * math.cos(0.1), 10 - 10 * math.cos(0.1) + 2 * math.sin(0.1), 0.0])
    assert ego.position_m == pytest.approx(nose)


def test_poses_later_than_asked_for_do_not_count_and_old_ones_tell_nothing() -> None:
    poses = Poses()
    assert poses.at(0) is None
    for t_ns, x in ((0, 0.0), (S // 10, 0.1), (2 * S // 10, 0.2), (3 * S // 10, 9.0)):
        poses.put(pose(t_ns, x, 0.0, 0.0))
    ego = poses.at(S // 4)
    assert ego is not None
    assert ego.velocity_mps == pytest.approx([1, 0, 0])
    assert ego.position_m == pytest.approx([0.25, 0, 0])  # goes on as it went
    assert poses.at(2 * S) is None


def test_a_jump_and_a_pause_of_poses_begin_another_frame() -> None:
    poses = Poses()
    for t_ns, x in ((0, 0.0), (S // 10, 0.1), (2 * S // 10, 500.0)):
        poses.put(pose(t_ns, x, 0.0, 0.0))
    assert poses.at(2 * S // 10) is None
    poses.put(pose(3 * S // 10, 500.1, 0.0, 0.0))
    jumped = poses.at(3 * S // 10)
    assert jumped is not None
    assert (jumped.epoch, jumped.velocity_mps.tolist()) == (1, pytest.approx([1, 0, 0]))
    poses.put(pose(3 * S // 10, 700.0, 0.0, 0.0))  # not newer: left out
    poses.put(pose(3 * S, 500.2, 0.0, 0.0))
    assert poses.at(3 * S) is None


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0.01, 3.0))
def test_a_rotation_vector_is_axis_times_angle(axis: tuple[float, float, float], angle: float) -> None:
    length = math.hypot(*axis)
    if length < 0.1:
        return
    unit = np.array(axis) / length
    x, y, z = (unit * math.sin(angle / 2)).tolist()
    assert turned(rotation_of((x, y, z, math.cos(angle / 2)))) == pytest.approx(unit * angle, abs=1e-6)


@given(st.floats(-20, 20), st.floats(-5, 5), st.floats(-8, 8))
def test_compensated_speed_is_what_the_thing_itself_does(forward: float, left: float, own: float) -> None:
    points = standing((forward, left))
    points[:50, V_R] += own  # these move along the line of sight
    speeds = compensate(points, np.array([forward, left, 0.0]))[:, V_COMP]
    assert speeds[:50] == pytest.approx(np.full(50, own), abs=1e-4)
    assert speeds[50:] == pytest.approx(np.zeros(150), abs=1e-4)


@given(st.floats(-20, 20), st.floats(-5, 5), st.integers(0, 80), st.integers(0, 5))
def test_a_sweep_tells_its_sensors_motion_although_many_points_move(
    forward: float, left: float, movers: int, seed: int
) -> None:
    points = standing((forward, left), seed=seed)
    draw = np.random.default_rng(seed)
    points[:movers, V_R] += draw.uniform(2, 12, movers).astype(np.float32)
    found = estimate_velocity(points)
    assert found is not None
    assert found.velocity_mps == pytest.approx([forward, left, 0.0], abs=0.05)
    assert found.share == pytest.approx(1 - movers / 200, abs=0.1)


def test_too_few_points_or_no_agreement_or_one_direction_tell_nothing() -> None:
    assert estimate_velocity(standing((3, 0), count=0)) is None
    assert estimate_velocity(standing((3, 0), count=8)) is None
    noise = standing((3, 0))
    noise[:, V_R] = np.random.default_rng(1).uniform(-30, 30, len(noise))
    assert estimate_velocity(noise) is None
    ahead = standing((3, 0))
    ahead[:, 1] = 0
    assert estimate_velocity(ahead) is None


def test_a_sweep_and_the_poses_of_a_yard_agree_with_its_truth() -> None:
    world = make_world(WorldSettings(split="train", drives=True), seed_of("train", 3))
    radar, poses = Radar(world), Poses()
    errors = []
    for number, message in enumerate(RigMotion(world).poses(0, 60)):
        assert message.t_ns is not None
        poses.put(DataSample(t_ns=message.t_ns, seq=number, message=message))
        ego = poses.at(message.t_ns)
        if ego is None:
            continue
        states = world.states(np.array([number / 20]))
        heading, (x, y) = states.rig_heading_rad[0], states.rig_mps[0]
        true = [x * np.cos(heading) + y * np.sin(heading), y * np.cos(heading) - x * np.sin(heading), 0.0]
        assert ego.velocity_mps == pytest.approx(true, abs=0.25)
        if number % 4 == 0:
            found = estimate_velocity(canonical(radar.sweep(number / 20), FIELDS).points)
            assert found is not None
            errors.append(np.abs(found.velocity_mps - true).max())
    assert np.median(errors) < 0.1
