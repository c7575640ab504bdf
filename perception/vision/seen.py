"""What a detector is, and its finds cut to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from runtime.messages import Seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGITS = 4  # of scores and of sides of boxes


class Detector(Protocol):
    """What finds things in pictures; a call blocks and belongs on a worker's thread."""

    name: str

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[Seen]]:
        """Return what is in each picture (H, W, 3), best first. Raises ModelError, and ValueError for no picture."""


def seen_at(label: str, score: float, box: Sequence[float]) -> Seen:
    """Return a find with its box (left, top, right, bottom) cut to the picture."""
    left, top, right, bottom = (round(min(1.0, max(0.0, side)), DIGITS) for side in box)
    return Seen(label=label, score=round(score, DIGITS), box=(left, top, right, bottom))
