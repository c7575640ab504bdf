"""What changed in the picture, patch by patch: against a moment ago (movement) and the last kept frame (novelty).

Movement has to show against two earlier frames, about 0.1 s and 0.25 s old, so that what was uncovered long ago and
the jump of a compression key frame do not count. A patch's difference is freed of the exposure's change and then
compared with what this patch does when nothing happens: sensor noise, flicker, and the trembling of a camera, which
grows with the patch's own contrast.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perception.regions import box_of, find_regions
from runtime.messages import Box

Patches: TypeAlias = NDArray[np.float32]  # (rows, cols)

NS_PER_S = 1_000_000_000
WHITE = 255
RECENT_AGE_NS = 90_000_000  # the nearer frame of comparison is at least this old
EARLIER_AGE_NS = 240_000_000
RING_STEP_NS = 30_000_000  # at 60 frames/s every second frame is enough to compare with
LONGEST_WAIT_NS = 2 * NS_PER_S  # after a longer gap there is nothing to compare with

# Differences are RMS gray levels of a patch, 0 to 255.
FLOOR = 3.5
DARK_FLOOR = 1.5  # dark pictures have fewer levels; in between, a twentieth of the brightness
NOISE_FACTOR = 2.5  # times what the patch itself does at rest
FRAME_FACTOR = 2.0  # times what half of the picture does in this very frame: key frames, lamps
FRAME_CAP = 4.0  # or a picture in which everything moves would hide itself
TREMBLE = 0.12  # of the patch's contrast: a camera that moves by about a tenth of an analysis pixel
BRIGHTNESS_WEIGHT = 0.25  # a patch that only gets brighter is more likely light than an object
DARK = 4.0  # nothing to learn about exposure below this
GAINS = (0.5, 2.0)  # no exposure changes faster than this between two frames; a black picture is another picture
SEED = 2.0  # every moved region has a patch that stands out this much; a person who stands sways less
LONELY_SEED = 3.0  # and one of a single patch even more

NOISE_FLOOR = 0.5
NOISE_START_CAP = 2.0
NOISE_CAP = 10.0
NOISE_FALL_S = 0.5
NOISE_RISE_S = 20.0  # slow, or a busy street would become noise

NOVEL = 10.0
NOVEL_CONTRAST = 0.25  # of the patch's contrast: two views of the same thing, slightly apart
CUT_LEVELS = 10.0
CUT_AREA = 0.5
CUT_UNLIKENESS = 0.2  # below the usual correlation of coarse pictures, which is low while a camera pans
LIKENESS_PACE = 0.7
BLANK_POWER = 1.0  # variance of a coarse picture that shows nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one frame changed."""

    novelty: float  # fraction of patches that differ from the last kept frame, 1 before the first
    is_cut: bool  # another scene
    moved: NDArray[np.bool_]  # (rows, cols) patches in which something moves now
    boxes: tuple[Box, ...]  # of the connected moved regions, largest first
    area: float  # fraction of the picture that moves now
    luma: float  # mean brightness, 0 to 1
    contrast: float  # standard deviation of brightness, 0 to 0.5


class _View:
    """A frame with what is needed of it again and again, all per patch (rows, cols)."""

    __slots__ = ("contrast", "mean", "pixels", "power", "t_ns")

    def __init__(self, gray: NDArray[np.uint8], patch_px: int, t_ns: int) -> None:
        height_px, width_px = gray.shape
        rows, cols = -(-height_px // patch_px), -(-width_px // patch_px)
        pixels = np.empty((rows * patch_px, cols * patch_px), np.float32)
        pixels[:height_px, :width_px] = gray
        pixels[height_px:, :width_px] = gray[-1]  # patches over the edge repeat the last line
        pixels[:, width_px:] = pixels[:, width_px - 1 : width_px]
        self.t_ns = t_ns
        self.pixels = pixels
        self.mean = _patch_mean(pixels, patch_px)
        self.power = _patch_mean(pixels * pixels, patch_px)
        self.contrast = np.sqrt(np.maximum(self.power - self.mean**2, 0.0))


class ChangeDetector:
    """Follows one video stream; call `step` for every frame and `keep` after a frame that is kept."""

    def __init__(self, patch_px: int = 8) -> None:
        self._patch_px = patch_px
        self._ring: deque[_View] = deque()
        self._noise: Patches | None = None
        self._now: _View | None = None
        self._kept: _View | None = None
        self._usual_likeness = 1.0

    def step(self, gray: NDArray[np.uint8], t_ns: int) -> Change:
        """Compare `gray` (H, W) with what came before; a new size or a long wait starts anew."""
        now = _View(gray, self._patch_px, t_ns)
        if self._now is not None and self._now.pixels.shape != now.pixels.shape:
            self._forget_scene()
            self._kept = None
        elif self._now is not None and t_ns - self._now.t_ns > LONGEST_WAIT_NS:
            self._ring.clear()
        is_cut = False
        excess = np.zeros_like(now.mean)
        if self._ring:
            before = self._ring[-1]
            difference = self._difference(now, before)
            is_cut = self._is_cut(difference, now, before)
            if is_cut:
                self._forget_scene()
            else:
                recent = self._at_least_old(t_ns, RECENT_AGE_NS)
                excess = self._excess(difference if recent is before else self._difference(now, recent), now, recent)
        moved, boxes = self._regions(excess, gray.shape)
        luma = float(now.mean.mean())
        change = Change(
            novelty=self._novelty(now),
            is_cut=is_cut,
            moved=moved,
            boxes=boxes,
            area=float(moved.mean()),
            luma=luma / WHITE,
            contrast=max(0.0, float(now.power.mean()) - luma**2) ** 0.5 / WHITE,
        )
        self._remember(now)
        return change

    def keep(self) -> None:
        """Make the frame of the last `step` the reference for novelty."""
        self._kept = self._now

    def _forget_scene(self) -> None:
        self._ring.clear()
        self._noise = None

    def _at_least_old(self, t_ns: int, age_ns: int) -> _View:
        """Return the newest frame of at least that age, or the oldest there is."""
        return next((view for view in reversed(self._ring) if t_ns - view.t_ns >= age_ns), self._ring[0])

    def _remember(self, now: _View) -> None:
        self._now = now
        if not self._ring or now.t_ns - self._ring[-1].t_ns >= RING_STEP_NS:
            self._ring.append(now)
        while len(self._ring) > 1 and now.t_ns - self._ring[1].t_ns >= EARLIER_AGE_NS:
            self._ring.popleft()

    def _difference(self, now: _View, then: _View) -> Patches:
        """Return per patch (rows, cols) how far the picture moved away from `then`, apart from its exposure."""
        ratio = now.mean / np.maximum(then.mean, np.float32(DARK))
        gain = np.float32(np.clip(_median(ratio), *GAINS))
        pixels = then.pixels * gain
        np.subtract(now.pixels, pixels, out=pixels)
        shift = now.mean - gain * then.mean
        spread = _patch_mean(np.square(pixels, out=pixels), self._patch_px) - shift**2
        difference: Patches = np.sqrt(np.maximum(spread, 0.0) + BRIGHTNESS_WEIGHT * shift**2)
        return difference

    def _is_cut(self, difference: Patches, now: _View, before: _View) -> bool:
        """Say whether most of the picture changed and is suddenly unlike what was there."""
        is_changed = float((difference > CUT_LEVELS).mean()) > CUT_AREA
        likeness = _likeness(now.mean, before.mean) if is_changed else 1.0
        is_cut = likeness < self._usual_likeness - CUT_UNLIKENESS
        self._usual_likeness += LIKENESS_PACE * (likeness - self._usual_likeness)
        return is_cut

    def _excess(self, difference: Patches, now: _View, recent: _View) -> Patches:
        """Return per patch how many times its difference is what rest explains; above 1 it moves."""
        earlier = self._at_least_old(now.t_ns, EARLIER_AGE_NS)
        if earlier is not recent:
            difference = np.minimum(difference, self._difference(now, earlier))
        half = min(_median(difference), FRAME_CAP)
        if self._noise is None:
            self._noise = np.full_like(difference, min(max(half, NOISE_FLOOR), NOISE_START_CAP))
        floor = min(max(float(now.mean.mean()) / 20, DARK_FLOOR), FLOOR)
        rest = np.maximum(NOISE_FACTOR * self._noise, max(floor, FRAME_FACTOR * half))
        rest += TREMBLE * np.minimum(now.contrast, recent.contrast)
        self._learn_noise(difference, (now.t_ns - self._ring[-1].t_ns) / NS_PER_S)
        excess: Patches = difference / rest
        return excess

    def _learn_noise(self, difference: Patches, elapsed_s: float) -> None:
        """Follow each patch's quiet moments quickly and its busy ones slowly."""
        assert self._noise is not None
        error = np.minimum(difference, 2 * self._noise) - self._noise
        rate = np.where(error < 0, np.float32(elapsed_s / NOISE_FALL_S), np.float32(elapsed_s / NOISE_RISE_S))
        self._noise = np.clip(self._noise + np.minimum(rate, 1.0) * error, NOISE_FLOOR, NOISE_CAP)

    def _regions(self, excess: Patches, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], tuple[Box, ...]]:
        """Return the moved patches (rows, cols) and a box per region, without faint regions."""
        moved = np.zeros(excess.shape, np.bool_)
        boxes = []
        for region in find_regions(excess > 1.0):
            cells = tuple(zip(*region, strict=True))  # rows, columns
            if excess[cells].max() >= (LONELY_SEED if len(region) == 1 else SEED):
                moved[cells] = True
                boxes.append(box_of(region, self._patch_px, width_px=shape[1], height_px=shape[0]))
        return moved, tuple(boxes)

    def _novelty(self, now: _View) -> float:
        """Return the fraction of patches that differ from the last kept frame; brightness counts here."""
        if self._kept is None:
            return 1.0
        pixels = now.pixels - self._kept.pixels
        difference = np.sqrt(_patch_mean(np.square(pixels, out=pixels), self._patch_px))
        same = NOVEL + NOVEL_CONTRAST * np.minimum(now.contrast, self._kept.contrast)
        if self._noise is not None:
            same = np.maximum(same, NOISE_FACTOR * self._noise)
        return float((difference > same).mean())


def _patch_mean(pixels: Patches, patch_px: int) -> Patches:
    """Average (rows * patch_px, cols * patch_px) over patches -> (rows, cols)."""
    height_px, width_px = pixels.shape
    lines = pixels.reshape(height_px // patch_px, patch_px, width_px).sum(axis=1)  # (rows, width_px)
    columns = np.ascontiguousarray(lines.reshape(-1, patch_px).T)  # (patch_px, rows * cols): half the time of .sum(2)
    means: Patches = columns.sum(axis=0) / np.float32(patch_px * patch_px)
    return means.reshape(height_px // patch_px, width_px // patch_px)


def _median(values: NDArray[np.floating]) -> float:
    """Return the upper median, several times faster than NumPy's."""
    flat = values.ravel().copy()
    flat.partition(flat.size // 2)
    return float(flat[flat.size // 2])


def _likeness(first: Patches, second: Patches) -> float:
    """Return the correlation of two coarse pictures, 0 where one of them is blank and 1 where both are."""
    first, second = first - first.mean(), second - second.mean()
    powers = float((first * first).mean()), float((second * second).mean())
    if min(powers) < BLANK_POWER:
        return 1.0 if max(powers) < BLANK_POWER else 0.0
    return float((first * second).mean()) / math.sqrt(powers[0] * powers[1])
