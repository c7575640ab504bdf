"""Event time: messages of several streams in one order (t_ns, stream, seq), released by watermarks.

A stream's watermark says that nothing at or before it is still to come; a message is released once the watermark of
every open stream has passed it. Messages that come later than that are released at once and counted.
"""

from __future__ import annotations

import heapq
import logging
from collections import OrderedDict

from runtime.messages import Record, Watermark, record_id

logger = logging.getLogger(__name__)

END_NS = 2**63 - 1  # what an ended stream has reached
REMEMBERED = 65_536  # ids known, so that what is sent again is taken once


class EventOrder:
    """Holds records back until all streams have reached their time; each id is let through once."""

    def __init__(self, room: int = 16_384) -> None:
        """Hold at most `room` records; the oldest are forced out beyond that and counted."""
        self.streams: dict[str, Watermark] = {}
        self.late = 0
        self.forced = 0
        self.low_ns = -1
        self._room = room
        self._waiting: list[tuple[int, str, str, int, int, Record]] = []
        self._known: OrderedDict[str, None] = OrderedDict()

    def add(self, record: Record) -> list[Record]:
        """Take a record; returns what is released at once: late ones, and the oldest when there is no room."""
        key = record_id(record)
        if key in self._known:
            return []
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if record.t_ns <= self.low_ns:
            self.late += 1
            return [record]
        heapq.heappush(self._waiting, (record.t_ns, record.stream, record.kind, record.seq, record.epoch, record))
        if len(self._waiting) > self._room:
            self.forced += 1
            return [heapq.heappop(self._waiting)[-1]]
        return []

    def has_passed(self, watermark: Watermark) -> bool:
        """Say whether a watermark says nothing new: it was sent again, or somebody wants to hear how far we are."""
        known = self.streams.get(watermark.stream)
        return known is not None and _place(watermark) <= _place(known)

    def knows(self, record: Record) -> bool:
        """Say whether the record came before."""
        return record_id(record) in self._known

    def advance(self, watermark: Watermark) -> list[Record]:
        """Note a stream's progress and return the records that every stream has now passed, in order."""
        known = self.streams.get(watermark.stream)
        if known is not None and _place(watermark) < _place(known):
            return []  # sent again after a reconnect
        self.streams[watermark.stream] = watermark
        self.low_ns = max(self.low_ns, self.reached_ns())
        released = []
        while self._waiting and self._waiting[0][0] <= self.low_ns:
            released.append(heapq.heappop(self._waiting)[-1])
        return released

    def reached_ns(self) -> int:
        """Return the event time that every open stream has reached; END_NS when all have ended, -1 before any."""
        if not self.streams:
            return -1
        return min(END_NS if mark.ended else mark.t_ns for mark in self.streams.values())

    def last_ns(self) -> int:
        """Return the latest time any stream has reached."""
        return max((mark.t_ns for mark in self.streams.values()), default=-1)


def _place(watermark: Watermark) -> tuple[int, int, bool]:
    return watermark.epoch, watermark.t_ns, watermark.ended
