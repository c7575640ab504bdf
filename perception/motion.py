"""From frames in which something moves to intervals of movement, given out in pieces while they last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from perception.regions import hull, overlaps
from runtime.messages import Box

OPENS_AFTER_NS = 150_000_000
FORGETS_AFTER_NS = 350_000_000  # a movement that has not opened yet
CLOSES_AFTER_NS = 800_000_000
FIRST_PIECE_NS = 500_000_000  # so that "is anything moving now?" need not wait; each next one is twice as long
LONGEST_PIECE_NS = 2_000_000_000
MOST_BOXES = 4
SMALLEST_AREA = 0.005  # of the picture


class Moved(Protocol):
    """What moves in one frame (`Change`), or in one window of an event camera (`Active`)."""

    @property
    def is_cut(self) -> bool:
        """Say whether it is another scene."""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Return the regions that move, largest first."""

    @property
    def area(self) -> float:
        """Return the fraction of the picture that moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionPiece:
    """Part of a movement; pieces of one movement touch."""

    start_ns: int
    end_ns: int
    boxes: tuple[Box, ...]  # hulls of where it went, largest first, at most 4
    area: float  # largest fraction of the picture that moved at once


class MotionSegments:
    """Opens when movement has lasted 0.15 s, closes after 0.8 s of rest.

    A frame counts as moving when `smallest_area` of the picture does.
    """

    def __init__(self, smallest_area: float = SMALLEST_AREA) -> None:
        self._smallest_area = smallest_area
        self._piece: _Piece | None = None
        self._is_open = False  # else what was gathered may still be a flicker
        self._frame_ns: int | None = None  # time of the last frame

    @property
    def active_ns(self) -> int | None:
        """Since when something moves that no piece tells of yet."""
        return self._piece.start_ns if self._piece is not None and self._is_open else None

    def step(self, change: Moved, t_ns: int) -> list[MotionPiece]:
        """Take one frame's change; return the pieces that it completes."""
        interval_ns = 0 if self._frame_ns is None else t_ns - self._frame_ns
        self._frame_ns = t_ns
        if change.is_cut:
            return self.flush(t_ns)
        pieces = []
        patience_ns = CLOSES_AFTER_NS if self._is_open else FORGETS_AFTER_NS
        if self._piece and t_ns - self._piece.last_ns > max(patience_ns, interval_ns):  # slow cameras: one frame
            pieces += self.flush(t_ns)
        if change.area >= self._smallest_area:
            pieces += self._gather(change, t_ns)
        return pieces

    def flush(self, t_ns: int) -> list[MotionPiece]:
        """End what is going on, at the latest at `t_ns`, and return its last piece if it was a movement."""
        piece, was_open = self._piece, self._is_open
        self._piece = None
        self._is_open = False
        if piece is None or not was_open or piece.last_ns <= piece.start_ns:
            return []
        return [piece.ended(min(t_ns, piece.last_ns))]

    def _gather(self, change: Moved, t_ns: int) -> list[MotionPiece]:
        """Add a moving frame; return the pieces that are now full."""
        if self._piece is None:
            self._piece = _Piece(t_ns)
        self._is_open = self._is_open or t_ns - self._piece.start_ns >= OPENS_AFTER_NS
        full = []
        while t_ns - self._piece.start_ns > self._piece.longest_ns:
            end_ns = self._piece.start_ns + self._piece.longest_ns
            if self._piece.is_empty:  # frames are further apart than a piece is long
                self._piece.add(change, end_ns)
            full.append(self._piece.ended(end_ns))
            self._piece = _Piece(end_ns, min(2 * self._piece.longest_ns, LONGEST_PIECE_NS))
        self._piece.add(change, t_ns)
        return full


class _Piece:
    """What has moved since `start_ns`."""

    def __init__(self, start_ns: int, longest_ns: int = FIRST_PIECE_NS) -> None:
        self.start_ns = start_ns
        self.longest_ns = longest_ns
        self.last_ns = start_ns
        self._hulls: list[Box] = []
        self._area = 0.0

    @property
    def is_empty(self) -> bool:
        """Say whether no frame has moved in it yet."""
        return not self._hulls

    def add(self, change: Moved, t_ns: int) -> None:
        """Widen the hulls by the frame's largest regions."""
        self.last_ns = t_ns
        self._area = max(self._area, change.area)
        for box in change.boxes[:MOST_BOXES]:
            grown = box
            for other in [other for other in self._hulls if overlaps(other, box)]:
                self._hulls.remove(other)
                grown = hull(grown, other)
            self._hulls.append(grown)

    def ended(self, end_ns: int) -> MotionPiece:
        """Return the piece as it stands."""
        largest = sorted(self._hulls, key=_box_area, reverse=True)[:MOST_BOXES]
        return MotionPiece(start_ns=self.start_ns, end_ns=end_ns, boxes=tuple(largest), area=self._area)


def _box_area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
