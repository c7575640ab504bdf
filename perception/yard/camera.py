"""The camera of the yard: pictures by day, at dusk, at night and in fog, with the noise of its sensor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.lens import Lens
from perception.yard.light import LIGHTING, left_at
from perception.yard.settings import stream_of
from perception.yard.stage import Scene, Stage
from perception.yard.world import World

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Camera:
    """Takes pictures of a world; each depends on the world and its moment alone."""

    def __init__(self, world: World, lens: Lens | None = None, *, stage: Stage | None = None) -> None:
        self.stage = stage or Stage(world, lens or Lens())
        self._seed = world.seed

    @property
    def width_px(self) -> int:
        """Return how wide its pictures are."""
        return self.stage.lens.width_px

    @property
    def height_px(self) -> int:
        """Return how high they are."""
        return self.stage.lens.height_px

    def picture(self, t_s: float) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) of a moment."""
        return next(self.pictures(np.array([t_s])))

    def pictures(self, t_s: NDArray[np.float64]) -> Iterator[NDArray[np.uint8]]:
        """Yield the picture of each moment of `t_s` (T,): the same as one by one, and cheaper."""
        for moment_s, scene in zip(t_s, self.stage.scenes(t_s), strict=True):
            yield self._exposed(scene, round(float(moment_s) * 1e6))

    def _exposed(self, scene: Scene, t_us: int) -> NDArray[np.uint8]:
        colours = coloured(scene)
        draw = np.random.Generator(np.random.SFC64(stream_of(self._seed, f"camera/{t_us}")))
        grains = np.frombuffer(draw.bytes(colours.size), np.uint8)
        colours += _grain(LIGHTING[scene.light].noise).take(grains).reshape(colours.shape)
        np.clip(np.rint(colours, out=colours), 0, 255, out=colours)
        return colours.astype(np.uint8)


def coloured(scene: Scene) -> NDArray[np.float32]:
    """Return the colours (H, W, 3) of a scene in its light, 0 to 255, without noise."""
    light = LIGHTING[scene.light]
    tinted = scene.paint * np.array(light.tint, np.float32)
    if not light.by_distance:
        return tinted.take(scene.surface, axis=0) * scene.shade[..., None]
    air = np.array(light.air, np.float32)
    left = left_at(scene.light, scene.depth_m)
    colours = tinted.take(scene.surface, axis=0) * (scene.shade * left)[..., None]
    if air.any():
        colours += (1 - left)[..., None] * air
    return colours


@lru_cache(maxsize=8)
def _grain(spread: float) -> NDArray[np.float32]:
    """Return 256 values that lie as a normal distribution does: a byte drawn evenly picks one."""
    normal = NormalDist(0.0, spread)
    return np.array([round(normal.inv_cdf((number + 0.5) / 256), 3) for number in range(256)], np.float32)
