"""Samples of sensors other than cameras and microphones, and what is refused at the door."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput

DataInput: TypeAlias = RadarInput | EventsInput | PoseInput | ImuInput

ENCODINGS = {"evt3": 2, "evt2": 4, "libcaer_cmp": 2}  # of event packets -> bytes of a word
UNIT_ERROR = 0.05  # how far the length of a quaternion may be from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSample:
    """One sweep, packet, pose or measurement at its place in event time."""

    t_ns: int
    seq: int
    message: DataInput

    @property
    def end_ns(self) -> int:
        """When it has been sensed: it is a moment."""
        return self.t_ns


def input_fault(message: DataInput | CalibrationInput) -> str:
    """Return why an input cannot be used, or nothing."""
    match message:
        case RadarInput():
            return _radar_fault(message)
        case EventsInput():
            word = ENCODINGS.get(message.encoding)
            if word is None:
                return f"events as {message.encoding!r}: {', '.join(ENCODINGS)} are taken"
            if min(message.width_px, message.height_px, message.base_ns) < 0:
                return "a size or a time below zero"
            return f"{len(message.payload)} bytes are no whole number of words" if len(message.payload) % word else ""
        case PoseInput():
            return _turn_fault(message.orientation)
        case ImuInput():
            return _turn_fault(message.orientation) if message.orientation is not None else ""
        case CalibrationInput():
            if message.camera and len(message.camera) != 9:
                return f"a camera matrix has 9 numbers, not {len(message.camera)}"
            return _turn_fault(message.orientation)


def _radar_fault(message: RadarInput) -> str:
    names = message.fields.split()
    if not {"x", "y", "z"} <= {*names} or len({*names}) < len(names):
        return f"points with the fields {message.fields!r}: x, y and z must be there, and each once"
    if len(message.payload) % (4 * len(names)):
        return f"{len(message.payload)} bytes are no whole number of points with {len(names)} float32 each"
    if not np.isfinite(np.frombuffer(message.payload, "<f4")).all():
        return "a value that is not finite"
    return ""


def _turn_fault(orientation: tuple[float, ...]) -> str:
    length = math.hypot(*orientation)
    return "" if abs(length - 1) <= UNIT_ERROR else f"a quaternion of length {length:.3g}"
