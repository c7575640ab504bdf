"""Reads records back as hits: by id, as the timeline of a window, and as counts; nothing later than asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.scope import EARLIEST_NS, Scope
from runtime.messages import Hit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import apsw
    from numpy.typing import NDArray

    from runtime.messages import Box

KINDS = ("utterance", "sound", "motion", "detection", "frame", "gap")

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


def read_neighbours(db: apsw.Connection, key: str, before: int, after: int, scope: Scope) -> tuple[Hit, ...]:
    """Return so many records of the scope on either side of one, on its stream, oldest first."""
    inside, values = scope.where()
    place = "SELECT stream, start_ns, end_ns, id FROM record WHERE key = ? AND session = ? AND t_ns <= ?"
    found: list[int] = []
    for stream, *at in db.execute(place, (key, scope.session, scope.as_of_ns)).fetchall():
        for side, bound, order, count in (("<", "<=", "DESC", before), (">", ">=", "ASC", after)):
            # The second condition says what the first implies, in words for which the index can be walked.
            ids = f"""SELECT id FROM record WHERE (start_ns, end_ns, id) {side} (?, ?, ?) AND start_ns {bound} ?
                AND stream = ? AND {inside} ORDER BY start_ns {order}, end_ns {order}, id {order} LIMIT ?"""
            found += [number for (number,) in db.execute(ids, (*at, at[0], stream, *values, max(0, count)))]
    hits = _HIT.format(records="json_each(?) AS named CROSS JOIN record ON record.id = named.value")
    query = f"{hits} ORDER BY record.start_ns, record.end_ns, record.id"
    return tuple(_hit(row, 0.0) for row in db.execute(query, (json.dumps(found), scope.as_of_ns)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a session holds, without looking at its records."""

    records: dict[str, int]  # per kind
    latest_ns: int  # none began or became known later
    longest_ns: int  # none reaches further, clocks included

    def total(self, scope: Scope) -> int | None:
        """Return how many records a scope allows, None where that is not known without looking at them."""
        is_all = scope.start_ns == EARLIEST_NS and min(scope.end_ns, scope.as_of_ns) >= self.latest_ns
        if not is_all or scope.streams or scope.trusts or scope.except_key:
            return None
        return sum(count for kind, count in self.records.items() if not scope.kinds or kind in scope.kinds)


def read_tally(db: apsw.Connection, session: str) -> Tally:
    """Return what a session holds now."""
    query = "SELECT kind, records, latest_ns, longest_ns FROM tally WHERE session = ?"
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    return Tally(
        records={kind: count for kind, count, _, _ in rows},
        latest_ns=max((latest_ns for _, _, latest_ns, _ in rows), default=EARLIEST_NS),
        longest_ns=max((longest_ns for _, _, _, longest_ns in rows), default=0),
    )


def read_timeline(db: apsw.Connection, scope: Scope, limit: int, tally: Tally) -> tuple[tuple[Hit, ...], int]:
    """Return the newest `limit` records of the scope, oldest first, and how many there are in all."""
    inside, values = scope.where()
    counted = tally.total(scope)
    total: int = db.execute(f"SELECT count(*) FROM record WHERE {inside}", values).get if counted is None else counted
    newest = f"SELECT id FROM record WHERE {inside} ORDER BY start_ns DESC, end_ns DESC, id DESC LIMIT ?"
    hits = _HIT.format(records="record")
    query = f"{hits} WHERE record.id IN ({newest}) ORDER BY record.start_ns, record.end_ns, record.id"
    rows = db.execute(query, (scope.as_of_ns, *values, limit))
    return tuple(_hit(row, 0.0) for row in rows), total


def count_kinds(db: apsw.Connection, session: str, as_of_ns: int, tally: Tally) -> dict[str, int]:
    """Return how many records of each kind the session had by then."""
    if as_of_ns >= tally.latest_ns:
        return {kind: tally.records[kind] for kind in KINDS if kind in tally.records}
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


def strongest_in_clips(
    db: apsw.Connection, clip_ids: Iterable[int], scope: Scope, kinds: Sequence[str]
) -> dict[int, int]:
    """Return clip id -> id of the clip's strongest record in the scope, of the first of these kinds that it has."""
    inside, values = scope.where()
    # CROSS: from the clips to their records, never through all records of the session.
    query = f"""SELECT clip.id, record.id FROM clip CROSS JOIN json_each(clip.records) AS named
        CROSS JOIN record ON record.key = named.value
        CROSS JOIN json_each(?) AS wanted ON wanted.value = record.kind
        WHERE clip.id IN (SELECT value FROM json_each(?)) AND {inside}
        ORDER BY wanted.key DESC, record.level, record.start_ns"""
    asked = json.dumps(kinds), json.dumps(list(clip_ids))
    return dict(db.execute(query, (*asked, *values)))  # the last of a clip stays


def owners_of(db: apsw.Connection, ids: Sequence[int]) -> dict[int, tuple[str, bool]]:
    """Return vector id -> key of the record or clip that it belongs to, and whether that is a clip."""
    query = """SELECT vec.id, coalesce(record.key, clip.key), owner < 0
        FROM json_each(?) AS named CROSS JOIN vec ON vec.id = named.value
        LEFT JOIN record ON record.id = vec.owner LEFT JOIN clip ON clip.id = -vec.owner"""
    return {number: (key, bool(is_clip)) for number, key, is_clip in db.execute(query, (json.dumps(ids),))}


def vectors_of(db: apsw.Connection, space: str, keys: Iterable[str]) -> dict[str, NDArray[np.float16]]:
    """Return the vectors (C,) of those records that have one in a space."""
    query = """SELECT record.key, vector FROM json_each(?1) AS named CROSS JOIN record ON record.key = named.value
        CROSS JOIN vec ON vec.space = (SELECT id FROM space WHERE name = ?2) AND vec.owner = record.id"""
    rows = db.execute(query, (json.dumps(list(keys)), space))
    return {key: np.frombuffer(vector, np.float16) for key, vector in rows}


def search_keys(db: apsw.Connection, key: str, scope: Scope) -> dict[str, NDArray[np.float16]]:
    """Return the vectors (C,) of a record or clip of the session by their spaces, else those of the record's clip."""
    owners = """SELECT record.id, -clip.id FROM record LEFT JOIN clip ON clip.id = clip_id AND clip.t_ns <= ?3
        WHERE record.key = ?1 AND record.session = ?2 AND record.t_ns <= ?3
        UNION ALL SELECT -id, NULL FROM clip WHERE key = ?1 AND session = ?2 AND t_ns <= ?3"""
    query = "SELECT name, vector FROM space CROSS JOIN vec ON vec.space = space.id AND vec.owner = ? ORDER BY space.id"
    for one in db.execute(owners, (key, scope.session, scope.as_of_ns)).fetchall():
        for owner in one:
            found = {name: np.frombuffer(vector, np.float16) for name, vector in db.execute(query, (owner,))}
            if found:
                return found
    return {}


def keys_of_ids(db: apsw.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return id -> key of records."""
    query = "SELECT record.id, record.key FROM json_each(?) AS named CROSS JOIN record ON record.id = named.value"
    return dict(db.execute(query, (json.dumps(list(ids)),)))


def ids_of_keys(db: apsw.Connection, keys: Iterable[str], table: str = "record") -> dict[str, int]:
    """Return key -> id of those records, or clips, that are there."""
    query = f"SELECT {table}.key, {table}.id FROM json_each(?) AS named CROSS JOIN {table} ON {table}.key = named.value"
    return dict(db.execute(query, (json.dumps(list(keys)),)))


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
