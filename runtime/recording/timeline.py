"""Log times to event time: long pauses in which nothing at all was recorded are left out.

A recorder that was stopped overnight, or whose clock was set, leaves such pauses. Every stream of a recording goes
through one timeline, so they stay in step.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

PAUSE_NS = 600_000_000_000  # shorter pauses are played
KEPT_NS = 1_000_000_000  # what is left of a longer one


class Timeline:
    """Takes the spans in which something was logged; `cuts` is (begin, end) of each pause that was shortened."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Find the pauses between spans, which may overlap."""
        self.cuts: list[tuple[int, int]] = []
        self._ends: list[int] = []
        self._shifts: list[int] = [0]
        reached_ns: int | None = None
        for start_ns, end_ns in sorted(spans):
            if reached_ns is not None and start_ns - reached_ns > PAUSE_NS:
                self.cuts.append((reached_ns, start_ns))
                self._ends.append(start_ns)
                self._shifts.append(self._shifts[-1] + start_ns - reached_ns - KEPT_NS)
            reached_ns = end_ns if reached_ns is None else max(reached_ns, end_ns)

    def event_ns(self, log_ns: int) -> int:
        """Return a time with the pauses before it shortened; within one it stands still at its end."""
        number = bisect_right(self._ends, log_ns)
        t_ns = log_ns - self._shifts[number]
        if number < len(self._ends):  # not beyond where the time after the next pause begins
            t_ns = min(t_ns, self._ends[number] - self._shifts[number + 1])
        return t_ns

    def log_ns(self, event_ns: int) -> int:
        """Return the latest log time that becomes an event time."""
        return next(
            (
                event_ns + shift_ns
                for shift_ns, end_ns in zip(reversed(self._shifts[1:]), reversed(self._ends), strict=True)
                if event_ns + shift_ns >= end_ns
            ),
            event_ns,
        )
