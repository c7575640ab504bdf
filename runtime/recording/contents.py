"""What the entries of a recording mean, whatever their format: pictures, sound, and the inputs of other sensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from runtime.messages import CalibrationInput, EventsInput, ImuInput, PoseInput, RadarInput, Sensor

InputKind: TypeAlias = Literal["image", "audio", "radar", "events", "pose", "imu", "calibration"]

COMPRESSED = frozenset({"jpeg", "png", "webp"})  # a picture each
VIDEO_NAMES = {"h264": "h264", "h265": "hevc", "vp9": "vp9", "av1": "av1"}  # Foxglove's, FFmpeg's
VIDEO = frozenset(VIDEO_NAMES.values())  # a picture needs those before it
SENSORS: Mapping[InputKind, Sensor] = {  # whose inputs they are; a calibration is no sample
    "image": "video",
    "audio": "audio",
    "radar": "radar",
    "events": "events",
    "pose": "pose",
    "imu": "imu",
}
STREAM = "heedful.stream"  # metadata of our own channels: what the stream was called
KIND = "heedful.kind"  # and which kind of input it is
VIEW_ONLY = "heedful.view"  # metadata of a channel that repeats another one for viewers


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of a camera; `encoding` is one of COMPRESSED or VIDEO, else FFmpeg's name of a pixel format."""

    t_ns: int | None  # when it was taken; None where nobody said
    encoding: str
    width_px: int = 0  # of raw pixels; 0 where the payload says it
    height_px: int = 0
    step_bytes: int = 0  # from one row to the next
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcm:
    """Interleaved signed 16-bit little-endian samples."""

    t_ns: int | None  # of the first sample
    rate_hz: int
    channels: int
    payload: bytes = field(repr=False)


Content: TypeAlias = Picture | Pcm | RadarInput | EventsInput | PoseInput | ImuInput | CalibrationInput
Decode: TypeAlias = Callable[[bytes], Sequence[Content]]
"""From an entry's bytes to what is in it, most often one thing. Raises ValueError where they are damaged."""


def no_frame(data: bytes) -> str:
    """Return nothing: such entries name no frame."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """How to read a channel."""

    kind: InputKind
    decode: Decode
    frame_of: Callable[[bytes], str] = no_frame  # where the sensor sits: a name that transforms tell of


ANY = ""  # session and stream of inputs that were just decoded: whoever plays them knows the names
