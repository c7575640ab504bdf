"""The memory file: its tables, its versions, and the refusal of every file that is not ours to touch.

`record` is what was perceived, in order of arrival; `clip` freezes a stretch of one stream and claims its records;
`vec` holds search keys in named spaces as float16, and `segment` names the files of the index that were built of them;
full text follows `record` through a trigger. Nothing but this file is ever authoritative.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from runtime.errors import HeedfulError, MissingPart, StoreCorrupt

OLDEST_SQLITE = (3, 51, 3)  # before it, resetting the WAL could race with a reader and corrupt the file
APPLICATION_ID = 0x48454544  # "HEED"
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
JOURNAL_HEAD_BYTES = 28
BUSY_TIMEOUT_MS = 5_000
WAL_LIMIT_BYTES = 64 * 1024 * 1024  # a burst does not leave a large file behind

# One script per schema version, applied in order; a script is never edited once it has been released.
MIGRATIONS = (
    """
    CREATE TABLE session (
        name TEXT PRIMARY KEY,
        start_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE stream_state (
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        sensor TEXT NOT NULL,
        first_ns INTEGER NOT NULL,
        watermark_ns INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        PRIMARY KEY (session, stream, epoch)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE clip (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        sensor TEXT NOT NULL,
        t_ns INTEGER NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        text TEXT NOT NULL,
        records TEXT NOT NULL -- JSON list of record keys
    ) STRICT;

    CREATE TABLE record (
        id INTEGER PRIMARY KEY, -- order of arrival
        key TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        t_ns INTEGER NOT NULL, -- when it was known
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        text TEXT NOT NULL,
        box TEXT, -- JSON, fractions of the frame
        level REAL NOT NULL,
        trust TEXT NOT NULL,
        data TEXT NOT NULL, -- the message as it came, JSON without its payload
        clip_id INTEGER REFERENCES clip (id) -- NULL until its clip closes
    ) STRICT;
    -- Holds all that a scope asks, so that windows are counted and walked through without reading records.
    CREATE INDEX record_time ON record (session, start_ns, end_ns, t_ns, kind, stream);

    CREATE TABLE media (
        record_id INTEGER PRIMARY KEY REFERENCES record (id),
        jpeg BLOB NOT NULL
    ) STRICT;

    CREATE TABLE vec (
        id INTEGER PRIMARY KEY, -- order of arrival; the index follows it
        owner TEXT NOT NULL, -- key of a record or a clip
        space TEXT NOT NULL, -- model and version: another model is another space
        vector BLOB NOT NULL, -- float16
        UNIQUE (owner, space)
    ) STRICT;

    CREATE TABLE dead_letter (
        id INTEGER PRIMARY KEY,
        t_ns INTEGER NOT NULL,
        session TEXT NOT NULL,
        topic TEXT NOT NULL,
        reason TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        head_hex TEXT NOT NULL
    ) STRICT;

    CREATE VIRTUAL TABLE record_fts USING fts5 (
        text, content = 'record', content_rowid = 'id', tokenize = 'porter unicode61'
    );
    CREATE VIRTUAL TABLE record_word USING fts5vocab (record_fts, row); -- every stem
    CREATE VIRTUAL TABLE record_place USING fts5vocab (record_fts, instance); -- every place where a stem stands

    CREATE TRIGGER record_to_fts AFTER INSERT ON record BEGIN
        INSERT INTO record_fts (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER clip_to_records AFTER INSERT ON clip BEGIN
        UPDATE record SET clip_id = new.id
        WHERE key IN (SELECT value FROM json_each(new.records)) AND clip_id IS NULL;
    END;
    """,
    """
    CREATE TABLE space (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE, -- model and version: another model is another space
        width INTEGER NOT NULL
    ) STRICT;
    INSERT INTO space (name, width) SELECT space, max(length(vector)) / 2 FROM vec GROUP BY space;

    -- Holds all that a scope asks, so that an index is built by one walk through this table.
    CREATE TABLE vec_2 (
        id INTEGER PRIMARY KEY, -- order of arrival; the index follows it
        owner INTEGER NOT NULL, -- id of a record, or minus the id of a clip
        space INTEGER NOT NULL REFERENCES space (id),
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        t_ns INTEGER NOT NULL,
        trust TEXT NOT NULL, -- of a clip that of its least trusted record
        vector BLOB NOT NULL, -- float16
        UNIQUE (space, owner)
    ) STRICT;
    INSERT INTO vec_2 SELECT vec.id, coalesce(record.id, -clip.id), space.id, coalesce(record.session, clip.session),
        coalesce(record.stream, clip.stream), coalesce(record.kind, 'clip'), coalesce(record.start_ns, clip.start_ns),
        coalesce(record.end_ns, clip.end_ns), coalesce(record.t_ns, clip.t_ns), coalesce(record.trust, 'scene'),
        vec.vector
        FROM vec JOIN space ON space.name = vec.space LEFT JOIN record ON record.key = vec.owner
        LEFT JOIN clip ON clip.key = vec.owner WHERE coalesce(record.id, clip.id) IS NOT NULL ORDER BY vec.id;
    DROP TABLE vec;
    ALTER TABLE vec_2 RENAME TO vec;
    CREATE TRIGGER vec_has_width BEFORE INSERT ON vec
    WHEN length(new.vector) != 2 * (SELECT width FROM space WHERE id = new.space) BEGIN
        SELECT raise(ABORT, 'the vector has not the width of its space');
    END;

    CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES space (id),
        file TEXT NOT NULL UNIQUE,
        first_id INTEGER NOT NULL, -- of its keys
        last_id INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        units INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE TRIGGER segment_takes_up BEFORE INSERT ON segment BEGIN
        DELETE FROM segment WHERE space = new.space AND first_id >= new.first_id AND last_id <= new.last_id;
    END;
    """,
)
SCHEMA_VERSION = len(MIGRATIONS)


def check_sqlite(version: str) -> None:
    """Refuse an SQLite whose WAL may corrupt the file; `version` is `apsw.sqlite_lib_version()`. Raises MissingPart."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        remedy = f"pip install 'apsw>={oldest}' brings a repaired one"
        raise MissingPart(f"SQLite {version} can corrupt a memory", remedy)


def open_reader(path: Path) -> apsw.Connection:
    """Open the file for reading beside a writer; StoreCorrupt where it is not a memory this version understands."""
    with sqlite_errors(path):
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        db = apsw.Connection(f"file:{quote(str(path))}?mode=ro", flags=flags)
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        version = _version(db, path)
        if version != SCHEMA_VERSION:
            db.close()
            raise StoreCorrupt(path, f"has schema {version}, not {SCHEMA_VERSION}; open it once for writing")
    return db


def open_writer(path: Path) -> apsw.Connection:
    """Open or create the file for the one writer, brought up to this schema; a file that is not ours stays as it is."""
    with sqlite_errors(path):
        if path.exists() and path.stat().st_size > 0 and not _is_being_created(path):
            _refuse_foreign(path)
        db = apsw.Connection(str(path))
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"journal_size_limit = {WAL_LIMIT_BYTES}"):
            db.pragma(*pragma.split(" = "))
        _migrate(db, _version(db, path))
    return db


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about disk and file into our errors, one line each; wrong values stay apsw's errors."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise StoreCorrupt(path, f"is damaged or not a memory ({error})") from error
    except apsw.FullError as error:
        raise MissingPart(f"{path}: the disk is full", "free some space; what was called stored is safe") from error
    except apsw.BusyError as error:
        raise MissingPart(f"{path}: locked by another program", "close what holds it open") from error
    except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise MissingPart(f"{path}: {error}", "check the disk and the permissions of the folder") from error


def is_about_disk(error: HeedfulError) -> bool:
    """Say whether the error leaves the connection in doubt, so that it must be closed and opened again."""
    return isinstance(error, MissingPart | StoreCorrupt)


def _migrate(db: apsw.Connection, version: int) -> None:
    """Apply the scripts after `version` in one transaction, so that a crash leaves the old schema or the new one."""
    if version == SCHEMA_VERSION:
        return
    with db:
        for script in MIGRATIONS[version:]:
            db.execute(script)
        db.pragma("application_id", APPLICATION_ID)
        db.pragma("user_version", SCHEMA_VERSION)


def _is_being_created(path: Path) -> bool:
    """Say whether whoever created the file was stopped before its first commit: a journal will make it empty again.

    A connection that only reads cannot do that, and would take the file for one that cannot be read.
    """
    journal = path.with_name(path.name + "-journal")
    try:
        head = journal.read_bytes()[:JOURNAL_HEAD_BYTES]
    except FileNotFoundError:
        return False
    return head.startswith(JOURNAL_MAGIC) and head[16:20] == bytes(4)  # pages before the transaction


def _refuse_foreign(path: Path) -> None:
    """Look at the file through a read-only connection, which changes nothing, before anything may write to it."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(f"file:{quote(str(path))}?mode=ro", flags=flags)
    try:
        _version(db, path)
    finally:
        db.close()


def _version(db: apsw.Connection, path: Path) -> int:
    """Return the schema version, 0 for an empty file; StoreCorrupt where the file is foreign or newer."""
    version, application = int(db.pragma("user_version")), int(db.pragma("application_id"))
    is_empty = db.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if application != APPLICATION_ID and not (is_empty and application == 0 and version == 0):
        raise StoreCorrupt(path, "is an SQLite file, but not a memory of Heedful")
    if version > SCHEMA_VERSION:
        raise StoreCorrupt(path, f"was written by a newer Heedful (schema {version}, this one knows {SCHEMA_VERSION})")
    return version
