"""A training window: what all four sensors give of a world at a few samples a second, as arrays, without a file.

Pictures and sweeps are those of the recording at the same moments, and so is the sound. The event camera is rendered
`SUB_FRAMES` times a sample instead of 80 times a second: its maps are near those of the recording, and cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.camera import Camera
from perception.yard.ears import RATE_HZ, Ears
from perception.yard.eventcam import SUB_FRAMES, EventCamera
from perception.yard.lens import Lens
from perception.yard.radar import Radar
from perception.yard.stage import Stage
from perception.yard.world import World

SAMPLE_HZ = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """T samples; each knows only what was before it."""

    t_s: NDArray[np.float64]  # (T,)
    pictures: NDArray[np.uint8]  # (T, H, W, 3)
    event_maps: NDArray[np.uint16]  # (T, 2, H, W): how many OFF and ON since the sample before
    sound: NDArray[np.int16]  # (T, n, 2): left and right since the sample before
    sweeps: tuple[NDArray[np.float32], ...]  # T: (P, 5) as Radar gives them


def window_of(
    world: World,
    *,
    samples: int,
    start_s: float = 0.0,
    rate_hz: int = SAMPLE_HZ,
    sub_frames: int = SUB_FRAMES,
    lens: Lens | None = None,
) -> Window:
    """Return the `samples` that follow `start_s`, all the same whatever else of the world is rendered.

    Raises ValueError where they end after the world.
    """
    edges_s = start_s + np.arange(samples + 1) / rate_hz
    if samples < 1 or start_s < 0 or edges_s[-1] > world.length_s:
        raise ValueError(f"{samples} samples from {start_s:g} to {edges_s[-1]:g} s are not in {world.length_s:g} s")
    stage = Stage(world, lens or Lens())
    radar = Radar(world)
    each = RATE_HZ // rate_hz
    return Window(
        t_s=edges_s[1:],
        pictures=np.stack(list(Camera(world, stage=stage).pictures(edges_s[1:]))),
        event_maps=np.stack(list(EventCamera(world, stage=stage).maps(edges_s, sub_frames))),
        sound=Ears(world).block(start_s, samples * each).reshape(samples, each, 2),
        sweeps=tuple(radar.sweep(float(t_s)) for t_s in edges_s[1:]),
    )
