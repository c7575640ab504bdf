"""Where each sensor sits on its rig, and how cameras project: the newest that was said of each stream."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from perception.inputs import input_fault
from runtime.messages import CalibrationInput, Sensor

logger = logging.getLogger(__name__)

PLACED: tuple[Sensor, ...] = ("video", "radar", "events")  # sensors whose place matters when they are brought together


class Calibrations:
    """The calibrations of one session, by stream."""

    def __init__(self, known: Mapping[str, CalibrationInput] | None = None) -> None:
        """Begin with what a recording brought."""
        self.of: dict[str, CalibrationInput] = {}
        for stream, calibration in (known or {}).items():
            if fault := self.take(calibration, stream):
                logger.warning("the calibration of %s is left out: %s", stream, fault)

    def take(self, calibration: CalibrationInput, stream: str | None = None) -> str:
        """Keep a calibration; return why it cannot be used, or nothing."""
        fault = input_fault(calibration)
        if not fault:
            self.of[stream or calibration.stream] = calibration
        return fault

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
