"""`libcaer_cmp` words (ROS drivers of iniVation cameras) into events: 16 bits each, little-endian, vectorised.

A word's code is in its upper four bits: 0 and 1 the upper and lower 12 bits of the time in microseconds since the
packet's base, 2 a column, 3 a row with its polarity in bit 11 (one event), 4 a base row with polarity, 5 a mask of
eight rows from the base on, which then moves on by eight. The time begins anew with each packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.events.arrays import Events
from perception.events.words import WordCutter, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME_HIGH, TIME_LOW, COLUMN, ROW, BASE_ROW, MASK = range(6)
VALUE = np.uint16(0x7FF)
ON = np.uint16(0x800)
PLACES = np.arange(8, dtype=np.uint16)


class LibcaerDecoder:
    """Decodes packets, each in chunks of any size; column and base row go on from packet to packet."""

    def __init__(self) -> None:
        self._cutter = WordCutter("<u2")
        self._base_us = 0
        self._high = self._low = self._column = self._base = 0

    @property
    def waiting(self) -> int:
        """Return the bytes of a word that is not whole yet."""
        return self._cutter.waiting

    def begin(self, base_us: int) -> None:
        """Begin the next packet, to whose times `base_us` is added; half a word of the last one is forgotten."""
        self._cutter = WordCutter("<u2")
        self._base_us = base_us
        self._high = self._low = 0

    def feed(self, data: bytes) -> Events:
        """Return the events of the packet's next bytes."""
        words = self._cutter.cut(data)
        codes = words >> np.uint16(12)
        source, x, y, p = self._places(words, codes)
        high, self._high = self._filled(words, codes, TIME_HIGH, source, self._high, np.uint16(0xFFF))
        low, self._low = self._filled(words, codes, TIME_LOW, source, self._low, np.uint16(0xFFF))
        return Events(x=x, y=y, p=p, t_us=self._base_us + (high.astype(np.int64) << 12 | low))

    def _places(
        self, words: NDArray[np.uint16], codes: NDArray[np.uint16]
    ) -> tuple[NDArray[np.intp], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
        """Return of each event the word that it came of, its column, row and polarity."""
        at_mask = np.flatnonzero(codes == MASK)
        bits = (words[at_mask, None] >> PLACES) & np.uint16(1)  # (M, 8)
        which, bit = np.nonzero(bits)
        base, polarity = self._bases(words, codes, at_mask)
        at_row = np.flatnonzero(codes == ROW)
        source = np.concatenate([at_row, at_mask[which]])
        order = np.argsort(source, kind="stable")
        rows = np.concatenate([words[at_row] & VALUE, base[which] + PLACES[bit]])[order]
        p = np.concatenate([words[at_row] & ON, polarity[which]])[order] > 0
        source = source[order]
        x, self._column = self._filled(words, codes, COLUMN, source, self._column, VALUE)
        return source, x, rows, p.astype(np.uint8)

    def _bases(
        self, words: NDArray[np.uint16], codes: NDArray[np.uint16], at_mask: NDArray[np.intp]
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return the base row of each mask (M,), moved on by the masks before it, and its polarity."""
        at = np.flatnonzero(codes == BASE_ROW)
        said = words[at] & (VALUE | ON)
        last = spread(said, at, at_mask, self._base)
        first = spread(np.searchsorted(at_mask, at), at, at_mask, 0)  # the first mask after each base row
        moved = (8 * (np.arange(len(at_mask)) - first)).astype(np.uint16)
        if len(said):
            after = int(len(at_mask) - np.searchsorted(at_mask, at[-1]))
            self._base = _moved(int(said[-1]), after)
        else:
            self._base = _moved(self._base, len(at_mask))
        return ((last & VALUE) + moved) & VALUE, last & ON

    @staticmethod
    def _filled(
        words: NDArray[np.uint16],
        codes: NDArray[np.uint16],
        code: int,
        places: NDArray[np.intp],
        before: int,
        mask: np.uint16,
    ) -> tuple[NDArray[np.uint16], int]:
        """Return what words of one code said last before each place, and what the last of them said."""
        at = np.flatnonzero(codes == code)
        values = words[at] & mask
        return spread(values, at, places, before), int(values[-1]) if len(values) else before


def _moved(base: int, masks: int) -> int:
    """Return a base row with its polarity after some masks."""
    return base & int(ON) | (base + 8 * masks) & int(VALUE)
