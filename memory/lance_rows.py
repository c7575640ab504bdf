"""Rows on their way into the LanceDB table, and back: what is there already, or was erased, does not go in again."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.clips import text_of_clip
from memory.lance_table import column_of, one_of, quoted
from memory.remade import remade_key
from memory.rows import ClipRow, RecordRow, Row, SessionRow, StreamRow, VectorRow, checksum_of, mark_of
from memory.scope import CLIP
from runtime.messages import Hit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Set

    from memory.lance_table import Table
    from memory.words import Stemmer

KEPT: frozenset[type[Row]] = frozenset((RecordRow, ClipRow, VectorRow, SessionRow, StreamRow))
TRUSTS = ("scene", "remote", "local", "operator")  # the least trusted first
OWNED = ("session", "stream", "start_ns", "end_ns", "t_ns", "clock_ns", "trust", "kind")  # that a vector takes over
HIT = ("number", "key", "stream", "kind", "start_ns", "end_ns", "text", "box", "level", "trust")


def fresh_rows(table: Table, batch: Sequence[Row], stemmer: Stemmer) -> list[dict[str, Any]]:
    """Return what of a batch is to be added, records first, then clips, vectors, and the rest.

    Raises ValueError or TypeError for values that cannot be stored.
    """
    records = {row.key: row for row in reversed(batch) if isinstance(row, RecordRow)}  # of one key the first stays
    clips = {row.key: row for row in reversed(batch) if isinstance(row, ClipRow)}
    keys = list(dict.fromkeys(row.key for row in batch if isinstance(row, RecordRow | ClipRow)))
    refused = _refused(table, keys)
    rows = [_of_record(records[key], stemmer) for key in keys if key in records and key not in refused]
    rows += _of_clips(table, [clips[key] for key in keys if key in clips and key not in refused], rows)
    rows += _of_vectors(table, [row for row in batch if isinstance(row, VectorRow)], rows)
    rows += [
        {"type": "session", "session": row.name, "start_ns": row.start_ns}
        for row in batch
        if isinstance(row, SessionRow)
    ]
    rows += [_of_stream(row) for row in batch if isinstance(row, StreamRow)]
    return rows


def tombstone(key: str) -> dict[str, Any]:
    """Return the row that keeps a key away for good, without telling it."""
    return {"type": "erased", "key": mark_of(key).hex()}


def hit_of(row: dict[str, Any], clip: str) -> Hit:
    """Return a record's row, with at least the columns HIT, as a hit."""
    box = json.loads(row["box"]) if row["box"] else None
    names = ("stream", "kind", "start_ns", "end_ns", "text", "level", "trust")
    place = None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return Hit(record_id=row["key"], clip_id=clip, score=0.0, box=place, **{name: row[name] for name in names})


def _refused(table: Table, keys: Sequence[str]) -> set[str]:
    """Return those keys that are there already, or were erased."""
    marks = {mark_of(key).hex(): key for key in keys}
    there = f"type IN ('record', 'clip') AND {one_of('key', keys)}"
    erased = f"type = 'erased' AND {one_of('key', marks)}"
    found = table.rows(f"({there}) OR ({erased})", ["key"]) if keys else []
    return {marks.get(row["key"], row["key"]) for row in found}


def _of_record(row: RecordRow, stemmer: Stemmer) -> dict[str, Any]:
    return row._asdict() | {"type": "record", "stems": stemmer.stems(row.text), "checksum": _sum(row)}


def _of_clips(table: Table, clips: Sequence[ClipRow], fresh: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return clips; one whose records were erased before it closed is made of the others, and its own id stays away."""
    rows = [_of_clip(clip) for clip in clips]
    marks = {mark_of(key).hex(): key for row in rows for key in row["records"]}
    found = table.rows(f"type = 'erased' AND {one_of('key', marks)}", ["key"]) if marks else []
    gone = {marks[row["key"]] for row in found}
    whole = [row for row in rows if gone.isdisjoint(row["records"])]
    lost = [row for row in rows if not gone.isdisjoint(row["records"])]
    left = [made for row in lost if (made := remade(table, row, gone, fresh)) is not None]
    return [*whole, *left, *(tombstone(row["key"]) for row in lost)]


def remade(
    table: Table, clip: dict[str, Any], doomed: Set[str], fresh: Sequence[dict[str, Any]] = ()
) -> dict[str, Any] | None:
    """Return a clip of those of its records that stay, in the table or `fresh`, None where none does."""
    there = table.rows(
        f"type = 'record' AND {one_of('key', clip['records'])}", ["key", "kind", "text", "start_ns", "end_ns"]
    )
    rows = {row["key"]: row for row in (*there, *fresh) if row["key"] not in doomed}
    left = [rows[key] for key in clip["records"] if key in rows]
    if not left:
        return None
    times = {"start_ns": min(row["start_ns"] for row in left), "end_ns": max(row["end_ns"] for row in left)}
    text = text_of_clip([(row["kind"], row["text"]) for row in left])
    records = [row["key"] for row in left]
    return clip | times | {"key": remade_key(clip["key"]), "type": "clip", "text": text, "records": records}


def _of_clip(row: ClipRow) -> dict[str, Any]:
    return row._asdict() | {"type": "clip", "records": json.loads(row.records)}


def _of_stream(row: StreamRow) -> dict[str, Any]:
    kept = {"session": row.session, "stream": row.stream, "epoch": row.epoch, "sensor": row.sensor}
    return kept | {"type": "stream", "start_ns": row.first_ns, "t_ns": row.watermark_ns}


def _of_vectors(table: Table, batch: Sequence[VectorRow], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return vectors with what a scope asks of their owners; without an owner they stay away."""
    if not batch:
        return []
    earlier = {row.owner for row in batch} - {row["key"] for row in rows}
    owned = table.rows(f"type = 'vector' AND {one_of('key', earlier)}", ["key", "space"]) if earlier else []
    seen = {(row["key"], row["space"]) for row in owned}
    owners = _owners(table, {row.owner for row in batch}, rows)
    found = []
    for row in batch:
        if row.owner in owners and (row.owner, row.space) not in seen:
            seen.add((row.owner, row.space))
            vector = np.frombuffer(row.vector, np.float16)
            # float32: a question's vector would be rounded to what it is compared with.
            kept = {"type": "vector", "key": row.owner, "space": row.space, "vector": vector.astype(np.float32)}
            found.append(owners[row.owner] | kept | {"checksum": zlib.crc32(row.vector)})
    return found


def _owners(table: Table, keys: set[str], rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return key -> what a vector takes over of its record or clip, of a clip the least trust and most clock error."""
    names = ["type", "key", "records", *OWNED]
    fresh = {row["key"] for row in rows}
    earlier = keys - fresh
    there = [row for row in rows if row["key"] in keys]
    there += table.rows(f"type IN ('record', 'clip') AND {one_of('key', earlier)}", names) if earlier else []
    named = {key for row in there if row["type"] == "clip" for key in row["records"]} - fresh
    within = [*rows, *(table.rows(f"type = 'record' AND {one_of('key', named)}", names) if named else ())]
    records = {row["key"]: row for row in within if row["type"] == "record"}
    owners = {}
    for row in there:
        if row["type"] == "clip":
            parts = [records[key] for key in row["records"] if key in records]
            trust = min((part["trust"] for part in parts), key=TRUSTS.index, default="scene")
            clock_ns = max((part["clock_ns"] for part in parts), default=0)
            row = row | {"kind": CLIP, "trust": trust, "clock_ns": clock_ns}
        owners[row["key"]] = {name: row[name] for name in OWNED}
    return owners


def _sum(row: RecordRow) -> int:
    return zlib.crc32(row.media or b"", checksum_of(row))


def clips_of(table: Table, session: str, as_of_ns: int, keys: Iterable[str]) -> dict[str, str]:
    """Return record -> the clip that holds it, where it was closed by then."""
    listed = ", ".join(map(quoted, keys))
    if not listed:
        return {}
    holding = f"type = 'clip' AND session = {quoted(session)} AND array_has_any(records, [{listed}])"
    found: dict[str, str] = {}
    clips = sorted(table.rows(holding, ["number", "key", "records", "t_ns"]), key=lambda row: int(row["number"]))
    for clip in clips:  # the first that claims a record has it
        for key in clip["records"]:
            found.setdefault(key, clip["key"] if clip["t_ns"] <= as_of_ns else "")
    return found


def find_problems(table: Table) -> Iterator[str]:
    """Read everything; yield what is wrong, one line each."""
    keys = {row["key"] for row in table.rows("type IN ('record', 'clip')", ["key"])}
    for row in table.rows("type = 'record'", ["checksum", *RecordRow._fields]):
        if row.pop("checksum") != _sum(RecordRow(**row)):
            yield f"record {row['key']}: is not what was stored"
    for row in table.rows("type = 'clip'", ["key", "records"]):
        yield from (f"clip {row['key']} names {key}, which is not there" for key in row["records"] if key not in keys)
    for space in {row["space"] for row in table.rows("type = 'vector'", ["space"])}:
        for row in table.rows(f"space = {quoted(space)}", ["key", "checksum", column_of(space)]):
            if row["key"] not in keys:
                yield f"a vector belongs to {row['key']}, which is not there"
            if row["checksum"] != zlib.crc32(np.array(row[column_of(space)], np.float16).tobytes()):
                yield f"the vector of {row['key']} in {space} is not what was stored"
