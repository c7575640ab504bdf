"""EVT 2.0 words (Prophesee) into events: 32 bits each, little-endian, vectorised, over chunks of any size.

A word's type is in its upper four bits: 0 and 1 an event that is OFF or ON with six bits of time, 11 of column and 11
of row; 8 the upper 28 bits of the time in microseconds. All others (triggers, others, continued) are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.events.arrays import Events
from perception.events.words import WordCutter

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGH_BITS = 28
LOW_BITS = 6
WRAP_US = 1 << (HIGH_BITS + LOW_BITS)  # 4.8 hours
FIRST_OTHER = np.uint32(2 << 28)  # words below it are events
HIGH_CODE = np.uint32(8)
VALUE = np.uint32(0x7FF)
PIECE = 1 << 16  # words at a time, which stay in the cache of a core


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
        room = len(words)
        found = Events(
            x=np.empty(room, np.uint16),
            y=np.empty(room, np.uint16),
            p=np.empty(room, np.uint8),
            t_us=np.empty(room, np.int64),
        )
        count = 0
        for start in range(0, room, PIECE):
            count += self._decode(words[start : start + PIECE], found, count)
        return found.take(slice(0, count))

    def _decode(self, words: NDArray[np.uint32], found: Events, start: int) -> int:
        """Write the events of a piece into `found` from `start` on; return how many they are."""
        others = np.flatnonzero(words >= FIRST_OTHER)
        if len(others):
            events = np.delete(words, others)
            is_high = words[others] >> np.uint32(28) == HIGH_CODE
            before = (others - np.arange(len(others)))[is_high]  # events that come before each of them
            high = words[others[is_high]]
        else:
            events, before, high = words, others, words[:0]
        part = found.take(slice(start, start + len(events)))
        bits = np.right_shift(events, np.uint32(11))
        np.bitwise_and(bits, VALUE, out=part.x, casting="unsafe")
        np.bitwise_and(events, VALUE, out=part.y, casting="unsafe")
        np.right_shift(events, np.uint32(28), out=part.p, casting="unsafe")
        np.right_shift(events, np.uint32(22), out=bits)
        bits &= np.uint32(63)
        np.add(self._base_times(high, before, len(events)), bits, out=part.t_us)
        return len(events)

    def _base_times(self, words: NDArray[np.uint32], before: NDArray[np.intp], count: int) -> NDArray[np.int64]:
        """Return the upper bits of each event's time, wraps counted, in microseconds."""
        high = np.empty(len(words) + 1, np.int64)
        high[0] = self._high
        high[1:] = words & np.uint32((1 << HIGH_BITS) - 1)
        is_wrap = np.diff(high) < -(1 << (HIGH_BITS - 1))
        self._high = int(high[-1])
        high[0] += self.wraps << HIGH_BITS
        high[1:] += (self.wraps + np.cumsum(is_wrap)) << HIGH_BITS
        self.wraps += int(np.count_nonzero(is_wrap))
        high <<= LOW_BITS
        return high.repeat(np.diff(before, prepend=0, append=count))
