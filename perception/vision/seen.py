"""What a detector finds in a picture, and what a detector is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from runtime.messages import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGITS = 4  # of scores and of sides of boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something with a name in a picture."""

    label: str
    score: float  # 0 to 1
    box: Box  # left, top, right, bottom as fractions of the picture


class Detector(Protocol):
    """What finds things in pictures; a call blocks and belongs on a worker's thread."""

    name: str

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is in each picture (H, W, 3), best first. Raises ModelError, and ValueError for no picture."""


def seen_at(label: str, score: float, box: Sequence[float]) -> Seen:
    """Return a find with its box (left, top, right, bottom) cut to the picture."""
    left, top, right, bottom = (round(min(1.0, max(0.0, side)), DIGITS) for side in box)
    return Seen(label=label, score=round(score, DIGITS), box=(left, top, right, bottom))
