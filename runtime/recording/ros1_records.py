"""The records of a ROS 1 bag: named fields, then data. Format: http://wiki.ros.org/Bags/Format/2.0."""

from __future__ import annotations

import bz2
import struct
from enum import IntEnum
from typing import IO, TypeAlias

import lz4.frame

from runtime.recording.container import Channel

MAGIC = b"#ROSBAG V2.0\n"
HEAD_LIMIT_BYTES = 1 << 20
RECORD_LIMIT_BYTES = 256 << 20  # more is damage, or somebody's trap
NANOSECONDS = 1_000_000_000
# OverflowError: a place beyond what a file can have; RuntimeError: what lz4 says
BROKEN = (struct.error, ValueError, KeyError, EOFError, OSError, OverflowError, RuntimeError)

Fields: TypeAlias = dict[str, bytes]


class Op(IntEnum):
    """What a record is."""

    MESSAGE = 2
    BAG = 3
    INDEX = 4
    CHUNK = 5
    CHUNK_INFO = 6
    CONNECTION = 7


def read_head(file: IO[bytes], position: int) -> tuple[Fields, int, int]:
    """Return (fields, where its data begins, how long that is) of the record at a place; its data may be missing.

    Raises EOFError where the file ends in it, ValueError or struct.error where there is none.
    """
    file.seek(position)
    size = file.read(4)
    if len(size) < 4:
        raise EOFError
    (length,) = struct.unpack("<I", size)
    if length > HEAD_LIMIT_BYTES:
        raise ValueError(f"a head of {length} bytes")
    head = file.read(length + 4)
    if len(head) < length + 4:
        raise EOFError
    (size_bytes,) = struct.unpack_from("<I", head, length)
    return _fields(head[:length]), position + 4 + length + 4, size_bytes


def records_in(data: bytes) -> list[tuple[Fields, bytes]]:
    """Split bytes into the records that stand in them whole. Raises ValueError or struct.error for what are none."""
    records, position = [], 0
    while position + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, position)
        position += 4
        if position + length + 4 > len(data):
            break
        (size_bytes,) = struct.unpack_from("<I", data, position + length)
        begin = position + length + 4
        if begin + size_bytes > len(data):
            break
        records.append((_fields(data[position : position + length]), data[begin : begin + size_bytes]))
        position = begin + size_bytes
    return records


def _fields(head: bytes) -> Fields:
    fields, position = {}, 0
    while position < len(head):
        (length,) = struct.unpack_from("<I", head, position)
        name, is_field, value = head[position + 4 : position + 4 + length].partition(b"=")
        position += 4 + length
        if not is_field or position > len(head):
            raise ValueError("no field of a record")
        fields[name.decode()] = value
    return fields


def number(fields: Fields, name: str) -> int:
    """Return a field as a number. Raises KeyError where it is missing."""
    return int.from_bytes(fields[name], "little")


def time_ns(value: bytes) -> int:
    """Return a time from its seconds and nanoseconds. Raises struct.error where it is none."""
    seconds, nanoseconds = struct.unpack("<II", value)
    return int(seconds) * NANOSECONDS + int(nanoseconds)


def unpacked(fields: Fields, data: bytes, *, is_cut: bool) -> bytes:
    """Return the records of a chunk; of one in which the file ends, those that are there."""
    size_bytes = number(fields, "size")
    if size_bytes > RECORD_LIMIT_BYTES:
        raise ValueError(f"it claims {size_bytes} bytes")
    match fields["compression"]:
        case b"none":
            pass
        case b"bz2":
            data = bz2.BZ2Decompressor().decompress(data, size_bytes)
        case b"lz4":
            data = bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, size_bytes))
        case other:
            raise ValueError(f"its compression {other.decode(errors='replace')!r} is unknown")
    if len(data) != size_bytes and not is_cut:
        raise ValueError(f"it holds {len(data)} bytes of {size_bytes}")
    return data


def connection(fields: Fields, data: bytes, count: int | None) -> Channel:
    """Return what a connection record tells of. Raises KeyError or ValueError where it lacks something."""
    about = _fields(data)
    return Channel(
        id=number(fields, "conn"),
        topic=fields["topic"].decode(),
        schema=about["type"].decode(),
        schema_encoding="ros1msg",
        schema_data=about.get("message_definition", b""),
        encoding="ros1",
        metadata={name: about[name].decode(errors="replace") for name in ("callerid", "latching") if name in about},
        count=count,
    )
