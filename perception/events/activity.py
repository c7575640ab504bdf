"""Where an event camera sees more than it does at rest: a coarse grid of rates against a background that learns slowly.

A cell counts the events of a window, of each pixel a few at most, or a broken pixel would be a movement. What goes on
for long becomes background: lamps, a fan, the noise of a warm sensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perception.regions import box_of, find_regions
from runtime.messages import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_NS = 50_000_000
COLUMNS = 40  # of the grid, about
SMALLEST_CELL_PX = 8
PIXEL_MAX = 3  # events of one pixel that count in a window
FLOOR = 0.02  # events of each pixel in a window: 0.4 a second, some times the noise of a good sensor
FEWEST = 4.0  # events of a cell: in small ones chance makes more than the floor
START_MAX = 0.1  # events of each pixel in the first window that may be noise: 2 a second
FACTOR = 2.0  # times what the cell does at rest
SCATTER = 4.0  # and so many times its square root
LONELY = 2.0  # a region of a single cell must stand out by so much more
RISE_S = 20.0  # slow, or a busy street would become background
FALL_S = 0.5
WHOLE_AREA = 0.6  # of the picture at once: light, or the camera itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """What one window showed."""

    boxes: tuple[Box, ...]  # of the connected regions, largest first
    area: float  # fraction of the picture in them
    count: int  # of events
    is_cut: bool = False  # a scene never changes at once

    @property
    def is_whole(self) -> bool:
        """Say whether most of the picture was active at once."""
        return self.area >= WHOLE_AREA


class ActivityMap:
    """Compares each window of one sensor with what its cells do at rest."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Begin with what most cells do in the first window, which shows no movement yet, for background."""
        self._size = width_px, height_px
        self._cell_px = max(SMALLEST_CELL_PX, math.ceil(width_px / COLUMNS))
        self._shape = math.ceil(height_px / self._cell_px), math.ceil(width_px / self._cell_px)
        self._floor = max(FEWEST, FLOOR * self._cell_px**2)
        self._rest: NDArray[np.float32] | None = None  # events of each cell in a window, (rows, cols)

    def step(self, pixels: NDArray[np.int64]) -> Active:
        """Take the places (N,), row * width + column, of all events of the next window."""
        counts = self._counts(pixels)
        if self._rest is None:
            usual = min(float(np.median(counts)), START_MAX * self._cell_px**2)  # noise is everywhere, a thing is not
            self._rest = np.full(self._shape, usual, np.float32)
            return Active(boxes=(), area=0.0, count=len(pixels))
        level = self._floor + FACTOR * self._rest + SCATTER * np.sqrt(self._rest)
        regions = [
            region
            for region in find_regions(counts > level)
            if len(region) > 1 or counts[region[0]] > LONELY * level[region[0]]
        ]
        window_s = WINDOW_NS / 1e9
        pace = np.where(counts > self._rest, window_s / RISE_S, window_s / FALL_S).astype(np.float32)
        self._rest += pace * (counts - self._rest)
        cells = sum(map(len, regions))
        return Active(
            boxes=tuple(box_of(region, self._cell_px, *self._size) for region in regions),
            area=cells / (self._shape[0] * self._shape[1]),
            count=len(pixels),
        )

    def _counts(self, pixels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the events of each cell (rows, cols), of each pixel a few at most."""
        width_px, height_px = self._size
        counted = np.minimum(np.bincount(pixels, minlength=width_px * height_px), PIXEL_MAX).astype(np.float32)
        rows, cols = self._shape
        padded = np.zeros((rows * self._cell_px, cols * self._cell_px), np.float32)
        padded[:height_px, :width_px] = counted.reshape(height_px, width_px)
        summed: NDArray[np.float32] = padded.reshape(rows, self._cell_px, cols, self._cell_px).sum(axis=(1, 3))
        return summed
