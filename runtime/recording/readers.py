"""Which decoder reads a channel: ours and Foxglove's protobuf, and ROS types; None where nothing here can."""

from __future__ import annotations

from runtime.recording import foxglove
from runtime.recording.container import Channel, Container
from runtime.recording.contents import Decoder
from runtime.recording.ros import ros_decoder
from runtime.recording.ros_audio import AudioFormat, audio_formats

VIEW_ONLY = "heedful.view"  # metadata of a channel that repeats another one for viewers


def decoders_of(container: Container) -> dict[int, Decoder]:
    """Return how to read each channel that can be read; what is said of sound on another topic counts."""
    formats = audio_formats(container)
    found = {number: decoder_for(one, formats.get(one.topic)) for number, one in container.channels.items()}
    return {number: decoder for number, decoder in found.items() if decoder is not None}


def decoder_for(channel: Channel, audio: AudioFormat | None = None) -> Decoder | None:
    """Return how to read a channel's entries, or None; `audio` is how bare samples are packed, where that is known."""
    if VIEW_ONLY in channel.metadata:
        return None
    if channel.encoding == "protobuf":
        return foxglove.DECODERS.get(channel.schema)
    if channel.encoding in ("cdr", "ros1"):
        return ros_decoder(channel, audio)
    return None
