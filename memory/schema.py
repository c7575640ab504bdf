"""The memory file: its tables, its versions, and the refusal of every file that is not ours to touch.

`record` is what was perceived, in order of arrival; `clip` freezes a stretch of one stream and claims its records;
`vec` holds search keys in named spaces as float16, and `segment` names the files of the index that were built of them;
full text follows `record` through a trigger. Nothing but this file is ever authoritative.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from memory.migrations import MIGRATIONS
from runtime.errors import HeedfulError, MissingPart, StoreCorrupt

OLDEST_SQLITE = (3, 51, 3)  # before it, resetting the WAL could race with a reader and corrupt the file
APPLICATION_ID = 0x48454544  # "HEED"
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
JOURNAL_HEAD_BYTES = 28
BUSY_TIMEOUT_MS = 5_000
WAL_LIMIT_BYTES = 64 * 1024 * 1024  # a burst does not leave a large file behind
_WRITER_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "journal_size_limit": WAL_LIMIT_BYTES,
    "secure_delete": "ON",  # what is erased is overwritten with zeros
    "temp_store": "MEMORY",  # and leaves no traces elsewhere
}

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
            reason = f"has schema {version}, not {SCHEMA_VERSION}"
            raise StoreCorrupt(path, f"{reason}; `heedful memory compact` brings it up, and so does a session")
    return db


def open_writer(path: Path) -> apsw.Connection:
    """Open or create the file for the one writer, brought up to this schema; a file that is not ours stays as it is."""
    with sqlite_errors(path):
        if path.exists() and path.stat().st_size > 0 and not _is_being_created(path):
            _refuse_foreign(path)
        db = apsw.Connection(str(path))
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        for name, value in _WRITER_PRAGMAS.items():
            db.pragma(name, value)
        _migrate(db, _version(db, path))
    return db


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about disk and file into our errors, one line each; wrong values stay apsw's errors."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        remedy = "restore a copy, or import an export into a new folder"
        raise StoreCorrupt(path, f"is damaged or not a memory ({error}); {remedy}") from error
    except apsw.FullError as error:
        raise MissingPart(f"{path}: the disk is full", "free some space; what was called stored is safe") from error
    except apsw.BusyError as error:
        raise MissingPart(f"{path}: locked by another program", "close what holds it open") from error
    except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        remedy = "check the disk and the permissions of the folder"
        if path.exists() and not os.access(path.parent, os.W_OK):  # also who only reads has its marks beside the file
            remedy = "its folder cannot be written: copy the memory to where it can"
        raise MissingPart(f"{path}: {error}", remedy) from error


def is_about_disk(error: HeedfulError) -> bool:
    """Say whether the error leaves the connection in doubt, so that it must be closed and opened again."""
    return isinstance(error, MissingPart | StoreCorrupt)


def is_about_room(error: HeedfulError) -> bool:
    """Say whether a full disk is the reason."""
    return isinstance(error.__cause__, apsw.FullError)


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
        raise StoreCorrupt(path, "is an SQLite file, but not a memory of Heedful; name another folder")
    if version > SCHEMA_VERSION:
        reason = f"was written by a newer Heedful (schema {version}, this one knows {SCHEMA_VERSION})"
        raise StoreCorrupt(path, f"{reason}; open it with that one, or name another folder")
    return version
