"""How the sound of ROS's audio_common is packed: its messages are bare bytes; another topic may say what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.recording.container import Channel, Container
from runtime.recording.ros_types import ros_name, ros_reader

AUDIO_INFO = "audio_common_msgs/msg/AudioInfo"
SAMPLES = {"": "<i2", "S16LE": "<i2", "S16BE": ">i2", "S32LE": "<i4", "S32BE": ">i4", "F32LE": "<f4", "F32BE": ">f4"}
MPEG = {  # layer III, by the first bits of a frame: bytes for a kbit/s and Hz; kbit/s and Hz by their numbers
    0xFA: (144_000, (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0), (44_100, 48_000, 32_000, 0)),
    0xF2: (72_000, (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0), (22_050, 24_000, 16_000, 0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """What the bytes are; the defaults are what audio_common's own nodes use for uncompressed sound."""

    rate_hz: int = 16_000
    channels: int = 1
    samples: str = "S16LE"  # GStreamer's name
    coding: str = "wave"

    def s16(self, data: bytes) -> bytes:
        """Return signed 16-bit little-endian samples. Raises ValueError where the bytes are compressed or broken."""
        kind = SAMPLES.get(self.samples.upper())
        if self.coding.lower() not in ("", "wave", "raw") or kind is None:
            raise ValueError(f"sound as {self.coding} {self.samples} cannot be read")
        if is_mpeg(data):
            raise ValueError("sound as mp3 cannot be read")
        if self.rate_hz <= 0 or self.channels <= 0 or len(data) % (np.dtype(kind).itemsize * self.channels):
            raise ValueError("sound that breaks off within a sample")
        if kind == "<i2":
            return data
        samples = np.frombuffer(data, kind)
        if samples.dtype.kind == "f":
            samples = np.nan_to_num(samples).clip(-1, 1) * 32_767
        elif samples.dtype.itemsize == 4:
            samples = samples >> 16
        return bytes(samples.astype("<i2").tobytes())


def is_mpeg(data: bytes) -> bool:
    """Return whether bytes are one or more MP3 frames: each says how long it is, and all must add up."""
    position = 0
    while position < len(data):
        length = _frame_bytes(data[position : position + 4])
        if not length:
            return False
        position += length
    return position == len(data) > 0


def _frame_bytes(head: bytes) -> int:
    """Return the length of an MP3 frame, or 0 where this is the head of none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xFE not in MPEG:
        return 0
    factor, bit_rates, rates_hz = MPEG[head[1] & 0xFE]
    bit_rate, rate_hz = bit_rates[head[2] >> 4], rates_hz[head[2] >> 2 & 3]
    return factor * bit_rate // rate_hz + (head[2] >> 1 & 1) if bit_rate and rate_hz else 0


def audio_formats(container: Container) -> dict[str, AudioFormat]:
    """Return what a recording says of its sound, by topic: that of /audio and /audio_stamped stands in /audio_info."""
    formats: dict[str, AudioFormat] = {}
    for channel in container.channels.values():
        if ros_name(channel.schema) == AUDIO_INFO:
            found = _first(container, channel)
            if found is not None:
                topic = channel.topic.removesuffix("_info")
                formats[topic] = formats[f"{topic}_stamped"] = found
    return formats


def _first(container: Container, channel: Channel) -> AudioFormat | None:
    read = ros_reader(channel)
    entry = next(iter(container.entries([channel.id])), None)
    if read is None or entry is None:
        return None
    try:
        info = read(entry.data)
        return AudioFormat(
            rate_hz=info.sample_rate,
            channels=info.channels,
            samples=info.sample_format,
            coding=info.coding_format,
        )
    except (ValueError, AttributeError):  # as good as none; whoever plays the channel is told
        return None
