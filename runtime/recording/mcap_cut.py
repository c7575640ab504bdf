"""The end of an MCAP file that cannot be finished, because the disk is full or fails: at its last whole record.

What follows takes some hundred bytes, which are there because what was torn is cut off: why the file ends, and the
footer without which other readers refuse it. It has no index; readers that need one make it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Chunk, DataEnd, Footer, Message, Metadata
from mcap.stream_reader import breakup_chunk

from runtime.recording.mcap_index import HEAD, MAGIC

CUT = "heedful.cut"  # metadata of a file that ends early: the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """How far a file is whole after some place."""

    end: int
    messages: int  # in the chunks from that place on
    has_all: bool  # only its index is torn


def end_early(path: Path, sure_at: int, reason: str) -> tuple[int, Whole]:
    """Cut off what is torn after `sure_at`, where a record ends, and end the file there; return its size too.

    Where there is no room even for the end, or the disk fails altogether, it goes as far as it can: where the file
    cannot be opened any more, or is gone, nothing after `sure_at` counts.
    """
    whole = Whole(end=sure_at, messages=0, has_all=False)
    size_bytes = sure_at
    with suppress(OSError), path.open("r+b", buffering=0) as file:  # why the disk failed is told already
        whole = whole_after(file, sure_at)
        tail = _tail("" if whole.has_all else reason)
        size_bytes = whole.end
        file.truncate(whole.end)
        file.seek(whole.end)
        if file.write(tail) == len(tail):
            size_bytes += len(tail)
        else:
            file.truncate(whole.end)
        os.fdatasync(file.fileno())
    return size_bytes, whole


def whole_after(file: IO[bytes], sure_at: int) -> Whole:
    """Go over the records from `sure_at` on, as far as they are whole and hold data."""
    position, messages = sure_at, 0
    size_bytes = file.seek(0, os.SEEK_END)
    while position + HEAD.size <= size_bytes:
        file.seek(position)
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        if opcode == Opcode.DATA_END:
            return Whole(end=position, messages=messages, has_all=True)
        if position + HEAD.size + length > size_bytes:
            break
        if opcode == Opcode.CHUNK:
            chunk = Chunk.read(ReadDataStream(BytesIO(file.read(length))))
            messages += sum(isinstance(one, Message) for one in breakup_chunk(chunk))
        position += HEAD.size + length
    return Whole(end=position, messages=messages, has_all=False)


def _tail(reason: str) -> bytes:
    builder = RecordBuilder()
    if reason:
        Metadata(name=CUT, metadata={"reason": reason}).write(builder)
    DataEnd(data_section_crc=0).write(builder)
    Footer(summary_start=0, summary_offset_start=0, summary_crc=0).write(builder)
    records: bytes = builder.end()  # type: ignore[no-untyped-call]
    return records + MAGIC
