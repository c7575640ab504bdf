"""The event camera of the yard: the camera's view without its noise, rendered several times a frame, seen by pixels.

The light of a world changes from one moment to the next, which every pixel would report; the pixels are set anew then.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perception.yard.evt3 import encode
from perception.yard.lens import Lens
from perception.yard.light import LIGHTING, left_at
from perception.yard.pixels import CODES, STEPS, Crossings, EventSettings, Pixels
from perception.yard.settings import Light, stream_of
from perception.yard.stage import Scene, Stage
from perception.yard.world import World

Events: TypeAlias = tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8], NDArray[np.int64]]  # x, y, p, t_us
WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue in brightness
SUB_FRAMES = 8
MICRO = 1_000_000


class EventCamera:
    """Watches a world. What follows without a hole goes on where the last left off; elsewhere it begins anew."""

    def __init__(
        self,
        world: World,
        lens: Lens | None = None,
        settings: EventSettings | None = None,
        *,
        stage: Stage | None = None,
    ) -> None:
        self.stage = stage or Stage(world, lens or Lens())
        self.settings = settings or EventSettings()
        self._seed = world.seed
        self._pixels: Pixels | None = None
        self._at_us = -1
        self._light: Light | None = None

    def events(self, t0_s: float, t1_s: float, sub_frames: int = SUB_FRAMES) -> Events:
        """Return the events from `t0_s` on and before `t1_s` as x, y, p, t_us, by time."""
        return self._in_order(self._watch(_micro(t0_s), _micro(t1_s), sub_frames))

    def _in_order(self, crossings: Iterator[Crossings]) -> Events:
        found = list(crossings)
        pixel, p, t_us = (np.concatenate([getattr(one, name) for one in found]) for name in ("pixel", "p", "t_us"))
        order = np.lexsort((p, pixel, t_us))
        y, x = np.divmod(pixel[order], self.stage.lens.width_px)
        return x.astype(np.uint16), y.astype(np.uint16), p[order], t_us[order]

    def packet(self, t0_s: float, t1_s: float, sub_frames: int = SUB_FRAMES) -> bytes:
        """Return the same as EVT3 words; packets without a hole are one stream, whose time begins with the world."""
        return encode(*self.events(t0_s, t1_s, sub_frames), _micro(t0_s), _micro(t1_s))

    def packets(self, edges_s: NDArray[np.float64], sub_frames: int = SUB_FRAMES) -> Iterator[bytes]:
        """Yield the packets between each of `edges_s` (T + 1,) and the next: the same as one by one, and cheaper."""
        for (t0_us, t1_us), crossings in self._between(edges_s, sub_frames):
            yield encode(*self._in_order(crossings), t0_us, t1_us)

    def maps(self, edges_s: NDArray[np.float64], sub_frames: int = SUB_FRAMES) -> Iterator[NDArray[np.uint16]]:
        """Yield the counts (2, H, W), OFF and ON, between each of `edges_s` (T + 1,) and the next."""
        size = self.stage.lens.height_px * self.stage.lens.width_px
        for _, crossings in self._between(edges_s, sub_frames):
            places = np.concatenate([one.pixel + size * one.p.astype(np.int64) for one in crossings])
            counts = np.bincount(places, minlength=2 * size)
            shape = (2, self.stage.lens.height_px, self.stage.lens.width_px)
            yield np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16).reshape(shape)

    def _between(
        self, edges_s: NDArray[np.float64], sub_frames: int
    ) -> Iterator[tuple[tuple[int, int], Iterator[Crossings]]]:
        """Yield the spans between edges with their events, out of scenes that are drawn many at a time."""
        spans = list(pairwise(map(_micro, edges_s.tolist())))
        if not spans:
            return
        first = self._goes_on(spans[0][0])
        times = [_times(*span, sub_frames, goes_on=first or number > 0) for number, span in enumerate(spans)]
        scenes = self.stage.scenes(np.concatenate(times) / MICRO)
        for span in spans:
            yield span, self._watch(*span, sub_frames, scenes)

    def _goes_on(self, t_us: int) -> bool:
        return self._pixels is not None and self._at_us == t_us

    def _watch(
        self, t0_us: int, t1_us: int, sub_frames: int, scenes: Iterator[Scene] | None = None
    ) -> Iterator[Crossings]:
        """Yield the events of each sub-frame. Raises ValueError where there is less than 1 us for each."""
        goes_on = self._goes_on(t0_us)
        times = _times(t0_us, t1_us, sub_frames, goes_on=goes_on)
        scenes = scenes or self.stage.scenes(times / MICRO)
        for t_us, scene in zip(times.tolist(), scenes, strict=False):  # who draws for several spans has more
            codes, from_us, self._at_us = codes_of(scene), self._at_us, t_us
            if self._pixels is None:
                self._pixels = Pixels(codes, t_us, self.settings, stream_of(self._seed, "thresholds"))
            elif not goes_on or scene.light != self._light:
                self._pixels.restart(codes, t_us)
            else:
                yield self._pixels.see(codes, t_us)
            if goes_on:
                yield self._noise(from_us, t_us)
            self._light, goes_on = scene.light, True

    def _noise(self, from_us: int, to_us: int) -> Crossings:
        draw = np.random.Generator(np.random.SFC64(stream_of(self._seed, f"events/{to_us}")))
        size = self.stage.lens.height_px * self.stage.lens.width_px
        count = draw.poisson(self.settings.noise_hz * size * (to_us - from_us) / MICRO)
        pixel, t_us = draw.integers(0, size, count), draw.integers(from_us, to_us, count)
        return Crossings(pixel, draw.integers(0, 2, count, np.uint8), t_us)


def codes_of(scene: Scene) -> NDArray[np.uint16]:
    """Return the brightness (H * W,) of a scene in its light, without noise, `STEPS` to one of 255."""
    light = LIGHTING[scene.light]
    paint = sum(scene.paint[:, one] * np.float32(light.tint[one] * WEIGHTS[one]) for one in range(3))
    bright = np.asarray(paint, np.float32).take(scene.surface)
    bright *= scene.shade
    if light.by_distance:
        left = left_at(scene.light, scene.depth_m)
        bright *= left
        bright += (1 - left) * np.float32(sum(light.air[one] * WEIGHTS[one] for one in range(3)))
    bright *= STEPS
    bright += np.float32(0.5)
    return np.minimum(bright, CODES - 1, out=bright).astype(np.uint16).ravel()


def _times(t0_us: int, t1_us: int, sub_frames: int, *, goes_on: bool) -> NDArray[np.int64]:
    """Return when a span is rendered; its beginning is known already where it goes on."""
    if sub_frames < 1 or t1_us - t0_us < sub_frames:
        raise ValueError(f"there is no time for {sub_frames} sub-frames from {t0_us} to {t1_us} us")
    times: NDArray[np.int64] = t0_us + (t1_us - t0_us) * np.arange(int(goes_on), sub_frames + 1) // sub_frames
    return times


def _micro(t_s: float) -> int:
    return round(float(t_s) * MICRO)
