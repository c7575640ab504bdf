"""A rosbag2 file of SQLite: read a message at a time and never written to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import apsw
import zstandard

from runtime.errors import InputError
from runtime.recording.bag_about import About, read_about
from runtime.recording.container import Channel, Entry
from runtime.recording.sqlite_cut import NAME, WholePages, page_size

MAGIC = b"SQLite format 3\0"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # CDR begins with a zero
MESSAGE_LIMIT_BYTES = 256 << 20
LAST_NS = (1 << 63) - 1
SPAN_NS = 600_000_000_000  # what was logged is told by spans of this length
_SCAN = "SELECT timestamp, rowid FROM messages NOT INDEXED"


class SqliteBag:
    """An open .db3 file. Raises InputError where it is none."""

    def __init__(self, path: Path) -> None:
        """Read what topics there are; the file stays open until `close`."""
        self.path = path
        self.faults: list[str] = []
        self.jumps = 0  # its entries come by their times: where those were set back is not to be seen
        try:
            self._database = self._open()
            self._tables = self._columns()
            if not {"topics", "messages"} <= self._tables.keys():
                raise InputError(path, "is an SQLite file, but no bag of ROS 2: it has no topics and messages")
            self._channels = self._read_channels(self._read_about())
            self._left = sorted(self._scan()) if self._is_cut else []  # of a cut file: (log time, row)
            self._spans = self._read_spans()
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})") from error
        except (apsw.Error, ValueError, TypeError) as error:  # TypeError: columns that hold something else
            raise InputError(path, f"cannot be read ({error})") from error
        except MemoryError as error:  # what SQLite says to sizes that damage made up
            raise InputError(path, "is damaged: it asks for more memory than there is") from error

    @property
    def channels(self) -> Mapping[int, Channel]:
        """Return the topics by their number."""
        return self._channels

    @property
    def metadata(self) -> Mapping[str, Mapping[str, str]]:
        """Return nothing: bags hold no such records."""
        return {}

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return from when to when something was logged."""
        return self._spans

    def entries(self, channels: Collection[int] | None = None, start_ns: int = 0) -> Iterator[Entry]:
        """Yield entries by log time; those of one time as they were written. `seq` is the row."""
        wanted = self._channels.keys() if channels is None else frozenset(channels)
        try:
            for row in self._rows(wanted, start_ns):
                entry = self._entry(row)
                if entry is not None and entry.channel in wanted:
                    yield entry
        except (apsw.Error, MemoryError) as error:
            self._tell(f"is damaged: not everything was read ({error})")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _open(self) -> apsw.Connection:
        """Open the file so that nothing is written beside it, unless its recorder left a journal to look into."""
        with self.path.open("rb") as file:
            head = file.read(100)
        if not head.startswith(MAGIC) or len(head) < 100:
            raise InputError(self.path, "is no SQLite file")
        left_behind = [one for one in ("-wal", "-journal") if Path(f"{self.path}{one}").exists()]
        size_bytes = self.path.stat().st_size
        self._is_cut = not left_behind and size_bytes < int.from_bytes(head[28:32], "big") * page_size(head)
        if self._is_cut:
            self.faults.append(f"breaks off at byte {size_bytes}")
            self._whole_pages = WholePages()
        address = f"file:{quote(str(self.path.resolve()))}?{'mode=ro' if left_behind else 'immutable=1'}"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        database = apsw.Connection(address, flags=flags, vfs=NAME if self._is_cut else None)
        database.execute("PRAGMA trusted_schema = OFF")
        if self._is_cut:
            database.execute("PRAGMA writable_schema = ON")  # else SQLite reads nothing of it
        return database

    def _columns(self) -> dict[str, list[str]]:
        names = [name for (name,) in self._database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        known = [name for name in names if name in ("topics", "messages", "message_definitions", "metadata")]
        return {name: [str(row[1]) for row in self._database.execute(f"PRAGMA table_info({name})")] for name in known}

    def _read_about(self) -> About | None:
        """Return what the recorder noted last, which is of the whole bag."""
        if "metadata" not in self._tables.get("metadata", []):
            return None
        try:
            for (text,) in self._database.execute("SELECT metadata FROM metadata ORDER BY rowid DESC LIMIT 1"):
                return read_about(text)
        except (apsw.CorruptError, ValueError, TypeError, AttributeError):
            self._tell("its own notes cannot be read")
        return None

    def _read_channels(self, about: About | None) -> dict[int, Channel]:
        definitions: dict[str, tuple[str, str]] = {}
        if "encoded_message_definition" in self._tables.get("message_definitions", []):
            query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            definitions = {name: (encoding, text) for name, encoding, text in self._database.execute(query)}
        counts = about.counts if about is not None and len(about.relative_file_paths) == 1 else {}
        channels = {}
        for row in self._database.execute("SELECT id, name, type, serialization_format FROM topics"):
            number, (topic, schema, serialization) = int(row[0]), map(str, row[1:])
            encoding, text = definitions.get(schema, ("", ""))
            channels[number] = Channel(
                id=number,
                topic=topic,
                schema=schema,
                schema_encoding=str(encoding) if text else "",
                schema_data=str(text).encode() if text else b"",
                encoding=serialization,
                metadata={},
                count=counts.get((topic, schema)),
            )
        return channels

    def _read_spans(self) -> list[tuple[int, int]]:
        if self._is_cut:
            return [(self._left[0][0], self._left[-1][0])] if self._left else []
        if not self._is_indexed():
            query = f"SELECT min(timestamp), max(timestamp) FROM messages GROUP BY timestamp / {SPAN_NS} ORDER BY 1"
            return [(first, last) for first, last in self._database.execute(query)]
        spans: list[tuple[int, int]] = []
        after_ns = -LAST_NS - 1
        query = "SELECT min(timestamp) FROM messages WHERE timestamp > ?"
        until = "SELECT max(timestamp) FROM messages WHERE timestamp <= ?"
        while isinstance(first := self._database.execute(query, (after_ns,)).get, int):
            after_ns = self._database.execute(until, (min(first + SPAN_NS, LAST_NS),)).get
            spans.append((first, after_ns))
        return spans

    def _is_indexed(self) -> bool:
        """Return whether messages are found by their time without looking at all of them."""
        query = "SELECT name FROM pragma_index_list('messages')"
        first = "SELECT name FROM pragma_index_info(?) WHERE seqno = 0"
        indexes = [name for (name,) in self._database.execute(query)]
        return any(self._database.execute(first, (one,)).get == "timestamp" for one in indexes)

    def _rows(self, wanted: Collection[int], start_ns: int) -> Iterator[int]:
        """Yield the rows of messages by log time, without what is in them: that would be sorted along with them."""
        if self._is_cut:
            yield from (row for t_ns, row in self._left if t_ns >= start_ns)
            return
        some = ", ".join(map(str, sorted(wanted)))
        query = f"SELECT rowid FROM messages WHERE timestamp >= ? AND topic_id IN ({some}) ORDER BY timestamp, rowid"
        for (row,) in self._database.execute(query, (start_ns,)):
            yield row

    def _scan(self) -> Iterator[tuple[int, int]]:
        """Yield the messages of a file in which pages are missing, as far as they can be reached."""
        try:
            yield from ((t_ns, row) for t_ns, row in self._database.execute(_SCAN) if isinstance(t_ns, int))
        except apsw.Error:
            return  # told of already

    def _entry(self, row: int) -> Entry | None:
        query = "SELECT topic_id, timestamp, data FROM messages WHERE rowid = ?"
        try:
            ((topic, t_ns, data),) = self._database.execute(query, (row,))
            if not (isinstance(topic, int) and isinstance(t_ns, int) and isinstance(data, bytes)):
                raise ValueError("no message")
            payload = _unpacked(data)
        except (apsw.CorruptError, apsw.IOError, ValueError, MemoryError, zstandard.ZstdError):
            self._tell("holds damaged messages, which were left out")
            return None
        return Entry(channel=topic, seq=row, log_ns=t_ns, publish_ns=0, data=payload)

    def _tell(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _unpacked(data: bytes) -> bytes:
    """Return a message, which the recorder may have compressed by itself."""
    if not data.startswith(ZSTD_MAGIC):
        return data
    if zstandard.frame_content_size(data) > MESSAGE_LIMIT_BYTES:
        raise ValueError("a message that is too large")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=MESSAGE_LIMIT_BYTES)
