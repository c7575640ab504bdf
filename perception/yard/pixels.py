"""The pixels of an event camera: each reports when its log brightness has changed by a threshold since it last did.

Between two renders the log brightness is taken to go in a straight line, so a large change gives several events, each
at the time of its crossing (Rebecq et al. 2018, ESIM). After an event a pixel is silent for the refractory time: what
it crosses meanwhile is lost, though it counts as seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.errors import ConfigError

CODES = 8192  # steps of brightness
STEPS = 16  # of brightness in one step of 255
DARK = 3.0  # of 255: what a pixel sees without light; below it, contrast vanishes
LONG_AGO_US = -(1 << 60)
ALMOST = 1e-5  # of a threshold: a change of exactly three thresholds is three events, whatever is lost in rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """How the pixels are. Raises ConfigError where something is out of range."""

    threshold: float = 0.2  # of the natural logarithm of brightness
    mismatch: float = 0.0  # standard deviation of the thresholds from pixel to pixel, as a share
    refractory_us: int = 500
    noise_hz: float = 0.01  # events of a pixel that nothing has caused

    def __post_init__(self) -> None:
        ranges = {"threshold": (0.02, 2.0), "mismatch": (0.0, 0.3), "refractory_us": (0, 100_000), "noise_hz": (0, 10)}
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"yard.events.{name}", f"{getattr(self, name)} is not from {least:g} to {most:g}")


@dataclass(frozen=True, slots=True)
class Crossings:
    """Events (N,), by pixel and then by time."""

    pixel: NDArray[np.int64]
    p: NDArray[np.uint8]
    t_us: NDArray[np.int64]


def log_of(codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return the log brightness of codes, `STEPS` to one of 255."""
    return _LOGS.take(codes)


# Rounded, because machines differ in the last digits of a logarithm.
_LOGS = np.round(np.log(np.arange(CODES) / STEPS + DARK), 6).astype(np.float64)


class Pixels:
    """Pixels (N,) that see one brightness after another."""

    def __init__(self, codes: NDArray[np.uint16], t_us: int, settings: EventSettings, seed: int) -> None:
        self._settings = settings
        draw = np.random.default_rng(seed)
        spread = np.maximum(1 + settings.mismatch * draw.standard_normal((2, len(codes))), 0.2)
        self._threshold = np.round(settings.threshold * spread, 9)  # (2, N): of OFF and of ON
        self._last_us = np.full(len(codes), LONG_AGO_US)
        self.restart(codes, t_us)

    def restart(self, codes: NDArray[np.uint16], t_us: int) -> None:
        """Take what is seen now as what was reported last."""
        self._codes, self._t_us = codes, t_us
        self._level = log_of(codes)

    def see(self, codes: NDArray[np.uint16], t_us: int) -> Crossings:
        """Return the events from the time of the last brightness up to `t_us`, at which it is `codes` (N,)."""
        pixel = np.flatnonzero(codes != self._codes)  # the others have crossed nothing
        before, now, level = log_of(self._codes[pixel]), log_of(codes[pixel]), self._level[pixel]
        from_us, self._codes, self._t_us = self._t_us, codes, t_us
        is_on = now > before
        threshold = self._threshold[is_on.astype(np.intp), pixel]
        count = np.maximum(np.where(is_on, now - level, level - now) / threshold + ALMOST, 0.0).astype(np.int64)
        moved = np.flatnonzero(count)
        pixel, before, now, level = pixel[moved], before[moved], now[moved], level[moved]
        is_on, count = is_on[moved], count[moved]
        way = np.where(is_on, threshold[moved], -threshold[moved])
        self._level[pixel] = level + count * way
        pace_us = way / (now - before) * (t_us - from_us)  # from one crossing to the next
        first_us = (level + way - before) / (now - before) * (t_us - from_us)
        return self._reported(pixel, is_on, count, (from_us, t_us), first_us, pace_us)

    def _reported(
        self,
        pixel: NDArray[np.int64],
        is_on: NDArray[np.bool_],
        count: NDArray[np.int64],
        span_us: tuple[int, int],
        first_us: NDArray[np.float64],
        pace_us: NDArray[np.float64],
    ) -> Crossings:
        """Return the crossings without those that fall into a refractory time."""
        from_us, to_us = span_us
        silent_us = np.maximum(self._last_us[pixel] + self._settings.refractory_us - from_us - first_us, 0.0)
        skipped = np.ceil(silent_us / pace_us).astype(np.int64)  # at the beginning
        every = np.maximum(np.ceil(self._settings.refractory_us / pace_us), 1.0).astype(np.int64)
        kept = np.maximum(-((skipped - count) // every), 0)  # of `count`, the first after `skipped` and each `every`-th
        owner = np.repeat(np.arange(len(pixel)), kept)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(kept) - kept, kept)
        number = skipped[owner] + number * every[owner]
        t_us = from_us + (first_us[owner] + number * pace_us[owner]).astype(np.int64)
        t_us = np.clip(t_us, from_us, to_us - 1)
        self._last_us[pixel[owner]] = t_us  # of a pixel's several events the last is kept
        return Crossings(pixel[owner], is_on[owner].astype(np.uint8), t_us)
