"""Frames on their way into a model that may be slower than the cameras: in the order of time, the oldest lost first."""

from __future__ import annotations

from collections import deque

from runtime.messages import Frame

REMEMBERED = 1024  # lost frames of which the time is known


class FrameQueue:
    """Frames that wait to be looked at."""

    def __init__(self, room: int | None) -> None:
        """Let at most `room` frames wait; None where whoever sends them waits instead (a replay)."""
        self.lost = 0
        self._room = room
        self._waiting: deque[Frame] = deque()
        self._lost_ns: deque[int] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, frame: Frame) -> None:
        """Take the next frame; the oldest is lost where there is no room."""
        self._waiting.append(frame)
        if self._room is not None and len(self._waiting) > self._room:
            self._lost_ns.append(self._waiting.popleft().t_ns)
            self.lost += 1

    def has(self, until_ns: int) -> bool:
        """Say whether a frame waits that is not later than `until_ns`."""
        return bool(self._waiting) and self._waiting[0].t_ns <= until_ns

    def take(self, until_ns: int) -> Frame | None:
        """Return the oldest frame unless it is later than `until_ns`."""
        return self._waiting.popleft() if self.has(until_ns) else None

    def lost_between(self, start_ns: int, end_ns: int) -> int:
        """Return how many frames of a stretch of time were lost."""
        return sum(start_ns <= t_ns <= end_ns for t_ns in self._lost_ns)
