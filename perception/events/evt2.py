"""EVT 2.0 words (Prophesee) into events: 32 bits each, little-endian, vectorised, over chunks of any size.

A word's type is in its upper four bits: 0 and 1 an event that is OFF or ON with six bits of time, 11 of column and 11
of row; 8 the upper 28 bits of the time in microseconds. All others (triggers, others, continued) are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.events.arrays import Events, joined
from perception.events.words import WordCutter

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGH_BITS = 28
LOW_BITS = 6
WRAP_US = 1 << (HIGH_BITS + LOW_BITS)  # 4.8 hours
FIRST_OTHER = np.uint32(2 << 28)  # words below it are events
HIGH_CODE = np.uint32(8)
PIECE = 1 << 15  # words at a time, which stay in the cache of a core


class Evt2Decoder:
    """Decodes one stream; the time goes on from chunk to chunk."""

    def __init__(self) -> None:
        """Start at time 0, which counts until the first word of the time."""
        self.wraps = 0  # of the counter
        self._cutter = WordCutter("<u4")
        self._high = 0

    @property
    def waiting(self) -> int:
        """Return the bytes of a word that is not whole yet."""
        return self._cutter.waiting

    def feed(self, data: bytes) -> Events:
        """Return the events of the next bytes."""
        words = self._cutter.cut(data)
        pieces = range(0, len(words), PIECE)
        return joined([self._decode(words[start : start + PIECE]) for start in pieces])

    def _decode(self, words: NDArray[np.uint32]) -> Events:
        at = np.flatnonzero(words >> np.uint32(28) == HIGH_CODE)
        is_event = words < FIRST_OTHER
        found = words[is_event]
        times = self._base_times(words, at, is_event)
        times += (found >> np.uint32(22)) & np.uint32(63)
        return Events(
            x=((found >> np.uint32(11)) & np.uint32(0x7FF)).astype(np.uint16),
            y=(found & np.uint32(0x7FF)).astype(np.uint16),
            p=(found >> np.uint32(28)).astype(np.uint8),
            t_us=times,
        )

    def _base_times(
        self, words: NDArray[np.uint32], at: NDArray[np.intp], is_event: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the upper bits of each event's time, wraps counted, in microseconds."""
        high = np.empty(len(at) + 1, np.int64)
        high[0] = self._high
        high[1:] = words[at] & np.uint32((1 << HIGH_BITS) - 1)
        is_wrap = np.diff(high) < -(1 << (HIGH_BITS - 1))
        self._high = int(high[-1])
        high[1:] += (self.wraps + np.cumsum(is_wrap)) << HIGH_BITS
        high[0] += self.wraps << HIGH_BITS
        self.wraps += int(np.count_nonzero(is_wrap))
        high <<= LOW_BITS
        stretches = np.concatenate([np.zeros(1, np.intp), at])  # each is read with the time that stands before it
        return high.repeat(np.add.reduceat(is_event, stretches, dtype=np.int64))
