"""What light does to a picture: how bright things are by distance, what the air adds, how noisy the sensor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.settings import Light

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOG_M = 3.5  # contrast falls to 1/e of itself on this way
LAMP_M = 2.5  # how far the rig's small lamp reaches
CLEAREST = 205  # steps of 255 between white and black paint by day
STEPS = 16  # of a metre in the tables
TABLE_M = 128.0  # beyond, nothing changes any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighting:
    """One kind of light."""

    tint: tuple[float, float, float]  # what it leaves of red, green and blue
    noise: float  # standard deviation in steps of 255
    shadow: float  # how much darker the ground is where a thing stands between it and the sun
    by_distance: bool = False
    air: tuple[int, int, int] = (0, 0, 0)  # what the air looks like where nothing else is left


LIGHTING: Mapping[Light, Lighting] = {
    "day": Lighting(tint=(1.0, 1.0, 1.0), noise=2.0, shadow=0.55),
    "dusk": Lighting(tint=(0.40, 0.43, 0.58), noise=3.0, shadow=0.25),
    "night": Lighting(tint=(0.9, 0.95, 1.0), noise=4.0, shadow=0.0, by_distance=True),
    "fog": Lighting(tint=(0.92, 0.92, 0.92), noise=2.0, shadow=0.0, by_distance=True, air=(165, 168, 172)),
}


@lru_cache(maxsize=2)
def _left(light: Light) -> NDArray[np.float32]:
    """Return what is left of a thing's brightness at each distance, in `STEPS` of a metre."""
    away_m = (np.arange(int(TABLE_M * STEPS)) + 0.5) / STEPS
    if light == "night":
        left = 0.003 + 0.25 / (1.0 + (away_m / LAMP_M) ** 2) ** 2
    else:
        left = np.exp(-away_m / FOG_M)
    return np.round(left, 6).astype(np.float32)  # machines differ in the last digits of exp


def sight_m(light: Light) -> float:
    """Return how far away white differs from black by a step of 255: beyond, a picture shows nothing; else inf."""
    if not LIGHTING[light].by_distance:
        return float("inf")
    return float(np.count_nonzero(_left(light) * CLEAREST >= 1.0) / STEPS)


def left_at(light: Light, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is left of the brightness at these depths; the air has the rest."""
    places = np.minimum(depth_m * np.float32(STEPS), np.float32(TABLE_M * STEPS - 1)).astype(np.int32)
    left: NDArray[np.float32] = _left(light).take(places)
    return left
