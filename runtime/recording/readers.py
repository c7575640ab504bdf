"""Which decoder reads a channel: ours and Foxglove's protobuf, and ROS types; None where nothing here can."""

from __future__ import annotations

from runtime.recording import foxglove
from runtime.recording.container import Channel
from runtime.recording.contents import Decoder
from runtime.recording.ros import ros_decoder

VIEW_ONLY = "heedful.view"  # metadata of a channel that repeats another one for viewers


def decoder_for(channel: Channel) -> Decoder | None:
    """Return how to read a channel's entries, or None."""
    if VIEW_ONLY in channel.metadata:
        return None
    if channel.encoding == "protobuf":
        return foxglove.DECODERS.get(channel.schema)
    if channel.encoding in ("cdr", "ros1"):
        return ros_decoder(channel)
    return None
