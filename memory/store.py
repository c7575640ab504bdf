"""The truth on disk: one SQLite file in one folder, one writer, any number of readers.

`append` returns only after the commit has reached the disk (WAL, `synchronous=FULL`). Keys make it idempotent: what
is there already stays as it is. Everything else in memory is derived from here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from memory.consolidate import roll_up_due
from memory.describe import WORDLESS
from memory.disk import RealDisk, sync_path
from memory.erase import Erased, Selector, count_rows, decay_rows, erase_rows, has_decayed_rows
from memory.insert import insert
from memory.rows import Row, SessionRow, StreamRow, keys_of, mark_of, origin_of
from memory.schema import SCHEMA_VERSION, check_sqlite, is_about_disk, open_reader, open_writer, sqlite_errors
from memory.verify import find_problems, mend
from runtime.errors import ConfigError, HeedfulError, MissingPart

FILE_NAME = "memory.db"
LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a memory holds."""

    sessions: dict[str, int]  # name -> start_ns
    records: dict[str, int]  # per kind
    clips: int
    vectors: dict[str, int]  # per space
    pictures: int
    dead_letters: int
    size_bytes: int  # of the file with its write-ahead log
    schema_version: int
    sqlite_version: str


class Store:
    """One open memory folder; not thread-safe: the writer thread owns the writable one, each reader its own."""

    def __init__(self, folder: Path, lock_fd: int | None) -> None:
        """Use `Store.open`; `lock_fd` is the writer's lock, None for a reader."""
        self.folder = folder
        self.path = folder / FILE_NAME
        self._lock_fd = lock_fd
        self._db: apsw.Connection | None = None

    @classmethod
    def open(cls, folder: Path | str, *, writable: bool = True) -> Store:
        """Open a memory folder; the writer creates what is missing and locks others out.

        Raises ConfigError where the folder cannot be used, MissingPart for an unsafe SQLite, a second writer or a
        failing disk, StoreCorrupt for a damaged, foreign or newer file, which is then left as it was.
        """
        check_sqlite(apsw.sqlite_lib_version())
        folder = Path(folder)
        store = cls(folder, take_lock(folder) if writable else None)
        if not writable and not store.path.exists():
            raise ConfigError(str(folder), f"holds no memory: {FILE_NAME} is not there")
        try:
            store.connection()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def is_writable(self) -> bool:
        """Say whether this is the one writer."""
        return self._lock_fd is not None

    def connection(self) -> apsw.Connection:
        """Return the connection, opened again where an error had closed it."""
        if self._db is None:
            self._db = open_writer(self.path) if self.is_writable else open_reader(self.path)
        return self._db

    def append(self, batch: Sequence[Row]) -> list[str]:
        """Write the rows in one transaction; return the keys of its records and clips, all on disk now.

        A key that is there already keeps its first content and is returned too; that of a clip which lost records by
        erasing, before it closed, is not. Raises MissingPart where the disk is
        full or fails, StoreCorrupt where the file is damaged: then nothing of the batch is stored, and the next call
        opens the file anew (a failed fsync must never be retried on the same handle). Rows with values that SQLite
        cannot hold raise apsw.Error, ValueError, TypeError or OverflowError, and nothing of the batch is stored.
        """
        with self._reopening_after_disk_errors() as db, db:
            altered = insert(db, batch)
        return [key for key in keys_of(batch) if key not in altered]

    def erase(self, selector: Selector, limit: int = -1) -> Erased:
        """Delete what a selector names, in one transaction; nobody sees it any more. Raises as `append`.

        Its bytes may remain in the write-ahead log and in the index: `memory.erasing` removes and proves that.
        """
        with self._reopening_after_disk_errors() as db, db:
            erased = erase_rows(db, selector, limit)
        return erased

    def count(self, selector: Selector) -> Erased:
        """Return how much a selector names."""
        with sqlite_errors(self.path):
            return count_rows(self.connection(), selector)

    def roll_up(self, level_s: int) -> int:
        """Roll up some windows of a level that are over and due; return how many. Raises as `append`."""
        with self._reopening_after_disk_errors() as db, db:
            rows = roll_up_due(db, level_s)
            insert(db, rows)
        return len(rows)

    def decay(self, before_ns: int, limit: int) -> int:
        """Let go of at most `limit` records that ended before a time; return how many went. Raises as `append`."""
        with self._reopening_after_disk_errors() as db, db:
            count = decay_rows(db, before_ns, limit)
        return count

    def has_decayed(self, before_ns: int) -> bool:
        """Say whether `decay` would find anything."""
        with sqlite_errors(self.path):
            return has_decayed_rows(self.connection(), before_ns)

    def drop_pictures(self, record_ids: Sequence[int]) -> None:
        """Let go of pictures of frames; the frames stay. Raises as `append`."""
        with self._reopening_after_disk_errors() as db, db:
            db.executemany("DELETE FROM media WHERE record_id = ?", ((number,) for number in record_ids))

    def flush(self, *, rewriting: bool = False) -> bool:
        """Bring the write-ahead log into the file and empty it for good; say whether no reader was in the way.

        `rewriting` writes the whole file anew, without free pages and what deleted rows left in them; it needs as much
        room again.
        """
        with self._reopening_after_disk_errors() as db:
            if rewriting:
                self._rewrite(db)
            is_busy = bool(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0])
            sync_path(self.path.with_name(f"{FILE_NAME}-wal"))  # SQLite does not: a power cut would bring it back
        return not is_busy

    def mend(self) -> list[str]:
        """Make full text and tallies anew where they contradict the records; return what was. Raises as `append`."""
        with self._reopening_after_disk_errors() as db, db:
            mended = mend(db)
        return mended

    def _rewrite(self, db: apsw.Connection) -> None:
        """Write the file anew; its copy, as large as it, lies beside it for a while and not in RAM."""
        os.environ["SQLITE_TMPDIR"] = str(self.folder)
        db.pragma("temp_store", "FILE")
        try:
            db.execute("VACUUM")
        finally:
            db.pragma("temp_store", "MEMORY")
            del os.environ["SQLITE_TMPDIR"]

    def was_erased(self, row: SessionRow | StreamRow) -> bool:
        """Say whether a session, or a stream of it, was erased with all that it held; it may run again all the same."""
        query = "SELECT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?)"
        with sqlite_errors(self.path):
            return bool(self.connection().execute(query, (mark_of(origin_of(row)),)).get)

    def media(self, key: str) -> bytes | None:
        """Return the JPEG of a frame record, None where there is none."""
        query = "SELECT jpeg FROM media JOIN record ON record.id = media.record_id WHERE record.key = ?"
        with sqlite_errors(self.path):
            found: bytes | None = self.connection().execute(query, (key,)).get
        return found

    def unembedded(self, space: str) -> Iterator[tuple[str, str]]:
        """Yield key and text of spoken words, sounds and clips without a search key in `space`, oldest first.

        After a crash between record and vector, or with another model, these are to be embedded again. Vectors come in
        the order of their owners, so that a record older than the newest has one; clips may have been made anew.
        """
        with sqlite_errors(self.path):
            db = self.connection()
            number = db.execute("SELECT id FROM space WHERE name = ?", (space,)).get
            records = """SELECT key, text FROM record WHERE kind IN ('utterance', 'sound') AND text != ?2
                AND id > coalesce((SELECT max(owner) FROM vec WHERE space = ?1), 0) ORDER BY id"""
            yield from db.execute(records, (number, WORDLESS))
            there = _count(db, "vec WHERE space = ? AND owner < 0", number)
            if there < _count(db, "clip"):
                clips = """SELECT key, text FROM clip
                    WHERE NOT EXISTS (SELECT 1 FROM vec WHERE space = ?1 AND owner = -clip.id) ORDER BY id"""
                yield from db.execute(clips, (number,))

    def reached(self, session: str) -> dict[str, int]:
        """Return how far each stream of a session had come when it was last heard of."""
        query = "SELECT stream, max(watermark_ns) FROM stream_state WHERE session = ? GROUP BY stream"
        with sqlite_errors(self.path):
            return dict(self.connection().execute(query, (session,)))

    def began(self, session: str) -> int | None:
        """Return when the first run of a session began, None where there was none."""
        with sqlite_errors(self.path):
            found: int | None = self.connection().execute("SELECT start_ns FROM session WHERE name = ?", (session,)).get
            return found

    def stats(self) -> Stats:
        """Count what is there."""
        db = self.connection()
        with sqlite_errors(self.path):
            return Stats(
                sessions=dict(db.execute("SELECT name, start_ns FROM session ORDER BY name")),
                records=dict(db.execute("SELECT kind, count(*) FROM record GROUP BY kind ORDER BY kind")),
                clips=_count(db, "clip"),
                vectors=dict(db.execute("SELECT name, (SELECT count(*) FROM vec WHERE space = space.id) FROM space")),
                pictures=_count(db, "media"),
                dead_letters=_count(db, "dead_letter"),
                size_bytes=sum(p.stat().st_size for p in self.folder.glob(f"{FILE_NAME}*")),
                schema_version=SCHEMA_VERSION,
                sqlite_version=apsw.sqlite_lib_version(),
            )

    def verify(self) -> list[str]:
        """Read everything, the index too, and return what is wrong, one line each; empty means sound."""
        return find_problems(self.connection(), self.folder, is_writable=self.is_writable)

    def close(self) -> None:
        """Close the file and let the next writer in; a second call does nothing."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock_fd is not None:
            os.close(self._lock_fd)  # releases the lock
            self._lock_fd = None

    @contextmanager
    def _reopening_after_disk_errors(self) -> Iterator[apsw.Connection]:
        try:
            with sqlite_errors(self.path):
                yield self.connection()
        except HeedfulError as error:
            if is_about_disk(error) and self._db is not None:
                self._db.close(True)
                self._db = None
            raise


def take_lock(folder: Path) -> int:
    """Create the folder if needed and take the writer's lock in it; return its file descriptor."""
    try:
        RealDisk().make_folder(folder)
        fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(
            str(folder), f"cannot hold a memory: {error.strerror}; name a folder that can be written"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(fd, 20, 0).decode(errors="replace").strip()
        os.close(fd)
        remedy = "stop it, or name another folder"
        raise MissingPart(f"{folder} is being written by process {owner or 'unknown'}", remedy) from error
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    return fd


def _count(db: apsw.Connection, rows: str, *values: int | None) -> int:
    count: int = db.execute(f"SELECT count(*) FROM {rows}", values).get
    return count
