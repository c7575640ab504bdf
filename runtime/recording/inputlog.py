"""Inputs in a recording: on `/<stream>/<kind>` as viewers know them, calibrations as our own JSON beside that."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass

from runtime.messages import AudioInput, CalibrationInput, ImageInput, Input
from runtime.recording import buslog, foxglove
from runtime.recording.contents import KIND, STREAM, VIEW_ONLY, Content, InputKind, Pcm, Picture
from runtime.recording.mcap_writer import ChannelInfo

if TYPE_CHECKING:
    from google.protobuf.message import Message as Protobuf


def content_of(message: Input) -> Content:
    """Return what an input of the bus holds, its bytes untouched."""
    match message:
        case ImageInput():
            return Picture(t_ns=message.t_ns, encoding="jpeg", payload=message.payload)
        case AudioInput():
            return Pcm(t_ns=message.t_ns, rate_hz=message.rate_hz, channels=message.channels, payload=message.payload)
        case _:
            return message


def entries_of(stream: str, kind: InputKind, content: Content) -> Iterator[tuple[ChannelInfo, bytes]]:
    """Yield what is written of an input, with the channels it belongs to.

    Raises ValueError where it states what no sensor can: a negative size, a rate beyond 32 bits.
    """
    if not isinstance(content, CalibrationInput):
        yield _entry(f"/{stream}/{kind}", foxglove.encode(content, stream), _source(stream, kind))
        return
    ours = buslog.channel_of(content)
    yield _sticky(replace(ours, topic=f"/{stream}/{kind}", metadata=_source(stream, kind))), buslog.to_entry(content)
    for name, shown in _views(stream, content):
        channel, data = _entry(f"/{stream}/{name}", shown, {VIEW_ONLY: "1"})
        yield _sticky(channel), data


def _views(stream: str, content: CalibrationInput) -> Iterator[tuple[str, Protobuf]]:
    yield "transform", foxglove.encode(content, stream)
    if content.camera:
        yield "camera", foxglove.encode_camera(content, stream)


def _source(stream: str, kind: InputKind) -> dict[str, str]:
    return {STREAM: stream, KIND: kind}


def _entry(topic: str, message: Protobuf, metadata: dict[str, str]) -> tuple[ChannelInfo, bytes]:
    channel = ChannelInfo(
        topic=topic,
        schema=message.DESCRIPTOR.full_name,
        schema_encoding="protobuf",
        schema_data=_schema(message.DESCRIPTOR.full_name),
        encoding="protobuf",
        metadata=metadata,
    )
    return channel, message.SerializeToString()


def _sticky(channel: ChannelInfo) -> ChannelInfo:
    return replace(channel, is_sticky=True)


@functools.cache
def _schema(name: str) -> bytes:
    return foxglove.schema_data(GetMessageClass(Default().FindMessageTypeByName(name)))
