"""AEDAT4 files (iniVation) through `dv-processing`, which the extra `events` brings.

That library never comes back from a packet that is damaged, so all packets are looked at before it may read them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import lz4.frame
import numpy as np
import zstandard

from perception.events.arrays import Events
from runtime.errors import InputError, MissingPart

MAGIC = b"#!AER-DAT4.0\r\n"
LIBRARY = "dv_processing"
REMEDY = 'pip install "dv-processing>=2.0.4,<3", or install heedful with the extra `events`'
PACKET_BYTES = 256 * 1024 * 1024  # more is no packet of a camera
NO_TABLE = -1


def is_aedat4(path: Path) -> bool:
    """Say whether a file begins like one of these."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class Aedat4File:
    """Reads the events of a file, packet after packet."""

    def __init__(self, path: Path, library: str = LIBRARY) -> None:
        """Raises MissingPart without the library, InputError where the file is damaged or holds no events."""
        try:
            dv = import_module(library)
        except ImportError as error:
            raise MissingPart(f"{path}: AEDAT4 is read by dv-processing, which is not installed", REMEDY) from error
        check_packets(path)
        try:
            self._recording: Any = dv.io.MonoCameraRecording(str(path))
        except RuntimeError as error:
            raise InputError(path, f"cannot be read as AEDAT4: {str(error).splitlines()[-1]}") from error
        if not self._recording.isEventStreamAvailable():
            raise InputError(path, "holds no events")
        self.width_px, self.height_px = map(int, self._recording.getEventResolution())
        self.faults: list[str] = []
        first = self._recording.getNextEventBatch()
        self._recording.resetSequentialRead()
        self.begins_ns: int | None = None if first is None else int(first.getLowestTime()) * 1000

    def events(self) -> Iterator[Events]:
        """Yield all events, packet after packet."""
        while (batch := self._recording.getNextEventBatch()) is not None:
            if batch.size():
                found = batch.numpy()
                yield Events(
                    x=found["x"].astype(np.uint16),
                    y=found["y"].astype(np.uint16),
                    p=(found["polarity"] > 0).astype(np.uint8),
                    t_us=found["timestamp"].astype(np.int64),
                )

    def close(self) -> None:
        """Let go of the file."""
        self._recording = None


def check_packets(path: Path) -> None:
    """Raise InputError where a packet is cut off or cannot be unpacked."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        try:
            compression, end = _io_header(file)
        except (struct.error, IndexError) as error:
            raise InputError(path, "breaks off in its header") from error
        end = size_bytes if end == NO_TABLE else end
        while (at := file.tell()) < min(end, size_bytes):
            head = file.read(8)
            length = struct.unpack("<ii", head)[1] if len(head) == 8 else -1
            if not 0 <= length <= PACKET_BYTES or at + 8 + length > min(end, size_bytes):
                raise InputError(path, f"breaks off, or is damaged, at byte {at}")
            if not _is_whole(file.read(length), compression):
                raise InputError(path, f"is damaged: the packet at byte {at} cannot be unpacked")
        if end > size_bytes:
            raise InputError(path, "breaks off: the table at its end is missing")


def _io_header(file: BinaryIO) -> tuple[int, int]:
    """Return the compression and where the packets end, from a flatbuffer whose first two fields these are."""
    file.seek(len(MAGIC))
    (length,) = struct.unpack("<I", file.read(4))
    table = file.read(length)
    (root,) = struct.unpack_from("<I", table)
    (back,) = struct.unpack_from("<i", table, root)
    fields = root - back
    (fields_bytes,) = struct.unpack_from("<H", table, fields)

    def field(number: int, form: str, absent: int) -> int:
        place = 4 + 2 * number
        offset = struct.unpack_from("<H", table, fields + place)[0] if place < fields_bytes else 0
        return int(struct.unpack_from(form, table, root + offset)[0]) if offset else absent

    return field(0, "<i", 0), field(1, "<q", NO_TABLE)


def _is_whole(packet: bytes, compression: int) -> bool:
    """Say whether a packet unpacks to as many bytes as it says itself."""
    try:
        match compression:
            case 1 | 2:
                unpacked = lz4.frame.decompress(packet)
            case 3 | 4:
                unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(packet)
            case _:
                unpacked = packet
    except (RuntimeError, zstandard.ZstdError):
        return False
    return len(unpacked) >= 4 and struct.unpack_from("<I", unpacked)[0] == len(unpacked) - 4
