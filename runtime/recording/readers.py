"""Which decoder reads a channel: ours and Foxglove's protobuf, and ROS types; None where nothing here can."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from runtime.errors import WireError
from runtime.messages import CalibrationInput
from runtime.recording import buslog, foxglove
from runtime.recording.container import Channel, Container, Entry
from runtime.recording.contents import KIND, VIEW_ONLY, Content, Decoder
from runtime.recording.ros import ros_decoder
from runtime.recording.ros_audio import AudioFormat, audio_formats


def decoders_of(container: Container) -> dict[int, Decoder]:
    """Return how to read each channel that can be read; what is said of sound on another topic counts."""
    formats = audio_formats(container)
    found = {number: decoder_for(one, formats.get(one.topic)) for number, one in container.channels.items()}
    return {number: decoder for number, decoder in found.items() if decoder is not None}


def decoder_for(channel: Channel, audio: AudioFormat | None = None) -> Decoder | None:
    """Return how to read a channel's entries, or None; `audio` is how bare samples are packed, where that is known."""
    if VIEW_ONLY in channel.metadata:
        return None
    if channel.metadata.get(KIND) == "calibration" and buslog.is_message(channel):
        return Decoder(kind="calibration", decode=partial(_calibration, channel))
    if channel.encoding == "protobuf":
        return foxglove.DECODERS.get(channel.schema)
    if channel.encoding in ("cdr", "ros1"):
        return ros_decoder(channel, audio)
    return None


def _calibration(channel: Channel, data: bytes) -> Sequence[Content]:
    try:
        message = buslog.from_entry(channel, Entry(channel=channel.id, seq=0, log_ns=0, publish_ns=0, data=data))
    except WireError as error:
        raise ValueError(error.reason) from error
    return [message] if isinstance(message, CalibrationInput) else []
