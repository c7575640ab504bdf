"""Is this memory sound? Reads every row and every picture, and compares what must agree."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np

from memory.manifest import damaged_files
from memory.migrations import TALLY
from memory.rows import RecordRow, checksum_of, mark_of

_WRONG_TALLY = "the records of session {} are not as many as tallied; `heedful memory compact` counts them anew"
_MUST_BE_EMPTY = {
    "record {} starts after its end": "SELECT key FROM record WHERE start_ns > end_ns",
    "record {} names a clip that is not there": """SELECT key FROM record
        WHERE clip_id IS NOT NULL AND clip_id NOT IN (SELECT id FROM clip)""",
    "clip {} names a record that is not there": """SELECT DISTINCT clip.key FROM clip, json_each(clip.records) AS named
        WHERE named.value NOT IN (SELECT key FROM record)""",
    "clip {} starts after its end": "SELECT key FROM clip WHERE start_ns > end_ns",
    "a picture belongs to record {}, which is not there": """SELECT record_id FROM media
        WHERE record_id NOT IN (SELECT id FROM record)""",
    "vector {} belongs to nothing that is there": """SELECT id FROM vec
        WHERE owner NOT IN (SELECT id FROM record UNION ALL SELECT -id FROM clip)""",
    _WRONG_TALLY: """SELECT DISTINCT session FROM tally
        FULL JOIN (SELECT session, kind, count(*) AS there FROM record GROUP BY session, kind) USING (session, kind)
        WHERE there IS NOT records""",
    "a vector of space {} has not its width": """SELECT DISTINCT name FROM vec JOIN space ON space.id = vec.space
        WHERE length(vector) != 2 * width""",
}
_COLUMNS = RecordRow._fields[:-1]  # the picture lies elsewhere


def find_problems(db: apsw.Connection, folder: Path, *, is_writable: bool) -> list[str]:
    """Return what is wrong, one line each. A reader cannot compare full text with the records word by word."""
    problems: list[str] = []
    for check in (_pages, _records, _pictures, _vectors, _relations, _full_text_size):
        try:
            problems.extend(check(db))
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
            problems.append(f"reading stopped in {check.__name__.strip('_')}: {error}")
    try:
        problems.extend(damaged_files(db, folder))
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
        problems.append(f"reading stopped in the list of segments: {error}")
    if is_writable:
        problems.extend(_full_text(db))
    return problems


def mend(db: apsw.Connection) -> list[str]:
    """Make anew what is made of the records and contradicts them, in the caller's transaction; return what did."""
    mended = []
    if any((*_full_text_size(db), *_full_text(db))):
        db.execute("INSERT INTO record_fts (record_fts) VALUES ('rebuild')")
        mended.append("full text")
    if db.execute(_MUST_BE_EMPTY[_WRONG_TALLY]).fetchall():
        db.execute(f"DELETE FROM tally; INSERT INTO tally {TALLY}")
        mended.append("tallies")
    return mended


def _pages(db: apsw.Connection) -> Iterator[str]:
    yield from (f"quick_check: {line}" for (line,) in db.execute("PRAGMA quick_check") if line != "ok")


def _records(db: apsw.Connection) -> Iterator[str]:
    """Read every record; it must be what was stored, and nothing that was erased."""
    erased = {bytes(mark) for (mark,) in db.execute("SELECT mark FROM tombstone")}
    for checksum, *columns in db.execute(f"SELECT checksum, {', '.join(_COLUMNS)} FROM record ORDER BY id"):
        row = RecordRow._make([*columns, None])
        if checksum is not None and checksum != checksum_of(row):
            yield f"record {row.key}: is not what was stored"
        elif mark_of(row.key) in erased:
            yield f"record {row.key}: was erased"
        try:
            json.loads(row.data)
        except (ValueError, TypeError) as error:
            yield f"record {row.key}: its message is not JSON ({error})"


def _pictures(db: apsw.Connection) -> Iterator[str]:
    for record_id, jpeg, checksum in db.execute("SELECT record_id, jpeg, checksum FROM media"):
        if not isinstance(jpeg, bytes) or not jpeg.startswith(b"\xff\xd8"):
            yield f"the picture of record {record_id} is not a JPEG"
        elif checksum is not None and checksum != zlib.crc32(jpeg):
            yield f"the picture of record {record_id} is not what was stored"


def _vectors(db: apsw.Connection) -> Iterator[str]:
    for number, vector in db.execute("SELECT id, vector FROM vec"):
        if not isinstance(vector, bytes) or len(vector) % 2 or not np.isfinite(np.frombuffer(vector, np.float16)).all():
            yield f"vector {number} is not finite"


def _relations(db: apsw.Connection) -> Iterator[str]:
    for problem, query in _MUST_BE_EMPTY.items():
        yield from (problem.format(name) for (name,) in db.execute(query))


def _full_text_size(db: apsw.Connection) -> Iterator[str]:
    records = db.execute("SELECT count(*) FROM record").get
    indexed = db.execute("SELECT count(*) FROM record_fts_docsize").get
    if records != indexed:
        yield f"full text knows {indexed} records of {records}; `heedful memory compact` makes it anew"


def _full_text(db: apsw.Connection) -> Iterator[str]:
    try:
        db.execute("INSERT INTO record_fts (record_fts, rank) VALUES ('integrity-check', 1)")
    except apsw.CorruptError:
        yield "full text contradicts the records; `heedful memory compact` makes it anew"
