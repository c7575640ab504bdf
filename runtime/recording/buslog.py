"""Messages of the bus in a recording: JSON with the schema of their kind, media and tensors in base64.

A channel is a topic of the bus. The log time is when the recorder heard it, the publish time its event time.
"""

from __future__ import annotations

import base64
import functools
import json

from runtime import wire
from runtime.errors import WireError
from runtime.messages import KINDS, Message
from runtime.recording.container import Channel, Entry
from runtime.recording.mcap_writer import ChannelInfo
from runtime.tensors import pack

PREFIX = "heedful."  # of schema names: heedful.utterance
RUN = "heedful.run"  # metadata of a run: what it was made of, and its digest


def channel_of(message: Message) -> ChannelInfo:
    """Return the channel that a message belongs to."""
    return ChannelInfo(
        topic=wire.topic_of(message),
        schema=PREFIX + message.kind,
        schema_encoding="jsonschema",
        schema_data=_schema(message.kind),
        encoding="json",
    )


def to_entry(message: Message) -> bytes:
    """Return a message as JSON, whole."""
    text = wire.to_json(message)
    extras: dict[str, str] = {}
    if ranks := wire.tensor_ranks(message.kind):
        extras["tensors"] = _base64(pack("{}", {name: getattr(message, name) for name in ranks}))
    if hasattr(message, "payload"):
        extras["payload"] = _base64(message.payload)
    if not extras:
        return text.encode()
    return (text[:-1] + "," + json.dumps(extras)[1:]).encode()


def event_ns(message: Message) -> int:
    """Return the event time that a message states, 0 where it states none."""
    stated = getattr(message, "t_ns", None) or getattr(message, "asked_ns", None) or getattr(message, "as_of_ns", None)
    return max(0, int(stated or 0))  # before its first sample a stream has reached -1


def is_message(channel: Channel) -> bool:
    """Say whether a channel holds messages of the bus."""
    return channel.encoding == "json" and channel.schema.removeprefix(PREFIX) in KINDS and PREFIX in channel.schema


def from_entry(channel: Channel, entry: Entry) -> Message:
    """Return the message of an entry, checked as if it came over the bus. Raises WireError."""
    kind = channel.schema.removeprefix(PREFIX)
    try:
        values = json.loads(entry.data)
        payload = base64.b64decode(values.pop("payload", ""), validate=True)
        tensors = base64.b64decode(values.pop("tensors", ""), validate=True)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(channel.topic, f"is no recorded {kind} ({error})") from error
    return wire.rebuild(kind, channel.topic, values, payload, tensors)


@functools.cache
def _schema(kind: str) -> bytes:
    schema = wire.header_model(kind).model_json_schema()
    extras = ["tensors"] if wire.tensor_ranks(kind) else ["payload"] if hasattr(KINDS[kind].type, "payload") else []
    for name in extras:
        schema["properties"][name] = {"type": "string", "contentEncoding": "base64"}
    return json.dumps(schema).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
