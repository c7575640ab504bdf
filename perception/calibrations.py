"""Where each sensor sits on its rig, how cameras project, and from when on what was said of that counts."""

from __future__ import annotations

import heapq
import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from perception.inputs import input_fault
from perception.places import Change
from runtime.messages import CalibrationInput, Sensor

logger = logging.getLogger(__name__)

PLACED: tuple[Sensor, ...] = ("video", "radar", "events")  # sensors whose place matters when they are brought together


class Calibrations:
    """The calibrations of one session, by stream."""

    def __init__(
        self,
        known: Mapping[str, CalibrationInput] | None = None,
        changes: Sequence[Callable[[], Iterator[Change]]] = (),
    ) -> None:
        """Begin with what a recording brought; `changes` are read as far as somebody asks, each by event time."""
        self.of: dict[str, CalibrationInput] = {}
        self._changes = heapq.merge(*(_from_files(read) for read in changes), key=lambda change: change[0])
        self._lock = threading.Lock()
        self._ahead: list[Change] = []  # read, and not yet in force
        self._since: dict[str, list[tuple[int, CalibrationInput]]] = {}  # what replaced the first one, oldest first
        for stream, calibration in (known or {}).items():
            if fault := self.take(calibration, stream):
                logger.warning("the calibration of %s is left out: %s", stream, fault)

    def take(self, calibration: CalibrationInput, stream: str | None = None) -> str:
        """Keep a calibration; return why it cannot be used, or nothing."""
        fault = input_fault(calibration)
        if not fault:
            self.of[stream or calibration.stream] = calibration
        return fault

    def at(self, stream: str, t_ns: int) -> CalibrationInput | None:
        """Return what holds for a sample of that time: in a recording a later calibration counts from its time on."""
        with self._lock:  # each stream has its own thread
            self._read_until(t_ns)
        since = self._since.get(stream, [])
        place = bisect_right(since, t_ns, key=lambda one: one[0])
        return since[place - 1][1] if place else self.of.get(stream)

    def _read_until(self, t_ns: int) -> None:
        while True:
            change = self._ahead.pop() if self._ahead else next(self._changes, None)
            if change is None:
                return
            at_ns, stream, calibration = change
            if at_ns > t_ns:
                self._ahead.append(change)
                return
            if fault := input_fault(calibration):
                logger.warning("a later calibration of %s is left out: %s", stream, fault)
            else:
                since = self._since.setdefault(stream, [])
                since.append((max(at_ns, since[-1][0] if since else at_ns), calibration))

    def missing(self, streams: Mapping[str, Sensor]) -> str:
        """Return a line on streams whose place nobody said, where that of another is known, else nothing."""
        placed = sorted(name for name, sensor in streams.items() if sensor in PLACED)
        known, unknown = [[one for one in placed if (one in self.of) is there] for there in (True, False)]
        if not known or not unknown:
            return ""
        have = "have" if unknown[1:] else "has"
        return (
            f"{', '.join(unknown)} {have} no calibration: played all the same, but nothing can say what of it is where "
            f"{' and '.join(known)} looked"
        )


def _from_files(read: Callable[[], Iterator[Change]]) -> Iterator[Change]:
    """Open a recording only once somebody asks."""
    yield from read()
