"""Drops what no event can be, and counts it: pixels outside the sensor, times out of order.

A time that is up to a second behind the newest is disorder; further back the sensor's clock was set anew, and what
follows is in order again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.events.arrays import Events

if TYPE_CHECKING:
    from numpy.typing import NDArray

SET_BACK_US = 1_000_000


class Sieve:
    """Lets through what is in order and on the sensor; chunked as whole."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Take a sensor of this size; 0 where it is unknown."""
        self.outside = 0
        self.disordered = 0
        self.set_back = 0  # how often the clock was
        self._width_px = width_px or 1 << 16
        self._height_px = height_px or 1 << 16
        self._newest_us: int | None = None
        self._last_us = 0  # of the event before, in order or not

    def step(self, events: Events) -> Events:
        """Return those that can be."""
        is_inside = (events.x < self._width_px) & (events.y < self._height_px)
        inside = events if is_inside.all() else events.take(is_inside)
        self.outside += len(events) - len(inside)
        if not len(inside):
            return inside
        in_order = self._in_order(inside.t_us)
        kept = inside if in_order.all() else inside.take(in_order)
        self.disordered += len(inside) - len(kept)
        return kept

    def _in_order(self, t_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which events are no older than all that came before since the clock was last set."""
        before_us = int(t_us[0]) if self._newest_us is None else self._last_us
        steps = np.diff(t_us, prepend=before_us)
        self._last_us = int(t_us[-1])
        newest_us = before_us if self._newest_us is None else self._newest_us
        if newest_us <= t_us[0] and (steps >= 0).all():
            self._newest_us = int(t_us[-1])
            return np.ones(len(t_us), np.bool_)
        cuts = np.flatnonzero(steps < -SET_BACK_US).tolist()
        self.set_back += len(cuts)
        in_order = np.empty(len(t_us), np.bool_)
        for start, end, is_cut in zip([0, *cuts], [*cuts, len(t_us)], [False] + [True] * len(cuts), strict=True):
            part = t_us[start:end]
            if not len(part):  # the clock was set at the border of two chunks
                continue
            newest = np.maximum.accumulate(part)
            if not is_cut:
                np.maximum(newest, newest_us, out=newest)
            in_order[start:end] = part >= newest
            newest_us = int(newest[-1])
        self._newest_us = newest_us
        return in_order
