"""The poses of a recording for a radar of the same session, read as far as it asks: a replay gives them in time order.

Streams of a replay run side by side, and how far another one has come is nobody's promise. So a radar has its own
reader of the poses.
"""

from __future__ import annotations

from collections.abc import Callable

from perception.inputs import DataSample
from perception.sources import Reader
from perception.tracking.poses import EgoMotion, Poses
from runtime.messages import CalibrationInput, PoseInput

AT_ONCE = 64


class PoseFeed:
    """Reads one track of poses once somebody asks, from one thread."""

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        """Open nothing yet."""
        self._open = open_reader
        self._reader: Reader | None = None
        self._is_over = False
        self._ahead: list[DataSample] = []  # read, and later than what was asked for; oldest last
        self._poses = Poses()

    def at(self, t_ns: int, place: CalibrationInput | None = None) -> EgoMotion | None:
        """Return how a sensor that sits at `place` moves, from poses up to `t_ns`. Times only grow."""
        while (sample := self._next()) is not None:
            if sample.t_ns > t_ns:
                self._ahead.append(sample)
                break
            self._poses.put(sample)
        return self._poses.at(t_ns, place)

    def close(self) -> None:
        """Close what is open; what was read stays."""
        self._is_over = True
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _next(self) -> DataSample | None:
        if not self._ahead and not self._is_over:
            if self._reader is None:
                self._reader = self._open()
            read = [one for one in self._reader.read(AT_ONCE) if isinstance(one, DataSample)]
            self._ahead = [one for one in reversed(read) if isinstance(one.message, PoseInput)]
            if not self._ahead:
                self.close()
        return self._ahead.pop() if self._ahead else None
