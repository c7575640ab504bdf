"""Events as a structure of arrays: what every decoder gives and every representation takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """N events, one array for each part."""

    x: NDArray[np.uint16]  # column from the left
    y: NDArray[np.uint16]  # row from the top
    p: NDArray[np.uint8]  # 1 brighter (ON), 0 darker (OFF)
    t_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t_us)

    def take(self, which: NDArray[np.generic] | slice) -> Events:
        """Return those that a mask, indices or a slice choose."""
        return Events(x=self.x[which], y=self.y[which], p=self.p[which], t_us=self.t_us[which])


def no_events() -> Events:
    """Return none."""
    return Events(
        x=np.empty(0, np.uint16), y=np.empty(0, np.uint16), p=np.empty(0, np.uint8), t_us=np.empty(0, np.int64)
    )


def joined(parts: Sequence[Events]) -> Events:
    """Return all parts in a row."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_events()
    return Events(
        x=np.concatenate([one.x for one in parts]),
        y=np.concatenate([one.y for one in parts]),
        p=np.concatenate([one.p for one in parts]),
        t_us=np.concatenate([one.t_us for one in parts]),
    )
