"""How the messages of a ROS channel are laid out: by the text that the recording brings, else as ROS ships the type."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from rosbags.interfaces import Nodetype
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from runtime.recording.container import Channel

Read: TypeAlias = Callable[[bytes], Any]
"""From bytes to a message with the attributes that its type names. Raises ValueError where they are damaged."""

TEXT_LIMIT = 1 << 15  # characters of a definition
ELEMENTS_LIMIT = 1_024  # of all fixed arrays of messages and strings in a type
# What rosbags raises on bytes that do not fit the type.
_DAMAGED = (SerdeError, KeyError, IndexError, AssertionError, OverflowError, MemoryError, RecursionError, TypeError)

_AUDIO_INFO = "uint8 channels\nuint32 sample_rate\nstring sample_format\nuint32 bitrate\nstring coding_format\n"
_EVENT_PACKET = """std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
"""
BY_HAND = {  # types that one ROS or the other does not ship
    "audio_common_msgs/msg/AudioData": "uint8[] data\n",
    "audio_common_msgs/msg/AudioDataStamped": "std_msgs/Header header\naudio_common_msgs/AudioData audio\n",
    "audio_common_msgs/msg/AudioInfo": _AUDIO_INFO,
    "event_camera_msgs/msg/EventPacket": _EVENT_PACKET,
    "tf2_msgs/msg/TFMessage": "geometry_msgs/TransformStamped[] transforms\n",
    "tf/msg/tfMessage": "geometry_msgs/TransformStamped[] transforms\n",
    "foxglove_msgs/msg/CompressedVideo": "time timestamp\nstring frame_id\nuint8[] data\nstring format\n",
}


def ros_name(schema: str) -> str:
    """Return a type's name as ROS 2 writes it: sensor_msgs/msg/Image, also for ROS 1's sensor_msgs/Image."""
    package, _, name = schema.partition("/")
    return schema if not name or "/" in name else f"{package}/msg/{name}"


def ros_reader(channel: Channel) -> Read | None:
    """Return how to read the messages of a channel, or None where its type is unknown or its definition unreadable."""
    name = ros_name(channel.schema)
    try:
        fields = _needed(name, _embedded(channel, name), is_ros1=channel.encoding == "ros1")
        store = Typestore()
        store.register({one: ([], fields[one]) for one in fields})
        store.get_msgdef(name)
    except (TypesysError, *_DAMAGED, ValueError, SyntaxError):
        return None
    parse = store.deserialize_ros1 if channel.encoding == "ros1" else store.deserialize_cdr

    def read(data: bytes) -> Any:
        try:
            return parse(data, name)
        except _DAMAGED as error:
            raise ValueError(f"is no {name}") from error

    return read


def _embedded(channel: Channel, name: str) -> dict[str, Any]:
    """Return the types that a recording brings itself. IDL is not read: ROS ships the same types as text."""
    text = channel.schema_data.decode(errors="replace").replace("\r\n", "\n")
    if channel.schema_encoding not in ("ros1msg", "ros2msg") or not text.strip():
        return {}
    if len(text) > TEXT_LIMIT or not re.fullmatch(r"[A-Za-z]\w*(/[A-Za-z]\w*)+", name, re.ASCII):
        raise ValueError("no definition of a message")
    return _fields(text, name)


def _fields(text: str, name: str) -> dict[str, Any]:
    """Return type -> its fields of a definition and those that it brings along. Constants are of no use here."""
    return {one: fields for one, (_, fields) in get_types_from_msg(text, name).items()}


def _needed(name: str, embedded: dict[str, Any], *, is_ros1: bool) -> dict[str, Any]:
    """Return the fields of a type and of all types within. Raises KeyError where one is unknown.

    rosbags compiles a reader for each, which writes out arrays of messages: what a recording may ask for is bounded.
    """
    needed: dict[str, Any] = {}
    waiting, elements = [name], 0
    while waiting:
        one = waiting.pop()
        if one in needed:
            continue
        needed[one] = embedded[one] if one in embedded else _shipped(is_ros1=is_ros1)[one]
        for _, (kind, inner) in needed[one]:
            if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
                elements += inner[1] if kind == Nodetype.ARRAY and _is_written_out(inner[0]) else 0
                kind, inner = inner[0]
            if kind == Nodetype.NAME:
                waiting.append(inner)
        if elements > ELEMENTS_LIMIT:
            raise ValueError(f"{name} has arrays that are too large")
    return needed


def _is_written_out(element: Any) -> bool:
    kind, inner = element
    return bool(kind == Nodetype.NAME or inner[0] == "string")


@cache
def _shipped(*, is_ros1: bool) -> dict[str, Any]:
    store = get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_JAZZY)
    by_hand = {name: _fields(text, name)[name] for name, text in BY_HAND.items()}
    return {name: fields for name, (_, fields) in store.fielddefs.items()} | by_hand
