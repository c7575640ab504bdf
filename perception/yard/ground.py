"""What is behind everything: the sky, and ground whose texture is fixed in the yard, so that a driving rig sees flow.

The texture repeats every `TILE_M`. Farther rows read a smoother copy of it, as a lens would see it; without that, far
ground would flicker while the rig drives.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.lens import FAR_M, Lens
from perception.yard.settings import stream_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXELS = 256  # of a tile, along each side; a power of two
TEXEL_M = 0.05
TILE_M = TEXELS * TEXEL_M
LEVELS = 7  # each twice as smooth as the one before
ROUGHNESS = 0.15  # standard deviation of the brightness, nearest level
SKY = (150, 180, 215)
GROUND = (112, 108, 98)
BRIGHTER = 0.25  # by so much the sky is brighter at the horizon than at the top of the picture


class Ground:
    """Brightness of sky and ground, around 1, as the lens sees them."""

    def __init__(self, lens: Lens, seed: int) -> None:
        self._horizon = horizon = int((lens.ground_m >= FAR_M).sum())  # rows of sky, and ground too far to tell
        depth = lens.ground_m[horizon:]
        self._depth = depth.astype(np.float32)[:, None] / np.float32(TEXEL_M)
        self._right = (depth[:, None] * lens.right).astype(np.float32) / np.float32(TEXEL_M)
        wide_m = depth * depth / (1.4 * lens.focal_px)  # how much ground a row covers
        level = np.clip(np.rint(np.log2(np.maximum(wide_m / TEXEL_M / 2, 1.0))), 0, LEVELS - 1)
        self._first = (level.astype(np.int32) * TEXELS * TEXELS)[:, None]
        draw = np.random.default_rng(stream_of(seed, "ground"))
        self._from = draw.integers(0, TEXELS, 2).astype(np.float64) + 2.0**14  # nothing is below zero
        self.depth_m = np.repeat(lens.ground_m.astype(np.float32)[:, None], lens.width_px, axis=1)  # (H, W)
        self.surface = np.zeros((lens.height_px, lens.width_px), np.int16)  # 0 sky, 1 ground
        self.surface[horizon:] = 1
        heights = np.linspace(0.0, 1.0, horizon, dtype=np.float32)[:, None]
        self._sky = 1.0 + np.float32(BRIGHTER) * np.repeat(heights, lens.width_px, axis=1)

    def shade(self, rig_m: NDArray[np.float64], ahead: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return (H, W) for a rig at `rig_m` (2,) that looks along `ahead` (2,), cosine and sine of its heading."""
        cosine, sine = ahead.astype(np.float32)
        x_from, y_from = (rig_m / TEXEL_M + self._from).astype(np.float32)
        x = (self._right * sine + (self._depth * cosine + x_from)).astype(np.int32) & (TEXELS - 1)
        y = (self._right * -cosine + (self._depth * sine + y_from)).astype(np.int32) & (TEXELS - 1)
        y <<= TEXELS.bit_length() - 1
        y += x
        y += self._first
        return np.concatenate([self._sky, _texture().take(y)])


@lru_cache(maxsize=1)
def _texture() -> NDArray[np.float32]:
    """Return all levels (LEVELS * TEXELS * TEXELS,): spots of some 0.2 m, with larger patches below them."""
    draw = np.random.default_rng(stream_of(0, "texture"))
    spots = _smoothed(draw.integers(-128, 128, (TEXELS, TEXELS)).astype(np.float64), 3)
    patches = _smoothed(draw.integers(-128, 128, (TEXELS, TEXELS)).astype(np.float64), 17)
    level = spots / _spread(spots) + 0.7 * patches / _spread(patches)
    level = 1.0 + ROUGHNESS * level / _spread(level)
    levels = []
    for number in range(LEVELS):
        levels.append(np.clip(level, 0.4, 1.6))
        step = 1 << number
        for axis in (0, 1):
            level = (level + np.roll(level, step if number % 2 else -step, axis)) / 2
    return np.round(np.concatenate([level.ravel() for level in levels]), 4).astype(np.float32)


def _smoothed(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the sums over windows of that width, twice, around the edges too; the sums of integers are exact."""
    for axis in (0, 1, 0, 1):
        values = sum((np.roll(values, shift, axis) for shift in range(-(width // 2), width // 2 + 1)), 0.0 * values)
    return values


def _spread(values: NDArray[np.float64]) -> float:
    return float(np.round(values.std(), 3))
