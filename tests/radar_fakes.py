"""Radar recordings that are made up: each activity moves at a pace and a speed of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perception.radar.sweeps import Points

ACTIVITIES = {"jump": 0.5, "walk": 2.0}  # Hz
SPEED = {"jump": 1, "walk": 4}  # steps of velocity
START_NS = 1_561_686_032_000_000_000
PERIOD_NS = 33_366_700


def sweeps(activity: str, seed: int, count: int) -> list[Points]:
    """Return sweeps (n, 5) of somebody who goes up and down at the activity's pace."""
    rng = np.random.default_rng(seed)
    drawn = []
    for row in range(count):
        points = np.zeros((int(rng.integers(12, 25)), 5), np.float32)
        height = np.sin(2 * np.pi * ACTIVITIES[activity] * row / 30)
        points[:, :3] = rng.normal([1.5, 0.0, height], 0.3, (len(points), 3))
        points[:, 3] = 0.6147 * SPEED[activity] * rng.integers(-1, 2, len(points))
        points[:, 4] = rng.normal(28, 2, len(points))
        drawn.append(points)
    return drawn


def write_recording(folder: Path, activity: str, name: str, seed: int, count: int = 90) -> Path:
    """Write one as CLASS/NAME.npz."""
    drawn = sweeps(activity, seed, count)
    frame = np.repeat(np.arange(count, dtype=np.int32), [len(one) for one in drawn])
    path = folder / activity / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    t_ns = START_NS + frame.astype(np.int64) * PERIOD_NS + np.arange(len(frame))
    np.savez(path, t_ns=t_ns, frame=frame, points=np.concatenate(drawn), allow_pickle=False)
    return path


def write_folder(folder: Path) -> Path:
    """Write eight recordings, two of each activity and order of words."""
    for place, activity in enumerate(ACTIVITIES):
        for number in (1, 2):
            write_recording(folder, activity, f"__20_{activity}_{number}", seed=10 * place + number)
            write_recording(folder, activity, f"_{activity}_20_{number}", seed=10 * place + number + 5)
    return folder
