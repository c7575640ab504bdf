"""An MCAP file that is read past cuts and damage, a chunk at a time: memory stays small however large it is.

The file is open only while a chunk is read: a recording may have more parts than a process may have open files, and
each stream reads all of them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

import lz4.frame
import zstandard
from mcap.opcode import Opcode

from runtime.errors import InputError
from runtime.recording.blocks import Block, entries_in, spans_of
from runtime.recording.container import Channel, Entry
from runtime.recording.mcap_cut import CUT
from runtime.recording.mcap_index import (
    BROKEN,
    CHUNK_HEAD,
    HEAD,
    MAGIC,
    RECORD_LIMIT_BYTES,
    Index,
    note_record,
    read_index,
    records_in,
)
from runtime.recording.set_back import Shift, find_shifts, moved_block

MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
_DAMAGED = (*BROKEN, zstandard.ZstdError, RuntimeError, EOFError)  # RuntimeError: what lz4 says


class McapFile:
    """An MCAP file. Raises InputError where it is none, or holds nothing that can be read."""

    def __init__(self, path: Path) -> None:
        """Read the index of a file."""
        self.path = path
        try:
            with path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise InputError(path, "is not an MCAP file")
                self._index: Index = read_index(file, path.stat().st_size)
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})") from error
        self.faults = list(self._index.faults)
        if reason := self._index.metadata.get(CUT, {}).get("reason"):
            self.faults.append(f"ends early: {reason}")
        self._know_channels()
        self._channels = {one: self._channel(one) for one in self._index.channels}
        self._shifts: dict[int, Shift] = {}
        read = partial(self._read, None)
        self._shifts, self.jumps = find_shifts(self._index.blocks, read)
        blocks = [moved_block(one, self._shifts.get(one.offset, Shift()), read) for one in self._index.blocks]
        self._blocks = sorted(blocks, key=lambda block: block.start_ns)
        self._spans = spans_of(self._blocks, read)

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Return the channels by their number."""
        return self._channels

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """Return the metadata records by their name."""
        return self._index.metadata

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from when to when something was logged, oldest first."""
        return self._spans

    def entries(self, channels: Collection[int] | None = None, start_ns: int = 0) -> Iterator[Entry]:
        """Yield entries by log time; those of one time as they stand in the file."""
        wanted = None if channels is None else frozenset(channels)
        yield from entries_in(self._blocks, partial(self._read, wanted), channels, start_ns)

    def close(self) -> None:
        """Do nothing: the file is closed between two chunks."""

    def _read(self, wanted: frozenset[int] | None, block: Block) -> list[Entry]:
        """Return the entries in a block; those of channels that nobody wants are not copied."""
        entries, has_unknown = [], False
        for opcode, body in records_in(memoryview(self._bytes(block))):
            if opcode != Opcode.MESSAGE or len(body) < MESSAGE_HEAD.size:
                continue
            channel, seq, log_ns, publish_ns = MESSAGE_HEAD.unpack_from(body)
            if channel not in self._channels:
                has_unknown = True
            elif wanted is None or channel in wanted:
                data = bytes(body[MESSAGE_HEAD.size :])
                entries.append(Entry(channel=channel, seq=seq, log_ns=log_ns, publish_ns=publish_ns, data=data))
        if has_unknown:
            self._tell("holds messages of channels that it does not name, which were left out")
        shift = self._shifts.get(block.offset, Shift())
        return [shift.moved(entry) for entry in entries] if shift != Shift() else entries

    def _bytes(self, block: Block) -> bytes | memoryview:
        """Return the records of a block; what is damaged is told of and gives none."""
        try:
            if block.length > RECORD_LIMIT_BYTES:
                raise ValueError(f"it claims {block.length} bytes")
            with self.path.open("rb") as file:
                file.seek(block.offset)
                data = file.read(block.length)
            return _unpacked(data, is_cut=block.is_cut) if block.is_chunk else data
        except (*_DAMAGED, OSError) as error:
            if not block.is_cut:  # that it breaks off is told already
                self._tell(f"the chunk at byte {block.offset} is damaged ({_words(error)}) and was left out")
            return b""

    def _tell(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)

    def _know_channels(self) -> None:
        """Read chunks until every channel that the index speaks of is known: they stand before their messages."""
        if self._index.counts is not None:
            return
        for block in self._index.blocks:
            if block.is_chunk and (block.channels is None or not block.channels <= self._index.channels.keys()):
                for opcode, body in records_in(memoryview(self._bytes(block))):
                    if opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                        self._know(opcode, body)

    def _know(self, opcode: int, body: bytes | memoryview) -> None:
        try:
            note_record(self._index, opcode, body)
        except BROKEN:
            self._tell("does not say what all its channels are: that is damaged")

    def _channel(self, number: int) -> Channel:
        channel = self._index.channels[number]
        schema = self._index.schemas.get(channel.schema_id)
        return Channel(
            id=number,
            topic=channel.topic,
            schema=schema.name if schema is not None else "",
            schema_encoding=schema.encoding if schema is not None else "",
            schema_data=schema.data if schema is not None else b"",
            encoding=channel.message_encoding,
            metadata=dict(channel.metadata),
            count=None if self._index.counts is None else self._index.counts.get(number, 0),
        )


def _unpacked(chunk: bytes, *, is_cut: bool) -> bytes | memoryview:
    """Return the records in a chunk; of one in which the file ends, those that are there."""
    position = HEAD.size
    _, _, size_bytes, crc = CHUNK_HEAD.unpack_from(chunk, position)
    position += CHUNK_HEAD.size
    (length,) = struct.unpack_from("<I", chunk, position)
    compression = chunk[position + 4 : position + 4 + length].decode()
    data: bytes | memoryview = memoryview(chunk)[position + 4 + length + 8 :]
    if size_bytes > RECORD_LIMIT_BYTES:
        raise ValueError(f"it claims {size_bytes} bytes")
    if is_cut:
        return _salvaged(bytes(data), compression, size_bytes)
    match compression:
        case "zstd":
            if zstandard.frame_content_size(data) > size_bytes:  # else it would be made room for
                raise ValueError("it holds more than it claims")
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=size_bytes)
        case "lz4":
            data = bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=size_bytes + 1))
        case "":
            pass
        case other:
            raise ValueError(f"its compression {other!r} is unknown")
    if len(data) != size_bytes or (crc and zlib.crc32(data) != crc):
        raise ValueError("its checksum is another")
    return data


def _salvaged(data: bytes, compression: str, size_bytes: int) -> bytes:
    """Return the beginning of a chunk's records, as far as it can be unpacked."""
    match compression:
        case "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=False)
        case "lz4":
            return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=size_bytes))
        case _:
            return data
    pieces, room_bytes = [], size_bytes
    try:
        while piece := reader.read(min(1 << 16, room_bytes)):
            pieces.append(piece)
            room_bytes -= len(piece)
    except zstandard.ZstdError:
        pass  # here it breaks off
    return b"".join(pieces)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
