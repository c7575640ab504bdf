"""Recordings as tests read them back: through the mcap library, which checks every checksum, and through ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcap.reader import make_reader
from mcap.stream_reader import StreamReader

from runtime.recording.container import Channel, Entry
from runtime.recording.mcap_file import McapFile


@dataclass(frozen=True)
class Row:
    """One message with its channel."""

    topic: str
    log_ns: int
    publish_ns: int
    seq: int
    data: bytes


def library_rows(path: Path) -> list[Row]:
    """Return a finished recording's messages by log time as the mcap library reads them, checksums looked at."""
    with path.open("rb") as file:
        for _ in StreamReader(file, validate_crcs=True).records:  # every record, the summary too
            pass
        file.seek(0)
        read = make_reader(file, validate_crcs=True).iter_messages()
        return [Row(channel.topic, one.log_time, one.publish_time, one.sequence, one.data) for _, channel, one in read]


def our_rows(path: Path) -> tuple[list[Row], list[str]]:
    """Return what our own reader finds in a file that may be cut, and what it complains of."""
    entries, faults = our_entries(path)
    rows = [Row(channel.topic, one.log_ns, one.publish_ns, one.seq, one.data) for channel, one in entries]
    return rows, faults


def our_entries(path: Path) -> tuple[list[tuple[Channel, Entry]], list[str]]:
    """Return entries with their channels, and faults."""
    file = McapFile(path)
    entries = [(file.channels[one.channel], one) for one in file.entries()]
    file.close()
    return entries, file.faults


def metadata_of(path: Path) -> dict[str, dict[str, str]]:
    """Return a file's metadata."""
    file = McapFile(path)
    file.close()
    return {name: dict(values) for name, values in file.metadata.items()}
