"""Tracks: a thing at constant velocity is found and followed, noise is not, and what is gone is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from perception.tracking.clusters import Cluster
from perception.tracking.kalman import ConstantVelocity
from perception.tracking.tracks import CONFIRMED_PATIENCE_NS, TRACKS_MAX, Standing, Track, Tracker

NOTHING = Standing(places_m=np.zeros((0, 2)), toward=np.zeros((0, 2)), speeds_mps=np.zeros(0))
STEP_NS = 50_000_000


def cluster(x: float, y: float, vx: float, vy: float, *, fresh: int = 2) -> Cluster:
    toward = np.array([x, y]) / np.hypot(x, y)
    speed_mps = float(toward @ [vx, vy])
    place = np.array([x, y])
    return Cluster(place_m=place, toward=toward, speed_mps=speed_mps, spread_m=0.3, count=4, fresh=fresh, strength=0.0)


def followed(steps: int, noise_m: float = 0.3, seed: int = 0) -> tuple[Tracker, list[list[Track]]]:
    """Follow a thing from (20, 5) at (-3, 1) m/s."""
    draw, tracker, told = np.random.default_rng(seed), Tracker(), []
    for step in range(steps):
        t_s = step * STEP_NS / 1e9
        x, y = np.array([20 - 3 * t_s, 5 + t_s]) + noise_m * draw.standard_normal(2)
        told.append(tracker.step([cluster(x, y, -3, 1)], step * STEP_NS, NOTHING))
    return tracker, told


def test_a_filter_finds_the_velocity_across_the_line_of_sight_too() -> None:
    motion = ConstantVelocity(np.array([10.0, 0.0]), np.array([1.0, 0.0]), -1.0)
    assert motion.state == pytest.approx([10, 0, -1, 0])
    for step in range(1, 101):
        motion.predict(0.05)
        x, y = 10 - 0.05 * step, 0.1 * step
        toward = np.array([x, y]) / np.hypot(x, y)
        motion.update(np.array([x, y]), toward, float(toward @ [-1, 2]))
    assert motion.state == pytest.approx([5, 10, -1, 2], abs=0.05)
    assert np.allclose(motion.covariance, motion.covariance.T)
    assert (np.linalg.eigvalsh(motion.covariance) > 0).all()


def test_an_update_is_that_of_the_information_form() -> None:
    """The same from the inverse covariance: what is known adds up."""
    toward = np.array([0.6, 0.8])
    motion = ConstantVelocity(np.array([3.0, 4.0]), toward, 1.0)
    motion.predict(0.1)
    look = np.zeros((3, 4))
    look[0, 0] = look[1, 1] = 1
    look[2, 2:] = toward
    weight = np.diag([1 / 0.49, 1 / 0.49, 1 / 0.25])
    before = np.linalg.inv(motion.covariance)
    after = before + look.T @ weight @ look
    state = np.linalg.solve(after, before @ motion.state + look.T @ weight @ np.array([3.4, 4.1, 1.3]))
    motion.update(np.array([3.4, 4.1]), toward, 1.3)
    assert motion.state == pytest.approx(state)
    assert motion.covariance == pytest.approx(np.linalg.inv(after))


def test_a_thing_is_told_of_after_a_while_and_keeps_its_number() -> None:
    tracker, told = followed(60)
    assert [len(tracks) for tracks in told[:4]] == [0, 0, 0, 0]
    assert {track.number for tracks in told[5:] for track in tracks} == {1}
    assert all(len(tracks) == 1 for tracks in told[5:])
    assert tracker.tracks[0].motion.state == pytest.approx([20 - 3 * 2.95, 5 + 2.95, -3, 1], abs=0.6)


def test_the_same_clusters_give_the_same_tracks() -> None:
    states = [followed(40)[0].tracks[0].motion.state.tolist() for _ in range(2)]
    assert states[0] == states[1]


def test_noise_is_never_confirmed() -> None:
    draw, tracker = np.random.default_rng(1), Tracker()
    for step in range(400):
        reach, azimuth, speed = draw.uniform(3, 45), draw.uniform(-1, 1), draw.uniform(-15, 15)
        x, y = reach * np.cos(azimuth), reach * np.sin(azimuth)
        one = cluster(x, y, speed * np.cos(azimuth), speed * np.sin(azimuth))
        assert tracker.step([one], step * STEP_NS, NOTHING) == []
    assert len(tracker.tracks) < 8


def test_what_is_gone_is_forgotten_and_what_comes_back_late_is_another_one() -> None:
    tracker, _ = followed(30)
    t_ns = 30 * STEP_NS
    assert tracker.step([], t_ns, NOTHING) == []
    assert [track.number for track in tracker.tracks] == [1]
    while t_ns <= 30 * STEP_NS + CONFIRMED_PATIENCE_NS:
        tracker.step([], t_ns, NOTHING)
        t_ns += STEP_NS
    assert tracker.tracks == []
    tracker.step([cluster(15, 6, -3, 1)], t_ns, NOTHING)
    assert [track.number for track in tracker.tracks] == [2]


def test_a_long_pause_begins_anew() -> None:
    tracker, _ = followed(30)
    assert tracker.step([cluster(15, 6, -3, 1)], 30 * STEP_NS + 2_000_000_000, NOTHING) == []
    assert [track.number for track in tracker.tracks] == [2]


def test_what_turns_across_the_line_of_sight_is_held_by_points_that_seem_to_stand() -> None:
    tracker, _ = followed(30)
    x, y, vx, vy = tracker.tracks[0].motion.state.tolist()
    told = []
    for step in range(30, 60):
        t_s = (step - 29) * STEP_NS / 1e9
        place = np.array([[x + vx * t_s, y + vy * t_s]])
        aim = place / np.hypot(*place[0])
        standing = Standing(places_m=place, toward=aim, speeds_mps=aim @ np.array([vx, vy]))
        told.append(tracker.step([], step * STEP_NS, standing))
    assert [[track.number for track in tracks] for tracks in told] == [[1]] * 30


def test_two_that_cross_keep_their_numbers() -> None:
    tracker = Tracker()
    for step in range(80):
        t_s = step * STEP_NS / 1e9
        pair = [cluster(20 - 4 * t_s, 3, -4, 0), cluster(8 + 3 * t_s, 4.5, 3, 0)]
        tracker.step(pair if step % 2 else pair[::-1], step * STEP_NS, NOTHING)
    assert sorted((track.number, round(float(track.motion.state[2]))) for track in tracker.tracks) in (
        [(1, -4), (2, 3)],
        [(1, 3), (2, -4)],
    )


def test_the_number_of_tracks_is_bounded() -> None:
    tracker = Tracker()
    many = [cluster(3 + 5 * (n % 20), 5 * (n // 20) - 50, 2 + n % 3, 0) for n in range(400)]
    for step in range(10):
        tracker.step(many, step * STEP_NS, NOTHING)
    assert len(tracker.tracks) == TRACKS_MAX
