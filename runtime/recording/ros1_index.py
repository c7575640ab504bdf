"""Where which messages lie in a ROS 1 bag: its own index where that is whole, else found from chunk to chunk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import IO

import numpy as np

from runtime.recording.blocks import Block
from runtime.recording.container import Channel
from runtime.recording.ros1_records import (
    BROKEN,
    MAGIC,
    NANOSECONDS,
    RECORD_LIMIT_BYTES,
    Fields,
    Op,
    connection,
    number,
    read_head,
    records_in,
    time_ns,
    unpacked,
)

_TIMES = np.dtype([("s", "<u4"), ("ns", "<u4"), ("offset", "<u4")])  # of an index record


@dataclass(kw_only=True)
class BagIndex:
    """What is where."""

    blocks: list[Block] = field(default_factory=list)
    channels: dict[int, Channel] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_bag_index(file: IO[bytes], size_bytes: int) -> BagIndex:
    """Return the index of a bag whose first bytes were looked at already. Raises ValueError where it is encrypted."""
    try:
        head, begin, length = read_head(file, len(MAGIC))
    except BROKEN:
        return _walk(file, len(MAGIC), size_bytes)
    if head.get("encryptor"):
        raise ValueError("is encrypted")
    try:
        own = _own_index(file, head, size_bytes)
    except BROKEN:
        own = None
    return own or _walk(file, begin + length, size_bytes)


def _own_index(file: IO[bytes], head: Fields, size_bytes: int) -> BagIndex | None:
    """Return the index that the recorder wrote at the end, or None where it is not whole."""
    position = number(head, "index_pos")  # 0 while the bag is being recorded
    if not position or number(head, "op") != Op.BAG:
        return None
    index = BagIndex()
    counts: Counter[int] = Counter()
    connections: list[tuple[Fields, bytes]] = []
    while position < size_bytes:
        fields, begin, length = read_head(file, position)
        position = begin + length
        if position > size_bytes or length > RECORD_LIMIT_BYTES:
            return None
        data = file.read(length)
        match number(fields, "op"):
            case Op.CHUNK_INFO:  # after the connections
                held = np.frombuffer(data, "<u4").reshape(-1, 2).tolist()
                counts.update(dict(held))
                index.blocks.append(_noted(file, fields, frozenset(one for one, _ in held)))
            case Op.CONNECTION:
                connections.append((fields, data))
    for fields, data in connections:
        known = connection(fields, data, counts[number(fields, "conn")])
        index.channels[known.id] = known
    is_whole = len(index.blocks) == number(head, "chunk_count") and counts.keys() <= index.channels.keys()
    return index if is_whole else None


def _noted(file: IO[bytes], fields: Fields, channels: frozenset[int]) -> Block:
    """Return the chunk that an index speaks of. Raises ValueError where another record stands there."""
    position = number(fields, "chunk_pos")
    head, begin, length = read_head(file, position)
    if number(head, "op") != Op.CHUNK:
        raise ValueError("no chunk there")
    return Block(
        start_ns=time_ns(fields["start_time"]),
        end_ns=time_ns(fields["end_time"]),
        offset=position,
        length=begin + length - position,
        is_chunk=True,
        channels=channels,
    )


def _walk(file: IO[bytes], position: int, size_bytes: int) -> BagIndex:
    """Go from record to record as far as they make sense; chunks are unpacked only for what nothing else tells."""
    walker = _Walker(file, size_bytes)
    index = walker.index
    try:
        while position < size_bytes:
            fields, begin, length = read_head(file, position)
            walker.take(fields, position, begin, length)
            position = begin + length
    except EOFError:
        position = size_bytes + 1
    except BROKEN:
        index.faults.append(f"is damaged at byte {position}: nothing after that was read")
    walker.end()
    if position > size_bytes:
        index.faults.append(f"breaks off at byte {size_bytes}")
    elif not index.faults:
        index.faults.append("has no index: it was not closed")
    return index


class _Walker:
    """Takes records in the order of the bag."""

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self.index = BagIndex()
        self._file = file
        self._size_bytes = size_bytes
        self._chunk: Block | None = None  # whose index records may follow
        self._is_told = False  # they did

    def take(self, fields: Fields, at: int, begin: int, length: int) -> None:
        """Take one record; `begin` is where its data does."""
        is_whole = begin + length <= self._size_bytes
        match number(fields, "op"):
            case Op.INDEX if self._chunk is not None and is_whole and length <= RECORD_LIMIT_BYTES:
                self._note_times(number(fields, "conn"), np.frombuffer(self._file.read(length), _TIMES))
            case Op.INDEX:
                pass
            case other:
                self.end()
                if other == Op.CHUNK:
                    size = min(begin + length, self._size_bytes) - at
                    self._chunk = Block(
                        start_ns=0, end_ns=0, offset=at, length=size, is_chunk=True, is_cut=not is_whole
                    )
                elif other == Op.CONNECTION and is_whole and length <= RECORD_LIMIT_BYTES:
                    self._know(fields, self._file.read(length))
                elif other not in (Op.BAG, Op.CHUNK_INFO, Op.CONNECTION):
                    raise ValueError(f"a record of kind {other}")

    def end(self) -> None:
        """Take the chunk that is still open; look into it for what is not known of it yet."""
        chunk, is_told = self._chunk, self._is_told
        self._chunk, self._is_told = None, False
        if chunk is None:
            return
        if not is_told or not (chunk.channels or frozenset()) <= self.index.channels.keys():
            try:
                chunk = self._looked_into(chunk, is_told=is_told)
            except BROKEN as error:
                self.index.faults.append(f"the chunk at byte {chunk.offset} is damaged ({error}) and was left out")
                return
        self.index.blocks.append(chunk)

    def _looked_into(self, chunk: Block, *, is_told: bool) -> Block:
        times, channels = [], set()
        for fields, data in records_in(chunk_records(self._file, chunk)):
            if number(fields, "op") == Op.CONNECTION:
                self._know(fields, data)
            elif number(fields, "op") == Op.MESSAGE:
                times.append(time_ns(fields["time"]))
                channels.add(number(fields, "conn"))
        if is_told or not times:
            return chunk
        return replace(chunk, start_ns=min(times), end_ns=max(times), channels=frozenset(channels))

    def _note_times(self, channel: int, times: np.ndarray[tuple[int], np.dtype[np.void]]) -> None:
        if self._chunk is None or not len(times):
            return
        all_ns = times["s"].astype(np.int64) * NANOSECONDS + times["ns"]
        start_ns, end_ns = int(all_ns.min()), int(all_ns.max())
        if self._is_told:
            start_ns, end_ns = min(start_ns, self._chunk.start_ns), max(end_ns, self._chunk.end_ns)
        channels = (self._chunk.channels or frozenset()) | {channel}
        self._chunk = replace(self._chunk, start_ns=start_ns, end_ns=end_ns, channels=channels)
        self._is_told = True

    def _know(self, fields: Fields, data: bytes) -> None:
        found = connection(fields, data, None)
        self.index.channels.setdefault(found.id, found)


def chunk_records(file: IO[bytes], chunk: Block) -> bytes:
    """Return the records in a chunk, unpacked. Raises one of BROKEN where it is damaged."""
    fields, begin, _ = read_head(file, chunk.offset)
    if chunk.length > RECORD_LIMIT_BYTES:
        raise ValueError(f"it claims {chunk.length} bytes")
    return unpacked(fields, file.read(chunk.offset + chunk.length - begin), is_cut=chunk.is_cut)
