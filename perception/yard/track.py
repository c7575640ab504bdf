"""A way through the yard: straight stretches at constant speed, with stops; heading turns smoothly at corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURN_S = 0.6  # how long a corner takes
STILL_M = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Knots (t_s, x_m, y_m) with straight ways between them; outside the first and the last it is not there."""

    knots: tuple[tuple[float, float, float], ...]

    @property
    def start_s(self) -> float:
        """Return when it comes into being."""
        return self.knots[0][0]

    @property
    def end_s(self) -> float:
        """Return when it goes."""
        return self.knots[-1][0]

    @property
    def never_moves(self) -> bool:
        """Say whether it is at one place as long as it is there."""
        return len({knot[1:] for knot in self.knots}) == 1

    def position_m(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (T, 2), held at the ends."""
        times, x, y = (np.array(column) for column in zip(*self.knots, strict=True))
        return np.stack([np.interp(t_s, times, x), np.interp(t_s, times, y)], axis=-1)

    def velocity_mps(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (T, 2); at a knot that of the way after it, at the end that of the last."""
        times, x, y = (np.array(column) for column in zip(*self.knots, strict=True))
        if len(times) < 2:
            return np.zeros((len(t_s), 2))
        spans = np.diff(times)
        ways = np.stack([np.diff(x) / spans, np.diff(y) / spans], axis=-1)
        return ways[np.clip(np.searchsorted(times, t_s, side="right") - 1, 0, len(ways) - 1)]

    def heading_rad(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (T,): the direction of the way, kept while it stands, turned over `TURN_S` around a corner."""
        times, angles = self._angles()
        return np.interp(t_s, times, angles)

    def is_there(self, t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return (T,)."""
        return (t_s >= self.start_s) & (t_s <= self.end_s)

    def stretches(self) -> list[tuple[float, float, float]]:
        """Return (start_s, end_s, speed_mps) of each way."""
        return [
            (t0, t1, float(np.hypot(x1 - x0, y1 - y0)) / (t1 - t0))
            for (t0, x0, y0), (t1, x1, y1) in pairwise(self.knots)
        ]

    def stands(self) -> list[tuple[float, float]]:
        """Return (start_s, end_s) of each time that it stands."""
        return [(start_s, end_s) for start_s, end_s, speed_mps in self.stretches() if speed_mps <= STILL_M]

    def corners(self) -> list[tuple[float, float]]:
        """Return (t_s, angle_rad) where the direction changes, left is positive; after a stop the new way counts."""
        found = []
        last: float | None = None
        for (t0, x0, y0), (_, x1, y1) in pairwise(self.knots):
            if np.hypot(x1 - x0, y1 - y0) < STILL_M:
                continue
            angle = float(np.arctan2(y1 - y0, x1 - x0))
            if last is not None:
                turn = float((angle - last + np.pi) % (2 * np.pi) - np.pi)
                if abs(turn) > STILL_M:
                    found.append((t0, turn))
            last = angle
        return found

    def _angles(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return knots of the heading over time, unwrapped."""
        first = next(
            (
                float(np.arctan2(y1 - y0, x1 - x0))
                for (_, x0, y0), (_, x1, y1) in pairwise(self.knots)
                if np.hypot(x1 - x0, y1 - y0) >= STILL_M
            ),
            0.0,
        )
        times, angles, angle = [self.start_s - TURN_S], [first], first
        for t_s, turn in self.corners():
            begin_s = max(times[-1], t_s - TURN_S / 2)
            times += [begin_s, max(begin_s + 1e-3, t_s + TURN_S / 2)]
            angles += [angle, angle + turn]
            angle += turn
        return times, angles
