"""Bags and MCAP files made on the spot, of any entries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
from mcap.writer import CompressionType, Writer
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2

from runtime.recording.bags import open_container
from runtime.recording.container import Container, Entry
from tests.ros_messages import STORES

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

STRING = "std_msgs/msg/String"
S = 1_000_000_000


@dataclass(frozen=True)
class Line:
    """One entry to be written: when, on which topic, what."""

    log_ns: int
    topic: str
    data: bytes


def lines(count: int, topics: int = 2, size_bytes: int = 40) -> list[Line]:
    """Return entries a tenth of a second apart, in turns on each topic."""
    return [
        Line((1 + at) * S // 10, f"/topic{at % topics}", at.to_bytes(4, "little") * (size_bytes // 4))
        for at in range(count)
    ]


def seen(container: Container, entries: Sequence[Entry] | None = None) -> list[Line]:
    """Return what was read as it was written."""
    found = list(container.entries()) if entries is None else entries
    return [Line(one.log_ns, container.channels[one.channel].topic, one.data) for one in found]


def write_bag(path: Path, entries: Sequence[Line], compression: str = "none", chunk_bytes: int = 200) -> Path:
    """Write a ROS 1 bag."""
    writer = Writer1(path)
    writer.chunk_threshold = chunk_bytes
    if compression != "none":
        writer.set_compression(Writer1.CompressionFormat[compression.upper()])
    with writer:
        connections = _connections(writer, entries, "ros1")
        for one in entries:
            writer.write(connections[one.topic], one.log_ns, one.data)
    return path


def write_bag2(
    folder: Path,
    entries: Sequence[Line],
    storage: str = "sqlite3",
    compression: str = "",
) -> Path:
    """Write a folder of rosbag2 with one file in it, and return the folder."""
    writer = Writer2(folder, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = _connections(writer, entries, "cdr")
        for one in entries:
            writer.write(connections[one.topic], one.log_ns, one.data)
    return folder


def _connections(writer: Any, entries: Sequence[Line], ros: Any) -> dict[str, Connection]:
    return {
        topic: writer.add_connection(topic, STRING, typestore=STORES[ros])
        for topic in sorted({one.topic for one in entries})
    }


def write_mcap(path: Path, entries: Sequence[Line], chunk_bytes: int = 200, **options: Any) -> Path:
    """Write an MCAP file; `options` are the writer's."""
    options = {"compression": CompressionType.ZSTD, **options}
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=chunk_bytes, **options)
        writer.start(library="tests")
        schema = writer.register_schema(STRING, "ros2msg", b"string data")
        channels = {
            topic: writer.register_channel(topic, "cdr", schema, {"of": topic})
            for topic in sorted({one.topic for one in entries})
        }
        for at, one in enumerate(entries):
            writer.add_message(channels[one.topic], one.log_ns, one.data, one.log_ns - 1, at)
        writer.add_metadata("about", {"who": "tests"})
        writer.finish()  # type: ignore[no-untyped-call]
    return path


def read(path: Path) -> tuple[list[Line], list[str]]:
    """Return all that a recording holds, and what it says of itself."""
    with closing(open_container(path)) as container:
        return seen(container), container.faults


def is_part(found: list[Line], whole: list[Line]) -> bool:
    """Return whether lines stand among others in the same order."""
    rest = iter(whole)
    return all(one in rest for one in found)


def counts(container: Container) -> dict[str, int | None]:
    """Return how many entries of each topic there are said to be."""
    return {one.topic: one.count for one in container.channels.values()}


def db3(folder: Path) -> Path:
    """Return the file in a folder."""
    (path,) = folder.glob("*.db3")
    return path


def execute(path: Path, *statements: str) -> None:
    """Change a file of SQLite."""
    with closing(apsw.Connection(str(path))) as database:
        for statement in statements:
            database.execute(statement)
