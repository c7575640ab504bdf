"""Radar sweeps as one tensor: each padded to the same number of points, with a mask that says which are real."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FIELDS = 5  # x forward m, y m, z up m, radial velocity m/s, intensity dB
POINTS_MAX = 64  # of one sweep; three times what the sensor gives, and more of them tell nothing new

Points = NDArray[np.float32]
Valid = NDArray[np.bool_]


def clean(points: Points) -> Points:
    """Return the usable points of a sweep, (n, 5), at most POINTS_MAX: finite, and where more, evenly taken."""
    assert points.ndim == 2, points.shape
    assert points.shape[1] >= FIELDS, points.shape
    usable = points[:, :FIELDS][np.isfinite(points[:, :FIELDS]).all(axis=1)]
    if len(usable) > POINTS_MAX:
        usable = usable[np.linspace(0, len(usable) - 1, POINTS_MAX).astype(np.int64)]
    return usable.astype(np.float32)


def pack(sweeps: Sequence[Points], width: int | None = None) -> tuple[Points, Valid]:
    """Return points (T, P, 5) and which are real (T, P); P is `width`, or the most that a sweep has, at least 1."""
    kept = [clean(one) for one in sweeps]
    width = width if width is not None else max([1, *map(len, kept)])
    points = np.zeros((len(kept), width, FIELDS), np.float32)
    valid = np.zeros((len(kept), width), np.bool_)
    for row, one in enumerate(kept):
        count = min(len(one), width)
        points[row, :count] = one[:count]
        valid[row, :count] = True
    return points, valid
