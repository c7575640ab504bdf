"""Erasing: what a selector names leaves every table in one transaction, and its ids are never taken again.

Different from decay: it is exact, at once, and for good. A clip that loses some of its records is made anew of the
others; search keys in sealed files are hidden by `erased_vec` until the files are written again without them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from unicodedata import category

from memory.erase_letters import erase_letters
from memory.erase_rollups import count_rollups, erase_rollups
from memory.insert import INSERT_TOMBSTONE, insert
from memory.migrations import TALLY
from memory.remade import remade
from memory.retention import PINNED
from memory.rows import ClipRow, SessionRow, StreamRow, mark_of, origin_of
from memory.scope import EARLIEST_NS, LATEST_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import apsw

UNPRINTABLE = ("Cc", "Cs")  # Unicode's control characters, and halves of some
TRACE_BYTES = 16
TRACE_LEAST = 8  # of a text: shorter ones stand anywhere
TRACE_DISTINCT = 4  # bytes: zeros stand anywhere too
TRACES_MAX = 100_000

_DELETES = (
    "DELETE FROM media WHERE record_id IN doomed",
    "DELETE FROM pin WHERE owner IN (SELECT key FROM record JOIN doomed USING (id))",
    "DELETE FROM record WHERE id IN doomed",
)
# What triggers leave in a tally, when the latest and the longest were, tells of what went.
_TALLIED_ANEW = f"""INSERT OR REPLACE INTO tally {TALLY.replace("GROUP BY", "WHERE session = ? GROUP BY")}"""
_TOUCHED_CLIPS = f"SELECT {', '.join(ClipRow._fields)} FROM clip WHERE id IN touched ORDER BY id"
_FREE_RECORDS = """UPDATE record SET clip_id = NULL WHERE clip_id IN touched
    AND key IN (SELECT named.value FROM clip JOIN json_each(clip.records) AS named WHERE clip.id IN touched)"""
_DECAYED = f"""SELECT id FROM record WHERE end_ns < ?1
    AND coalesce((SELECT end_ns FROM clip WHERE clip.id = clip_id), end_ns) < ?1 AND NOT {PINNED}
    ORDER BY id LIMIT ?2"""
_OF_SESSION = (("session", "name"), ("stream_state", "session"), ("rollup", "session"), ("rollup_due", "session"))
_TEXTS = (  # where the same bytes may stand for another reason
    ("record", "text"),
    ("record", "data"),
    ("clip", "text"),
    ("rollup", "text"),
    ("vec", "vector"),
    ("media", "jpeg"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Records to erase: those for which all that is given here holds; nothing given names none."""

    session: str | None = None
    stream: str | None = None
    start_ns: int | None = None  # what overlaps this time, widened by how far its clock may be off
    end_ns: int | None = None
    clip: str | None = None  # id of a clip or of one record
    text: str | None = None  # words that stand together in the record, in any inflection

    def __post_init__(self) -> None:
        """Raise ValueError where SQLite could not look for it, or nobody can mean it."""
        for name in ("session", "stream", "clip", "text"):
            if any(category(one) in UNPRINTABLE for one in getattr(self, name) or ""):
                raise ValueError(f"{name} has a control character in it")
        for name in ("start_ns", "end_ns"):
            if not EARLIEST_NS <= (getattr(self, name) or 0) <= LATEST_NS:
                raise ValueError(f"{name} is no time that a memory can hold")
        if self.start_ns is not None and self.end_ns is not None and self.start_ns > self.end_ns:
            raise ValueError("the time that is named ends before it begins")  # whatever is long would overlap both

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was given."""
        return all(getattr(self, one.name) is None for one in fields(self))

    @property
    def is_whole_session(self) -> bool:
        """Say whether nothing but a session was given."""
        return self.session is not None and self == Selector(session=self.session)

    def where(self) -> tuple[str, list[str | int | bytes]]:
        """Return the SQL condition on table `record` and its values."""
        conditions = {
            "session = ?": self.session,
            "stream = ?": self.stream,
            "end_ns + clock_ns >= ?": self.start_ns,
            "start_ns - clock_ns <= ?": self.end_ns,
            "? IN (key, (SELECT key FROM clip WHERE clip.id = clip_id))": self.clip,
            "id IN (SELECT rowid FROM record_fts WHERE record_fts MATCH ?)": self.text and _phrase(self.text),
        }
        return all_of(conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much of what left the tables, and bytes of it that must not be found in any file afterwards."""

    records: int = 0
    clips: int = 0  # whole ones
    remade: int = 0  # clips that go on without some records
    vectors: int = 0
    pictures: int = 0
    letters: int = 0  # dead ones, which hold how messages began
    rollups: int = 0  # that told of it; they are made anew of what is left
    traces: frozenset[bytes] = frozenset()

    def __add__(self, other: Erased) -> Erased:
        """Return what went in two steps."""
        both = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)[:-1]}
        return Erased(**both, traces=self.traces | other.traces)


def erase_rows(db: apsw.Connection, selector: Selector, limit: int = -1) -> Erased:
    """Delete what the selector names, or the first `limit` records of it; the caller's transaction makes it one."""
    condition, values = selector.where()
    with _doomed(db, f"SELECT id FROM record WHERE {condition} ORDER BY id LIMIT {limit}", values):
        whole = {"records": _count(db, "doomed"), "pictures": _count(db, "doomed JOIN media ON record_id = doomed.id")}
        letters = erase_letters(db, selector)
        traces = _traces(db)
        vectors = _erase_vectors(db)
        _mark(db, [str(key) for (key,) in db.execute("SELECT key FROM record JOIN doomed USING (id)")])
        told = erase_rollups(db, selector)
        touched = db.execute("SELECT DISTINCT session FROM record JOIN doomed USING (id)").fetchall()
        for statement in _DELETES:
            db.execute(statement)
        db.executemany(_TALLIED_ANEW, touched)
        clips, remade = _erase_clips(db, is_for_good=True)
        if selector.is_whole_session:
            _mark_session(db, str(selector.session))
            for table, column in _OF_SESSION:
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (selector.session,))
    traces |= _worth_a_look(told)
    return Erased(
        **whole, clips=clips, remade=remade, vectors=vectors, letters=letters, rollups=len(told), traces=traces
    )


def decay_rows(db: apsw.Connection, before_ns: int, limit: int) -> int:
    """Let go of at most `limit` records that ended before a time and are not pinned; return how many went.

    Oldest first and clip by clip. Unlike erased ones they may come again, and what was rolled up of them stays.
    """
    with _doomed(db, _DECAYED, (before_ns, limit)):
        count = _count(db, "doomed")
        _erase_vectors(db)
        for statement in _DELETES:
            db.execute(statement)
        _erase_clips(db, is_for_good=False)
    return count


def has_decayed_rows(db: apsw.Connection, before_ns: int) -> bool:
    """Say whether `decay_rows` would find any."""
    return db.execute(_DECAYED, (before_ns, 1)).get is not None


@contextmanager
def _doomed(db: apsw.Connection, query: str, values: Sequence[str | int | bytes]) -> Iterator[None]:
    """Have ids of records in table `doomed` and of their clips in `touched` for a while."""
    db.execute("CREATE TEMP TABLE doomed (id INTEGER PRIMARY KEY); CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY)")
    try:
        db.execute(f"INSERT INTO doomed {query}", tuple(values))
        db.execute("""INSERT INTO touched SELECT DISTINCT clip_id FROM record JOIN doomed USING (id)
            WHERE clip_id IS NOT NULL""")
        yield
    finally:
        db.execute("DROP TABLE doomed; DROP TABLE touched")


def count_rows(db: apsw.Connection, selector: Selector) -> Erased:
    """Return what `erase_rows` would delete, without its letters and traces."""
    condition, values = selector.where()
    named = f"(SELECT * FROM record WHERE {condition}) AS named LEFT JOIN media ON record_id = named.id"
    query = f"SELECT count(*), count(DISTINCT clip_id), count(record_id) FROM {named}"
    ((records, clips, pictures),) = db.execute(query, values)
    return Erased(records=records, clips=clips, pictures=pictures, rollups=count_rollups(db, selector))


def named_rows(db: apsw.Connection, selector: Selector, limit: int) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield start, session, stream, kind and text of the first records that a selector names."""
    condition, values = selector.where()
    query = f"SELECT start_ns, session, stream, kind, text FROM record WHERE {condition} ORDER BY start_ns, id LIMIT ?"
    for start_ns, *texts in db.execute(query, (*values, limit)):
        session, stream, kind, text = map(str, texts)
        yield int(start_ns), session, stream, kind, text


def surviving(db: apsw.Connection, trace: bytes) -> bool:
    """Say whether what still stands in a table has these bytes too: the same words said elsewhere, the same vector."""
    return any(
        db.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE instr(CAST({column} AS BLOB), ?))", (trace,)).get
        for table, column in _TEXTS
    )


def _erase_vectors(db: apsw.Connection) -> int:
    """Delete the search keys of doomed records and touched clips; files of the index may hold them still."""
    owners = "(SELECT id FROM doomed UNION ALL SELECT -id FROM touched)"
    db.execute(f"INSERT INTO erased_vec SELECT id, space FROM vec WHERE owner IN {owners}")
    db.execute(f"DELETE FROM vec WHERE owner IN {owners}")
    return db.changes()


def _erase_clips(db: apsw.Connection, *, is_for_good: bool) -> tuple[int, int]:
    """Delete touched clips; those with records left are made anew, and get new search keys when memory starts."""
    db.execute("DELETE FROM value WHERE clip_id IN touched")
    touched = [ClipRow(*row) for row in db.execute(_TOUCHED_CLIPS)]
    left = [(clip, made) for clip in touched if (made := remade(db, clip)) is not None]
    db.execute(_FREE_RECORDS)
    db.execute("DELETE FROM clip WHERE id IN touched")
    if is_for_good:
        _mark(db, [clip.key for clip in touched])
        insert(db, [made for _, made in left])
    else:  # what decayed may come again, and so may the whole clip
        insert(db, [made._replace(key=clip.key) for clip, made in left])
    return len(touched) - len(left), len(left)


def _mark(db: apsw.Connection, keys: Iterable[str]) -> None:
    db.executemany(INSERT_TOMBSTONE, [(mark_of(key),) for key in keys])


def _mark_session(db: apsw.Connection, session: str) -> None:
    """Remember a session, its streams and its pins, so that no import brings them back; pins of it go."""
    _mark(db, [origin_of(SessionRow(*row)) for row in db.execute("SELECT * FROM session WHERE name = ?", (session,))])
    streams = db.execute("SELECT * FROM stream_state WHERE session = ?", (session,)).fetchall()
    _mark(db, [origin_of(StreamRow._make(row)) for row in streams])
    of_session = "FROM pin WHERE substr(owner, 1, length(?1) + 1) = ?1 || '/'"
    _mark(db, [str(owner) for (owner,) in db.execute(f"SELECT owner {of_session}", (session,))])
    db.execute(f"DELETE {of_session}", (session,))


def _traces(db: apsw.Connection) -> frozenset[bytes]:
    """Return the ids that go, longer texts, and some bytes out of the middle of pictures and vectors."""
    middle = "substr({0}, 1 + length({0}) / 2 - {1}, {1})"
    owners = "(SELECT id FROM doomed UNION ALL SELECT -id FROM touched)"
    queries = (
        f"SELECT {middle.format('jpeg', TRACE_BYTES)} FROM media WHERE record_id IN doomed",
        f"SELECT {middle.format('vector', TRACE_BYTES)} FROM vec WHERE owner IN {owners}",
        "SELECT text FROM record WHERE id IN doomed AND text NOT IN (SELECT text FROM record WHERE id NOT IN doomed)",
        "SELECT key FROM record WHERE id IN doomed",
    )
    return frozenset[bytes]().union(
        *(_worth_a_look(piece for (piece,) in db.execute(f"{query} LIMIT {TRACES_MAX}")) for query in queries)
    )


def _worth_a_look(pieces: Iterable[Any]) -> frozenset[bytes]:
    """Return those that do not stand just anywhere, as bytes."""
    contents = (piece.encode() if isinstance(piece, str) else bytes(piece) for piece in pieces)
    return frozenset(one for one in contents if len(one) >= TRACE_LEAST and len(set(one)) >= TRACE_DISTINCT)


def all_of(conditions: Mapping[str, str | int | bytes | None]) -> tuple[str, list[str | int | bytes]]:
    """Join the conditions that have a value; none of them is true of nothing."""
    given = {condition: value for condition, value in conditions.items() if value is not None}
    return " AND ".join(given) or "false", list(given.values())


def _phrase(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _count(db: apsw.Connection, rows: str) -> int:
    count: int = db.execute(f"SELECT count(*) FROM {rows}").get
    return count
