"""Rows into tables: what is there already stays as it is, and what was erased does not come back."""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING

from memory.remade import remade
from memory.rows import (
    ClipRow,
    DeadLetterRow,
    EmptySegmentRow,
    PinRow,
    RecordRow,
    RollupRow,
    Row,
    SegmentRow,
    SessionRow,
    StreamRow,
    ValueRow,
    VectorRow,
    checksum_of,
    mark_of,
)
from runtime.wire import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

HEAD_BYTES = 64  # of a message in a dead letter
CAME_AGAIN = "came again with other content: "  # and the id

# In the order in which they are written: a clip claims records, so records come first. What was erased stays away.
_INSERTS: dict[type[Row], str] = {
    SessionRow: """INSERT INTO session VALUES (?, ?)
        ON CONFLICT DO UPDATE SET start_ns = excluded.start_ns WHERE excluded.start_ns < start_ns""",
    StreamRow: """INSERT INTO stream_state VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET first_ns = min(first_ns, excluded.first_ns),
        watermark_ns = max(watermark_ns, excluded.watermark_ns), ended = max(ended, excluded.ended)""",
    RecordRow: """INSERT INTO record (key, session, stream, epoch, seq, kind, t_ns, start_ns, end_ns, text, box, level,
        trust, data, clock_ns, checksum) SELECT ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
        WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?1) ON CONFLICT DO NOTHING""",
    ClipRow: """INSERT INTO clip (key, session, stream, epoch, seq, sensor, t_ns, start_ns, end_ns, text, records)
        SELECT ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
        WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?1) ON CONFLICT DO NOTHING""",
    VectorRow: """INSERT INTO vec (owner, space, session, stream, kind, start_ns, end_ns, t_ns, trust, vector)
        SELECT owner, (SELECT id FROM space WHERE name = ?2), session, stream, kind, start_ns, end_ns, t_ns, trust, ?3
        FROM (SELECT id AS owner, session, stream, kind, start_ns - clock_ns AS start_ns, end_ns + clock_ns AS end_ns,
        t_ns, trust FROM record WHERE key = ?1
        UNION ALL SELECT -id, session, stream, 'clip', start_ns - clock_ns, end_ns + clock_ns, t_ns, trust
        FROM (SELECT *, coalesce((SELECT trust FROM record WHERE key IN (SELECT value FROM json_each(records))
        ORDER BY instr('scene remote local operator', trust) LIMIT 1), 'scene') AS trust,
        coalesce((SELECT max(clock_ns) FROM record WHERE key IN (SELECT value FROM json_each(records))), 0) AS clock_ns
        FROM clip WHERE key = ?1))
        WHERE true ON CONFLICT DO NOTHING""",
    ValueRow: """INSERT INTO value (clip_id, model, tokens, weights) SELECT id, ?2, ?3, ?4 FROM clip WHERE key = ?1
        ON CONFLICT DO NOTHING""",
    PinRow: """INSERT INTO pin SELECT ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE mark = ?1)
        ON CONFLICT DO NOTHING""",
    RollupRow: """INSERT INTO rollup (session, level_s, start_ns, text, data, model)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?4 IS NOT NULL""",
    SegmentRow: """INSERT INTO segment (space, file, first_id, last_id, rows, units, checksum)
        SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM space WHERE name = ?1""",
    EmptySegmentRow: """DELETE FROM erased_vec WHERE id IN (SELECT erased_vec.id FROM segment JOIN erased_vec
        ON erased_vec.space = segment.space AND erased_vec.id BETWEEN first_id AND last_id WHERE file = ?)""",
    DeadLetterRow: """INSERT INTO dead_letter (t_ns, session, topic, reason, size_bytes, head_hex)
        VALUES (?, ?, ?, ?, ?, ?)""",
}
_INSERT_SPACE = "INSERT INTO space (name, width) VALUES (?, ?) ON CONFLICT DO NOTHING"
_INSERT_MEDIA = "INSERT INTO media SELECT id, ?, ? FROM record WHERE key = ? ON CONFLICT DO NOTHING"
_DELETE_SEGMENT = "DELETE FROM segment WHERE file = ?"
_NOT_DUE = "DELETE FROM rollup_due WHERE session = ? AND level_s = ? AND start_ns = ?"
_DELETE_ROLLUP = "DELETE FROM rollup WHERE session = ? AND level_s = ? AND start_ns = ?"
_LONGER_IS_DUE = """INSERT OR IGNORE INTO rollup_due
    SELECT ?1, next_s, ?3 - (?3 % (next_s * 1000000000) + next_s * 1000000000) % (next_s * 1000000000)
    FROM (SELECT CASE ?2 WHEN 60 THEN 600 WHEN 600 THEN 3600 WHEN 3600 THEN 86400 END AS next_s)
    WHERE next_s IS NOT NULL"""
_INSERT_CONFLICT = f"""INSERT INTO dead_letter (t_ns, session, topic, reason, size_bytes, head_hex)
    SELECT ?3, session, concat_ws('/', ?4, session, stream, kind), '{CAME_AGAIN}' || key, ?5, ?6
    FROM record WHERE key = ?1 AND checksum != ?2"""
INSERT_TOMBSTONE = "INSERT INTO tombstone VALUES (?) ON CONFLICT DO NOTHING"
_ANY_ERASED = "SELECT EXISTS (SELECT 1 FROM tombstone)"
_IS_KNOWN_CLIP = """SELECT EXISTS (SELECT 1 FROM clip WHERE key = ?)
    OR EXISTS (SELECT 1 FROM tombstone WHERE mark = ?)"""
_LAST_RECORD = "SELECT coalesce(max(id), 0) FROM record"


def insert(db: apsw.Connection, batch: Sequence[Row]) -> frozenset[str]:
    """Write rows; the caller's transaction makes them one. Raises what apsw raises.

    Return the keys of clips that are not stored as they came, because records of them were erased meanwhile.
    """
    altered: frozenset[str] = frozenset()
    by_type: defaultdict[type[Row], list[Row]] = defaultdict(list)
    for row in batch:
        by_type[type(row)].append(row)
    for row_type, statement in _INSERTS.items():
        rows = by_type[row_type]
        if not rows:
            continue
        if row_type is RecordRow:
            _insert_records(db, statement, [row for row in rows if isinstance(row, RecordRow)])
        elif row_type is ClipRow:
            altered = _insert_clips(db, statement, [row for row in rows if isinstance(row, ClipRow)])
        elif row_type is PinRow:
            db.executemany(statement, ((mark_of(row.owner), *row) for row in rows if isinstance(row, PinRow)))
        else:
            if row_type is VectorRow:
                db.executemany(_INSERT_SPACE, _spaces(rows))
            if row_type is RollupRow:
                for earlier in (_NOT_DUE, _DELETE_ROLLUP, _LONGER_IS_DUE):
                    db.executemany(earlier, (row[:3] for row in rows))
            db.executemany(statement, rows)
            if row_type is EmptySegmentRow:
                db.executemany(_DELETE_SEGMENT, rows)
    return altered


def _insert_records(db: apsw.Connection, statement: str, rows: Sequence[RecordRow]) -> None:
    """Insert records with their pictures; what comes again with other content becomes a dead letter."""
    sums = [checksum_of(row) for row in rows]
    before = int(db.execute(_LAST_RECORD).get)
    marked = zip(rows, sums, strict=True)
    db.executemany(statement, ((mark_of(row.key), *row[:-1], checksum) for row, checksum in marked))
    if int(db.execute(_LAST_RECORD).get) - before < len(rows):
        now_ns = time.time_ns()
        again = zip(rows, sums, strict=True)
        db.executemany(_INSERT_CONFLICT, ((row.key, one, now_ns, ROOT, *_head(row)) for row, one in again))
    pictures = ((row.media, zlib.crc32(row.media), row.key) for row in rows if row.media is not None)
    db.executemany(_INSERT_MEDIA, pictures)


def _insert_clips(db: apsw.Connection, statement: str, rows: Sequence[ClipRow]) -> frozenset[str]:
    """Insert clips; one whose records were erased before it closed is made of the others, and its own id stays away."""
    altered: frozenset[str] = frozenset()
    if db.execute(_ANY_ERASED).get:
        fresh = [row for row in rows if not db.execute(_IS_KNOWN_CLIP, (row.key, mark_of(row.key))).get]
        now = [(row, remade(db, row)) for row in fresh]
        altered = frozenset(row.key for row, made in now if made is not row)
        db.executemany(INSERT_TOMBSTONE, ((mark_of(key),) for key in altered))
        rows = [made for _, made in now if made is not None]
    db.executemany(statement, ((mark_of(row.key), *row) for row in rows))
    return altered


def _head(row: RecordRow) -> tuple[int, str]:
    """Return how long a message without its picture is, and how it begins."""
    content = row.data.encode()
    return len(content), content[:HEAD_BYTES].hex()


def _spaces(rows: Iterable[Row]) -> set[tuple[str, int]]:
    return {(row.space, len(row.vector) // 2) for row in rows if isinstance(row, VectorRow)}
