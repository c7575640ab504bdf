"""A ROS 1 bag that is read past cuts and damage, a chunk at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from runtime.errors import InputError
from runtime.recording.blocks import Block, entries_in, spans_of
from runtime.recording.container import Channel, Entry
from runtime.recording.ros1_index import chunk_records, read_bag_index
from runtime.recording.ros1_records import BROKEN, MAGIC, Op, number, records_in, time_ns


class Ros1Bag:
    """An open bag. Raises InputError where it is none, or encrypted."""

    def __init__(self, path: Path) -> None:
        """Read the index of a bag, or go through it where it has none; it stays open until `close`."""
        self.path = path
        self.jumps = 0  # its entries are sorted by their times
        try:
            self._file = path.open("rb")
            if self._file.read(len(MAGIC)) != MAGIC:
                self._file.close()
                raise InputError(path, "is not a ROS 1 bag of version 2.0")
            self._index = read_bag_index(self._file, path.stat().st_size)
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})") from error
        except ValueError as error:
            self._file.close()
            raise InputError(path, str(error)) from error
        self.faults = list(self._index.faults)
        self._blocks = sorted(self._index.blocks, key=lambda block: block.start_ns)
        self._spans = spans_of(self._blocks, self._read)

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Return the connections by their number."""
        return self._index.channels

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """Return nothing: bags hold no such records."""
        return {}

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from when to when something was logged, oldest first."""
        return self._spans

    def entries(self, channels: Collection[int] | None = None, start_ns: int = 0) -> Iterator[Entry]:
        """Yield entries by log time; those of one time as they stand in the bag, which numbers none: `seq` is 0."""
        yield from entries_in(self._blocks, self._read, channels, start_ns)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, block: Block) -> list[Entry]:
        """Return the messages of a chunk; what is damaged is told of and gives none."""
        try:
            return [
                Entry(channel=number(fields, "conn"), seq=0, log_ns=time_ns(fields["time"]), publish_ns=0, data=data)
                for fields, data in records_in(chunk_records(self._file, block))
                if number(fields, "op") == Op.MESSAGE and number(fields, "conn") in self._index.channels
            ]
        except BROKEN as error:
            fault = f"the chunk at byte {block.offset} is damaged ({error}) and was left out"
            if fault not in self.faults:
                self.faults.append(fault)
            return []
