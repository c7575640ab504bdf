"""Connected regions of a small grid of patches, as boxes in fractions of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.messages import Box

Cell = tuple[int, int]  # row, column


def find_regions(moved: NDArray[np.bool_]) -> list[list[Cell]]:
    """Return the cells of every 8-connected region of `moved` (rows, cols), largest first, ties from the top left."""
    cols = moved.shape[1]
    width = cols + 2  # an empty border keeps neighbours from wrapping around
    steps = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    # a dict keeps reading order
    waiting = dict.fromkeys((at // cols + 1) * width + at % cols + 1 for at in np.flatnonzero(moved).tolist())
    regions = []
    while waiting:
        frontier = [next(iter(waiting))]
        del waiting[frontier[0]]
        region = []
        while frontier:
            at = frontier.pop()
            region.append((at // width - 1, at % width - 1))
            for step in steps:
                if at + step in waiting:
                    del waiting[at + step]
                    frontier.append(at + step)
        regions.append(region)
    regions.sort(key=len, reverse=True)
    return regions


def box_of(region: list[Cell], patch_px: int, width_px: int, height_px: int) -> Box:
    """Return the hull of the region; the last patches of a row or column may reach over the picture's edge."""
    rows = [row for row, _ in region]
    cols = [col for _, col in region]
    return (
        min(cols) * patch_px / width_px,
        min(rows) * patch_px / height_px,
        min(1.0, (max(cols) + 1) * patch_px / width_px),
        min(1.0, (max(rows) + 1) * patch_px / height_px),
    )


def hull(first: Box, second: Box) -> Box:
    """Return the smallest box around both."""
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def overlaps(first: Box, second: Box) -> bool:
    """Say whether the boxes share an area or touch."""
    return first[0] <= second[2] and second[0] <= first[2] and first[1] <= second[3] and second[1] <= first[3]
