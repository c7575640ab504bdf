"""A memory as a folder that other programs can read: JSON Lines, safetensors, JPEG, and a manifest that closes it.

    manifest.json                  format, version, and of each file its sha256; written last: without it nothing counts
    records.jsonl clips.jsonl      a row a line, in the order of arrival; a record names its picture
    sessions.jsonl streams.jsonl pins.jsonl
    vectors-0.safetensors ...      search keys (n, C) float16 of one space; metadata `rows`: space and owners
    values-0.safetensors ...       what a reasoner reads of clips; metadata `rows`: owners and models
    pictures/ab/abcd....jpg        named after its sha256

Indexes, roll-ups and what was erased are not in it: they are made anew, or gone.
"""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from safetensors.numpy import save

from memory.disk import RealDisk, unfinished
from memory.rows import ClipRow, PinRow, RecordRow, SessionRow, StreamRow, checksum_of
from memory.schema import SCHEMA_VERSION, sqlite_errors
from runtime.errors import ConfigError, MissingPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import apsw

    from memory.store import Store

FORMAT = "heedful-memory"
VERSION = 1
MANIFEST = "manifest.json"
PICTURES = "pictures"
SHARD_ROWS = 8_192
ROWS = "rows"  # the one key of a file's metadata: safetensors writes several in any order
JSON_COLUMNS = ("data", "records", "box")  # hold JSON already

_ROWS: dict[str, tuple[type[Any], str]] = {
    "sessions.jsonl": (SessionRow, "SELECT * FROM session WHERE name = coalesce(?1, name) ORDER BY name"),
    "streams.jsonl": (
        StreamRow,
        f"""SELECT {", ".join(StreamRow._fields)} FROM stream_state
            WHERE session = coalesce(?1, session) ORDER BY session, stream, epoch""",
    ),
    "clips.jsonl": (
        ClipRow,
        f"SELECT {', '.join(ClipRow._fields)} FROM clip WHERE session = coalesce(?1, session) ORDER BY id",
    ),
    "pins.jsonl": (PinRow, "SELECT owner, why FROM pin WHERE ?1 IS NULL OR owner LIKE ?1 || '/%' ORDER BY owner"),
}
DAMAGED = "damaged records"  # among those that are counted
_RECORDS = f"""SELECT jpeg, record.checksum, media.checksum, {", ".join(RecordRow._fields[:-1])}
    FROM record LEFT JOIN media ON record_id = record.id
    WHERE session = coalesce(?1, session) ORDER BY record.id"""
_VECTORS = """SELECT coalesce(record.key, clip.key), vector FROM vec LEFT JOIN record ON record.id = owner
    LEFT JOIN clip ON clip.id = -owner WHERE +space = ?2 AND vec.session = coalesce(?1, vec.session) ORDER BY vec.id"""
_VALUES = """SELECT key, model, tokens, weights FROM value JOIN clip ON clip.id = clip_id
    WHERE session = coalesce(?1, session) ORDER BY value.id"""


def export(store: Store, folder: Path, session: str | None = None) -> dict[str, int]:
    """Write a memory, or one session of it, into a new or empty folder; return how much of what.

    Records that are not what was stored go too, and are counted as DAMAGED once more.

    Raises ConfigError where the folder is not empty or lies in the memory, MissingPart where the disk is full or fails.
    """
    if folder.resolve().is_relative_to(store.folder.resolve()):  # erasing would find there what it erased
        raise ConfigError(str(folder), "lies in the memory itself; name a folder elsewhere")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(str(folder), "is there already; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        db = store.connection()
        with sqlite_errors(store.path), db:  # one snapshot
            counts = _Export(folder, session).write(db)
    except OSError as error:
        raise MissingPart(f"{folder}: {error.strerror}", "check the disk and the permissions of the folder") from error
    return counts


class _Export:
    def __init__(self, folder: Path, session: str | None) -> None:
        self._folder = folder
        self._session = session
        self._sums: dict[str, str] = {}  # file -> sha256
        self._counts: dict[str, int] = {}

    def write(self, db: apsw.Connection) -> dict[str, int]:
        for name, (row_type, query) in _ROWS.items():
            rows = (row_type._make(row)._asdict() for row in db.execute(query, (self._session,)))
            self._write_lines(name, rows)
        self._write_lines("records.jsonl", self._records(db))
        self._write_vectors(db)
        self._write_values(db)
        manifest = {"format": FORMAT, "version": VERSION, "schema": SCHEMA_VERSION}
        text = json.dumps({**manifest, "counts": self._counts, "files": self._sums}, indent=1)
        path = self._folder / MANIFEST
        disk = RealDisk()
        with disk.create(unfinished(path)) as file:
            file.write(text.encode())
            disk.sync(file)
        disk.publish(path)
        return self._counts

    def _records(self, db: apsw.Connection) -> Iterator[dict[str, Any]]:
        """Yield all records; what is not what was stored goes with the others, and is counted."""
        for jpeg, checksum, jpeg_checksum, *columns in db.execute(_RECORDS, (self._session,)):
            picture = None if jpeg is None else self._write_picture(bytes(jpeg))
            row = RecordRow._make([*columns, None])
            is_whole = checksum in (None, checksum_of(row)) and (jpeg is None or jpeg_checksum in (None, crc32(jpeg)))
            if not is_whole:
                self._counts[DAMAGED] = self._counts.get(DAMAGED, 0) + 1
            yield {**row._asdict(), "media": picture}

    def _write_picture(self, jpeg: bytes) -> str:
        digest = hashlib.sha256(jpeg).hexdigest()
        name = f"{PICTURES}/{digest[:2]}/{digest}.jpg"
        if name not in self._sums:
            self._write_file(name, jpeg)
        self._counts[PICTURES] = self._counts.get(PICTURES, 0) + 1
        return name

    def _write_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        digest, count = hashlib.sha256(), 0
        with (self._folder / name).open("wb") as file:
            for row in rows:
                for column in JSON_COLUMNS:
                    if isinstance(row.get(column), str):
                        row[column] = json.loads(row[column])
                line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
            RealDisk().sync(file)
        self._sums[name] = digest.hexdigest()
        self._counts[name.removesuffix(".jsonl")] = count

    def _write_vectors(self, db: apsw.Connection) -> None:
        number = 0
        for space_id, space in db.execute("SELECT id, name FROM space ORDER BY id").fetchall():
            for some in _shards(db.execute(_VECTORS, (self._session, space_id))):
                vectors = np.frombuffer(b"".join(vector for _, vector in some), np.float16).reshape(len(some), -1)
                metadata = {ROWS: json.dumps({"space": str(space), "owners": [owner for owner, _ in some]})}
                self._write_file(f"vectors-{number}.safetensors", save({"vectors": vectors}, metadata))
                self._counts["vectors"] = self._counts.get("vectors", 0) + len(some)
                number += 1

    def _write_values(self, db: apsw.Connection) -> None:
        for number, some in enumerate(_shards(db.execute(_VALUES, (self._session,)))):
            tensors = {}
            for place, (_, _, tokens, weights) in enumerate(some):
                count = len(weights) // 2
                tensors[f"{place}.tokens"] = np.frombuffer(tokens, np.float16).reshape(count, -1)
                tensors[f"{place}.weights"] = np.frombuffer(weights, np.float16)
            metadata = {ROWS: json.dumps({"owners": [[owner, model] for owner, model, _, _ in some]})}
            self._write_file(f"values-{number}.safetensors", save(tensors, metadata))
            self._counts["values"] = self._counts.get("values", 0) + len(some)

    def _write_file(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(content)
            RealDisk().sync(file)
        self._sums[name] = hashlib.sha256(content).hexdigest()


def _shards(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while some := list(islice(rows, SHARD_ROWS)):
        yield some
