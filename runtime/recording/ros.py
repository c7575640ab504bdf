"""ROS 1 and ROS 2 messages, decoded by the schema that the recording brings, or that ROS ships."""

from __future__ import annotations

from runtime.recording.container import Channel
from runtime.recording.contents import Decoder


def ros_decoder(channel: Channel) -> Decoder | None:
    """Return how to read a channel of a ROS type, or None where nobody needs it."""
    return None
