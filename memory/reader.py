"""Reads records back as hits: by id, as the timeline of a window, and as counts; nothing later than asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runtime.messages import Hit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import apsw

    from memory.scope import Scope
    from runtime.messages import Box

KINDS = ("utterance", "sound", "motion", "frame", "gap")

# A clip that closed after the asking time is not yet known: its records stand without it.
_HIT = """SELECT record.id, record.key, coalesce(clip.key, ''), record.stream, record.kind, record.start_ns,
    record.end_ns, record.text, record.box, record.level, record.trust
    FROM {records} LEFT JOIN clip ON clip.id = record.clip_id AND clip.t_ns <= ?"""


def read_hits(db: apsw.Connection, scores: Mapping[int, float], scope: Scope) -> dict[int, Hit]:
    """Return the records of these ids, which must lie in the scope, with their scores."""
    inside, values = scope.where()
    # CROSS: from the ids to their records, never through all records of the session.
    named = _HIT.format(records="json_each(?) AS named CROSS JOIN record ON record.id = named.value")
    rows = db.execute(f"{named} WHERE {inside}", (json.dumps(list(scores)), scope.as_of_ns, *values))
    return {row[0]: _hit(row, scores[row[0]]) for row in rows}


def read_timeline(db: apsw.Connection, scope: Scope, limit: int) -> tuple[tuple[Hit, ...], int]:
    """Return the newest `limit` records of the scope, oldest first, and how many there are in all."""
    inside, values = scope.where()
    total: int = db.execute(f"SELECT count(*) FROM record WHERE {inside}", values).get
    newest = f"SELECT id FROM record WHERE {inside} ORDER BY start_ns DESC, end_ns DESC, id DESC LIMIT ?"
    hits = _HIT.format(records="record")
    query = f"{hits} WHERE record.id IN ({newest}) ORDER BY record.start_ns, record.end_ns, record.id"
    rows = db.execute(query, (scope.as_of_ns, *values, limit))
    return tuple(_hit(row, 0.0) for row in rows), total


def count_kinds(db: apsw.Connection, session: str, as_of_ns: int) -> dict[str, int]:
    """Return how many records of each kind the session had by then."""
    counts = ", ".join(f"count(*) FILTER (WHERE kind = '{kind}')" for kind in KINDS)  # GROUP BY would sort them all
    query = f"SELECT {counts} FROM record WHERE session = ? AND t_ns <= ?"
    (row,) = db.execute(query, (session, as_of_ns))
    return {kind: count for kind, count in zip(KINDS, row, strict=True) if count}


def session_start_ns(db: apsw.Connection, session: str) -> int:
    """Return when the session began, by its own word or else by its first record; 0 where it is unknown."""
    named = db.execute("SELECT start_ns FROM session WHERE name = ?", (session,)).get
    if named is None:
        named = db.execute("SELECT min(start_ns) FROM record WHERE session = ?", (session,)).get
    return int(named or 0)


def strongest_in_clips(db: apsw.Connection, clip_ids: Iterable[int], scope: Scope) -> dict[int, int]:
    """Return clip id -> id of the clip's strongest movement, else picture, in the scope: what has no vector itself."""
    inside, values = scope.where()
    # CROSS: from the clips to their records, never through all records of the session.
    query = f"""SELECT clip.id, record.id FROM clip CROSS JOIN json_each(clip.records) AS named
        CROSS JOIN record ON record.key = named.value
        WHERE clip.id IN (SELECT value FROM json_each(?)) AND record.kind IN ('motion', 'frame') AND {inside}
        ORDER BY record.kind = 'motion', record.level, record.start_ns"""
    return dict(db.execute(query, (json.dumps(list(clip_ids)), *values)))  # the last of a clip stays


def _hit(row: tuple[Any, ...], score: float) -> Hit:
    _, key, clip_id, stream, kind, start_ns, end_ns, text, box, level, trust = row
    return Hit(
        record_id=key,
        clip_id=clip_id,
        stream=stream,
        kind=kind,
        start_ns=start_ns,
        end_ns=end_ns,
        text=text,
        score=score,
        box=_box(box) if box else None,
        level=level,
        trust=trust,
    )


def _box(text: str) -> Box:
    x0, y0, x1, y1 = text[1:-1].split(",")  # four times as fast as json.loads
    return float(x0), float(y0), float(x1), float(y1)
