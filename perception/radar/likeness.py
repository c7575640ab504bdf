"""Whether a window is like what a model was trained on: some numbers of it, each within what training windows had.

A classifier names one of its classes whatever it is given. Sweeps of a radar on a car, or of an empty hall, are to be
known as something else, and that takes no learning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.radar.recordings import Recording, windows
from perception.radar.sweeps import Points, Valid

NAMES = ("points a sweep", "range m", "width m", "height m", "share beyond 6 m", "moving share", "intensity dB")
FAR_M = 6.0
MARGIN = 0.25  # of what training windows span, to either side
FEW = 1.0  # points a sweep, below which nothing else is worth measuring

Limits = dict[str, tuple[float, float]]


def numbers(points: Points, valid: Valid) -> dict[str, float]:
    """Return the numbers of one window: points (T, P, 5), valid (T, P); only the first where it is nearly empty."""
    kept = points[valid]
    count = len(kept) / max(1, len(points))
    if count < FEW:
        return {NAMES[0]: count}
    away = np.linalg.norm(kept[:, :3], axis=1)
    values = (
        count,
        float(kept[:, 0].mean()),
        float(kept[:, 1].std()),
        float(kept[:, 2].std()),
        float((away > FAR_M).mean()),
        float((np.abs(kept[:, 3]) > 0.3).mean()),
        float(kept[:, 4].mean()),
    )
    return dict(zip(NAMES, values, strict=True))


def limits_of(recordings: Sequence[Recording]) -> Limits:
    """Return between what the numbers of all windows lie, and a margin."""
    told = [
        numbers(points, valid)
        for one in recordings
        for points, valid in zip(*windows([one], [(0, first) for first in one.starts()]), strict=True)
    ]
    found: Limits = {}
    for name in NAMES:
        values = [row[name] for row in told if name in row]
        low, high = min(values), max(values)
        found[name] = (low - MARGIN * (high - low), high + MARGIN * (high - low))
    return found


def unlike(points: Points, valid: Valid, limits: Limits) -> str:
    """Return what is unlike the training windows, an empty text where nothing is."""
    for name, value in numbers(points, valid).items():
        low, high = limits[name]
        if not low <= value <= high:
            return f"{name}: {value:.3g}, known is {low:.3g} to {high:.3g}"
    return ""
