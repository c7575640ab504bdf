"""Turns the timestamps of a recording, however broken, into media time that starts near 0 and only moves forward."""

from __future__ import annotations

LONGEST_HOLE_NS = 10_000_000_000  # a longer silence between two timestamps is a jump of the clock, not a pause
SMALL_STEP_BACK_NS = 1_000_000_000  # less than this is a decoder that reorders, not a clock that was set back


class MediaClock:
    """Media time of one track; `origin_ns` is the earliest timestamp of its container, so tracks stay in step.

    `jumps` counts the timestamps that could not be believed and were bridged.
    """

    def __init__(self, origin_ns: int | None) -> None:
        self._origin_ns = origin_ns
        self._shift_ns = 0
        self._last_ns = -1
        self.jumps = 0

    def step(self, pts_ns: int | None, expected_ns: int) -> int:
        """Return the media time of a sample stamped `pts_ns`, always later than the one before.

        `expected_ns` is where the sample would be if nothing were missing: it stands in for an absent timestamp and
        is where time goes on after a jump.
        """
        if pts_ns is None:
            return self._advance(expected_ns)
        if self._origin_ns is None:  # the container does not know where it starts
            self._origin_ns = pts_ns
        t_ns = pts_ns - self._origin_ns + self._shift_ns
        is_first = self._last_ns < 0
        too_early = t_ns < self._last_ns - SMALL_STEP_BACK_NS
        too_late = t_ns > self._last_ns + LONGEST_HOLE_NS
        if not is_first and (too_early or too_late):
            self._shift_ns += expected_ns - t_ns
            self.jumps += 1
            t_ns = expected_ns
        return self._advance(t_ns)

    def _advance(self, t_ns: int) -> int:
        """Take `t_ns`, or the next free nanosecond if it lies in the past."""
        self._last_ns = max(t_ns, self._last_ns + 1)
        return self._last_ns
