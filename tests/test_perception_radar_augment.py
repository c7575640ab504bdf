"""Augmentation: seeded, points stay points, and each change does what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perception.radar.augment import FAR_M, NEAR_M, Augmentation, augment, stretch
from perception.radar.sweeps import Points, Valid, pack
from tests.radar_fakes import sweeps

OFF = Augmentation(
    mirror=0, shift_m=(0, 0, 0), scale=(0, 0, 0), tilt_rad=0, jitter_m=0, louder_db=0, thin=0, slow=0, other_room=0,
    no_room=0, points_max=99,
)  # fmt: skip


def batch() -> tuple[Points, Valid]:
    packed = [pack(sweeps("walk", seed, 20), 30) for seed in range(4)]
    points, valid = np.stack([p for p, _ in packed]), np.stack([v for _, v in packed])
    points[:, :, 0, 0], points[:, :, 1, 0] = 0.1, 4.5  # echo and wall
    points[:, :, :2, 3] = 0
    points[..., 4] += 10 * np.arange(4)[:, None, None]  # tells whose a point is
    points[~valid] = 0
    return points, valid


def as_sets(points: Points, valid: Valid) -> list[list[frozenset[tuple[float, ...]]]]:
    return [
        [frozenset(map(tuple, p[v].tolist())) for p, v in zip(*window, strict=True)]
        for window in zip(points, valid, strict=True)
    ]


def test_with_all_off_the_points_are_the_same() -> None:
    points, valid = batch()
    assert as_sets(*augment(points, valid, np.random.default_rng(0), OFF)) == as_sets(points, valid)


def test_the_same_draws_give_the_same_and_the_input_is_left_alone() -> None:
    points, valid = batch()
    kept = points.copy()
    first = augment(points, valid, np.random.default_rng(1), Augmentation())
    again = augment(points, valid, np.random.default_rng(1), Augmentation())
    other = augment(points, valid, np.random.default_rng(2), Augmentation())
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert np.array_equal(points, kept)
    assert first[0].dtype == np.float32
    assert first[0].shape[2] == 24
    assert np.isfinite(first[0]).all()
    assert (first[0][~first[1]] == 0).all()


def test_mirror_changes_left_and_right_only() -> None:
    points, valid = batch()
    mirrored, kept = augment(points, valid, np.random.default_rng(0), replace(OFF, mirror=1.0))
    points[..., 1] *= -1
    assert as_sets(mirrored, kept) == as_sets(points, valid)


def test_without_a_room_only_what_is_between_or_moves_stays() -> None:
    points, valid = batch()
    left, kept = augment(points, valid, np.random.default_rng(0), replace(OFF, no_room=1.0))
    found = left[kept]
    assert ((found[:, 0] >= NEAR_M) & (found[:, 0] <= FAR_M) | (found[:, 3] != 0)).all()
    assert kept.sum() < valid.sum()


def test_another_room_brings_the_surroundings_of_the_window_before() -> None:
    points, valid = batch()
    mixed, kept = augment(points, valid, np.random.default_rng(0), replace(OFF, other_room=1.0))
    for row in range(4):
        found = mixed[row][kept[row]]
        around = ((found[:, 0] < NEAR_M) | (found[:, 0] > FAR_M)) & (found[:, 3] == 0)
        whose = np.round((found[:, 4] - 28) / 10)
        assert around.any()
        assert np.median(whose[around]) == (row - 1) % 4
        assert np.median(whose[~around]) == row


def test_thinning_and_slowing_stay_within_their_share() -> None:
    points, valid = batch()
    _, kept = augment(points, valid, np.random.default_rng(0), replace(OFF, thin=0.5))
    assert 0.4 * valid.sum() < kept.sum() < valid.sum()
    slowed, kept = augment(points, valid, np.random.default_rng(0), replace(OFF, slow=0.5))
    before, after = (points[valid][:, 3] != 0).sum(), (slowed[kept][:, 3] != 0).sum()
    assert 0.4 * before < after < before


@pytest.mark.parametrize("pace", [0.5, 1.0, 1.7])
def test_stretching_plays_faster_or_slower(pace: float) -> None:
    points = np.arange(100, dtype=np.float32)[:, None, None] * np.ones((1, 2, 5), np.float32)
    valid = np.ones((100, 2), np.bool_)
    window, _ = stretch(points, valid, 3.0, pace, 40)
    assert np.abs(window[:, 0, 0] - (3 + pace * np.arange(40))).max() <= 0.5
    assert len(stretch(points, valid, 90.0, pace, 40)[0]) == 40  # stays at the last sweep
