"""Where which messages lie in an MCAP file: its own summary where that is whole, else found by walking the records.

MCAP: https://mcap.dev/spec. A recording that was cut has no summary; its records are walked without reading what is in
them, so that two gigabytes take a moment.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import IO, Any, TypeVar

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, Footer, Metadata, MetadataIndex, Schema, Statistics

from runtime.recording.blocks import Block

MAGIC = b"\x89MCAP0\r\n"
HEAD = struct.Struct("<BQ")  # opcode, length
CHUNK_HEAD = struct.Struct("<QQQI")  # start, end, uncompressed size, crc
CHANNEL_ID = struct.Struct("<H")
FOOTER_BYTES = HEAD.size + 20
RECORD_LIMIT_BYTES = 256 << 20  # more is damage, or somebody's trap
LOOSE_BYTES = 4 << 20  # messages outside chunks are read in pieces of about this size
AnyBytes = TypeVar("AnyBytes", bytes, memoryview)
# OverflowError: a place or a length beyond what a file can have
BROKEN = (McapError, struct.error, ValueError, KeyError, IndexError, MemoryError, OverflowError)


@dataclass(kw_only=True)
class Index:
    """What is where, and what a reader must know of it."""

    blocks: list[Block] = field(default_factory=list)
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    counts: dict[int, int] | None = None  # messages of a channel; None: nobody counted
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_index(file: IO[bytes], size_bytes: int) -> Index:
    """Return the index of an MCAP file whose first bytes were looked at already."""
    try:
        summary = _read_summary(file, size_bytes)
    except BROKEN:
        summary = None
    if summary is not None:
        return summary
    return _walk(file, size_bytes)


def _read_summary(file: IO[bytes], size_bytes: int) -> Index | None:
    end = size_bytes - len(MAGIC)
    file.seek(max(0, end - FOOTER_BYTES))
    tail = file.read()
    if len(tail) < FOOTER_BYTES + len(MAGIC) or tail[-len(MAGIC) :] != MAGIC or tail[0] != Opcode.FOOTER:
        return None
    footer = Footer.read(ReadDataStream(BytesIO(tail[HEAD.size : FOOTER_BYTES])))
    length = end - FOOTER_BYTES - footer.summary_start
    if not 0 < footer.summary_start < end or length > RECORD_LIMIT_BYTES:
        return None
    file.seek(footer.summary_start)
    summary = file.read(length)
    if footer.summary_crc and zlib.crc32(tail[: FOOTER_BYTES - 4], zlib.crc32(summary)) != footer.summary_crc:
        return None
    index = Index()
    statistics: Statistics | None = None
    places: list[MetadataIndex] = []
    for opcode, body in records_in(summary):
        match _parsed(opcode, body):
            case Statistics() as record:
                statistics = record
            case ChunkIndex() as record:
                index.blocks.append(_block(record))
            case MetadataIndex() as record:
                places.append(record)
            case record:
                _note(index, record)
    if statistics is None or (statistics.message_count and not index.blocks):
        return None  # its messages stand outside chunks, or nobody listed the chunks
    if statistics.chunk_count != len(index.blocks) or set(statistics.channel_message_counts) - set(index.channels):
        return None
    index.counts = {name: statistics.channel_message_counts.get(name, 0) for name in index.channels}
    for place in places:
        file.seek(place.offset + HEAD.size)
        _note(index, Metadata.read(ReadDataStream(BytesIO(file.read(min(place.length, RECORD_LIMIT_BYTES))))))
    return index


def _walk(file: IO[bytes], size_bytes: int) -> Index:
    """Go from record to record as far as they make sense."""
    index = Index()
    walker = _Walker(file, size_bytes, index)
    position = len(MAGIC)
    while position + HEAD.size <= size_bytes:
        file.seek(position)
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        if opcode in (Opcode.DATA_END, Opcode.FOOTER):
            break  # the summary that could not be read begins here
        if opcode == 0 or (opcode > Opcode.DATA_END and opcode < 0x80):
            index.faults.append(f"is damaged at byte {position}: nothing after that was read")
            break
        end = position + HEAD.size + length
        try:
            walker.take(opcode, position, length)
        except BROKEN:
            index.faults.append(f"is damaged at byte {position}: nothing after that was read")
            break
        position = end
    else:
        index.faults.append(f"breaks off at byte {size_bytes}")
    if position > size_bytes and not index.faults:
        index.faults.append(f"breaks off at byte {size_bytes}")
    walker.end()
    return index


class _Walker:
    """Takes records in the order of the file and makes blocks of those that hold messages."""

    def __init__(self, file: IO[bytes], size_bytes: int, index: Index) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._index = index
        self._chunk: Block | None = None  # whose message indexes may follow
        self._in_chunk: set[int] = set()
        self._loose: Block | None = None

    def take(self, opcode: int, position: int, length: int) -> None:
        """Take one record; `position` is that of its opcode."""
        whole = position + HEAD.size + length <= self._size_bytes
        if opcode == Opcode.MESSAGE_INDEX:
            if whole:  # its entries say nothing that is needed here
                self._in_chunk.add(CHANNEL_ID.unpack(self._file.read(min(length, CHANNEL_ID.size)))[0])
            return
        self._end_chunk()
        if opcode == Opcode.MESSAGE:
            if whole:
                self._add_loose(position, length)
            return
        self._end_loose()
        if opcode == Opcode.CHUNK:
            start_ns, end_ns, _, _ = CHUNK_HEAD.unpack(self._file.read(CHUNK_HEAD.size))
            self._chunk = Block(
                start_ns=start_ns,
                end_ns=max(start_ns, end_ns),
                offset=position,
                length=min(HEAD.size + length, self._size_bytes - position),
                is_chunk=True,
                is_cut=not whole,
            )
        elif whole and opcode in (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.METADATA):
            _note(self._index, _parsed(opcode, self._body(length)))

    def end(self) -> None:
        """Take what is still open."""
        self._end_chunk()
        self._end_loose()

    def _end_chunk(self) -> None:
        if self._chunk is not None:
            known = None if self._chunk.is_cut or not self._in_chunk else frozenset(self._in_chunk)
            self._index.blocks.append(replace(self._chunk, channels=known))
        self._chunk, self._in_chunk = None, set()

    def _add_loose(self, position: int, length: int) -> None:
        log_ns = struct.unpack("<HIQ", self._file.read(14))[2]
        if self._loose is not None and self._loose.length > LOOSE_BYTES:
            self._end_loose()
        if self._loose is None:
            self._loose = Block(start_ns=log_ns, end_ns=log_ns, offset=position, length=0, is_chunk=False)
        self._loose = replace(
            self._loose,
            start_ns=min(self._loose.start_ns, log_ns),
            end_ns=max(self._loose.end_ns, log_ns),
            length=position + HEAD.size + length - self._loose.offset,
        )

    def _end_loose(self) -> None:
        if self._loose is not None:
            self._index.blocks.append(self._loose)
            self._loose = None

    def _body(self, length: int) -> bytes:
        if length > RECORD_LIMIT_BYTES:
            raise ValueError(f"a record of {length} bytes")
        return self._file.read(length)


def records_in(data: AnyBytes) -> list[tuple[int, AnyBytes]]:
    """Split bytes into the records that stand in them whole; those of a view are views."""
    records: list[tuple[int, AnyBytes]] = []
    position = 0
    while position + HEAD.size <= len(data):
        opcode, length = HEAD.unpack_from(data, position)
        position += HEAD.size
        if position + length > len(data):
            break
        records.append((opcode, data[position : position + length]))
        position += length
    return records


def _parsed(opcode: int, body: bytes | memoryview) -> Any:
    stream = ReadDataStream(BytesIO(body))
    match opcode:
        case Opcode.SCHEMA:
            return Schema.read(stream)
        case Opcode.CHANNEL:
            return Channel.read(stream)
        case Opcode.STATISTICS:
            return Statistics.read(stream)
        case Opcode.CHUNK_INDEX:
            return ChunkIndex.read(stream)
        case Opcode.METADATA_INDEX:
            return MetadataIndex.read(stream)
        case Opcode.METADATA:
            return Metadata.read(stream)
    return None


def note_record(index: Index, opcode: int, body: bytes | memoryview) -> None:
    """Add a schema, a channel or metadata to an index."""
    _note(index, _parsed(opcode, body))


def _note(index: Index, record: object) -> None:
    match record:
        case Schema():
            index.schemas.setdefault(record.id, record)
        case Channel():
            index.channels.setdefault(record.id, record)
        case Metadata():
            index.metadata.setdefault(record.name, {}).update(record.metadata)


def _block(chunk: ChunkIndex) -> Block:
    return Block(
        start_ns=chunk.message_start_time,
        end_ns=chunk.message_end_time,
        offset=chunk.chunk_start_offset,
        length=chunk.chunk_length,
        is_chunk=True,
        channels=frozenset(chunk.message_index_offsets) or None,
    )
