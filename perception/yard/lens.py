"""The camera's geometry: a pinhole that looks level along the rig's heading, from `RIG_HEIGHT_M` above the ground.

A pixel's ray goes one metre ahead, `right` to the right and `up` upwards: `right` depends on the column alone, `up` on
the row alone. Depth is counted along the optical axis.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perception.yard.world import RIG_HEIGHT_M
from runtime.errors import ConfigError

FIELD_RAD = np.radians(80.0)  # of view, from left to right
WIDTH_PX, HEIGHT_PX = 160, 120
LARGEST_PX = 2048
FAR_M = 500.0  # the sky, and ground that is farther
LEAST = 1e-12  # instead of zero where something is divided by it


@dataclass(frozen=True, slots=True)
class Lens:
    """A picture's size and rays. Raises ConfigError where the size is out of range."""

    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX
    right: NDArray[np.float64] = field(init=False, repr=False, compare=False)  # (W,)
    up: NDArray[np.float64] = field(init=False, repr=False, compare=False)  # (H,)
    ground_m: NDArray[np.float64] = field(init=False, repr=False, compare=False)  # (H,): depth of the ground

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            if not 8 <= getattr(self, name) <= LARGEST_PX:
                raise ConfigError(f"yard.{name}", f"{getattr(self, name)} is not from 8 to {LARGEST_PX}")
        right = (np.arange(self.width_px) + 0.5 - self.width_px / 2) / self.focal_px
        up = (self.height_px / 2 - np.arange(self.height_px) - 0.5) / self.focal_px
        up[np.abs(up) < LEAST] = LEAST  # the middle row of an odd height
        down = np.where(up < 0, -up, LEAST)
        for name, value in (("right", right), ("up", up), ("ground_m", np.minimum(RIG_HEIGHT_M / down, FAR_M))):
            object.__setattr__(self, name, value)

    @property
    def focal_px(self) -> float:
        """Return the focal length in pixels, the same across and down."""
        return float(self.width_px / 2 / np.tan(FIELD_RAD / 2))
