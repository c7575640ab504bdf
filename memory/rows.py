"""What goes to disk: one immutable row per message, with its columns in the order in which SQL takes them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from memory.describe import describe
from runtime.messages import Box, Clip, Detection, Frame, Gap, Motion, Record, Sensor, Sound, Trust, record_id, span_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RecordRow(NamedTuple):
    """One perceived record; `media` is the JPEG of a frame."""

    key: str
    session: str
    stream: str
    epoch: int
    seq: int
    kind: str
    t_ns: int
    start_ns: int
    end_ns: int
    text: str
    box: str | None
    level: float
    trust: Trust
    data: str  # JSON: what the message says beyond these columns
    clock_ns: int  # how far the stream's clock may be off
    media: bytes | None


class ClipRow(NamedTuple):
    """A closed clip; its records must be in the same batch or already on disk."""

    key: str
    session: str
    stream: str
    epoch: int
    seq: int
    sensor: Sensor
    t_ns: int
    start_ns: int
    end_ns: int
    text: str
    records: str  # JSON list of record keys


class VectorRow(NamedTuple):
    """A search key of a record or clip in one space, as float16 bytes."""

    owner: str
    space: str
    vector: bytes


class SegmentRow(NamedTuple):
    """A file of the index that is whole and on disk; it takes the place of those within its ids."""

    space: str
    file: str
    first_id: int
    last_id: int
    rows: int
    units: int
    checksum: int


class EmptySegmentRow(NamedTuple):
    """A file of the index whose rows were all erased: it does not count any more."""

    file: str


class SessionRow(NamedTuple):
    """A session and its first moment; of several the earliest counts."""

    name: str
    start_ns: int


class StreamRow(NamedTuple):
    """How far a stream has been perceived; of several the furthest counts."""

    session: str
    stream: str
    epoch: int
    sensor: Sensor
    first_ns: int
    watermark_ns: int
    ended: int  # 1 or 0


class DeadLetterRow(NamedTuple):
    """A payload that could not be used."""

    t_ns: int
    session: str
    topic: str
    reason: str
    size_bytes: int
    head_hex: str


class ValueRow(NamedTuple):
    """What a reasoner reads of a clip: tokens (N, C) and how many each stands for (N,), as float16 bytes."""

    owner: str
    model: str
    tokens: bytes
    weights: bytes


class RollupRow(NamedTuple):
    """What happened in a window, no text where nothing is left of it; the next longer one is due then."""

    session: str
    level_s: int
    start_ns: int
    text: str | None
    data: str
    model: str


class PinRow(NamedTuple):
    """A record or clip that stays as long as pinned ones do."""

    owner: str
    why: str


Row: TypeAlias = (
    RecordRow
    | ClipRow
    | VectorRow
    | SegmentRow
    | EmptySegmentRow
    | SessionRow
    | StreamRow
    | DeadLetterRow
    | ValueRow
    | PinRow
    | RollupRow
)

_IN_COLUMNS = {"kind", "session", "stream", "epoch", "seq", "t_ns", "start_ns", "end_ns", "payload"}


def record_row(record: Record, trust: Trust = "scene", clock_ns: int = 0) -> RecordRow:
    """Return the row of a perceived record: its text, main box, level, and for audit all else that the message says."""
    start_ns, end_ns = span_of(record)
    box = _box(record)
    return RecordRow(
        key=record_id(record),
        session=record.session,
        stream=record.stream,
        epoch=record.epoch,
        seq=record.seq,
        kind=record.kind,
        t_ns=record.t_ns,
        start_ns=start_ns,
        end_ns=end_ns,
        text=describe(record),
        box=None if box is None else json.dumps(box),
        level=_level(record),
        trust=trust,
        data=json.dumps(
            {f.name: getattr(record, f.name) for f in fields(record) if f.name not in _IN_COLUMNS}, default=asdict
        ),
        clock_ns=clock_ns,
        media=record.payload if isinstance(record, Frame) else None,
    )


def checksum_of(row: RecordRow) -> int:
    """Return what tells two contents under one id apart, and an altered record from a stored one; not its picture."""
    return zlib.crc32(json.dumps(row[:-1]).encode())


def mark_of(key: str) -> bytes:
    """Return the digest under which an erased id is remembered: the id itself would tell of a session and a time."""
    return blake2b(key.encode(), digest_size=16).digest()


def origin_of(row: SessionRow | StreamRow) -> str:
    """Return the id under which an erased session, or one stream of it, is remembered by its beginning."""
    return f"{row.name}@{row.start_ns}" if isinstance(row, SessionRow) else f"{row.session}/{row.stream}/{row.epoch}"


def clip_key(clip: Clip) -> str:
    """Return the id under which memory keeps the clip; it is fixed when the clip opens."""
    return f"{clip.session}/{clip.stream}/{clip.epoch}/{clip.kind}-{clip.seq}"


def clip_row(clip: Clip) -> ClipRow:
    """Return the row of a closed clip."""
    return ClipRow(
        key=clip_key(clip),
        session=clip.session,
        stream=clip.stream,
        epoch=clip.epoch,
        seq=clip.seq,
        sensor=clip.sensor,
        t_ns=clip.t_ns,
        start_ns=clip.start_ns,
        end_ns=clip.end_ns,
        text=clip.text,
        records=json.dumps(clip.record_ids),
    )


def keys_of(rows: Iterable[Row]) -> list[str]:
    """Return the keys of the records and clips among rows, in order: the ids that `stored` names."""
    return [row.key for row in rows if isinstance(row, RecordRow | ClipRow)]


def vector_row(owner: str, space: str, vector: NDArray[np.float32]) -> VectorRow:
    """Return a search key (C,) as it is kept; ValueError where it is not finite or all zero."""
    half = _half(vector)
    if half.ndim != 1 or not np.isfinite(half).all() or not half.any():
        raise ValueError(f"the vector of {owner} in {space} is empty, zero or not finite")
    return VectorRow(owner, space, half.tobytes())


def value_row(owner: str, model: str, tokens: NDArray[np.float32], weights: NDArray[np.float32]) -> ValueRow:
    """Return what a reasoner reads of a clip: tokens (N, C), and weights (N,) as how many tokens each stands for.

    Raises ValueError where they do not fit each other or are not finite.
    """
    halves = _half(tokens), _half(weights)
    if tokens.ndim != 2 or not tokens.size or weights.shape != tokens.shape[:1]:
        raise ValueError(f"the tokens of {owner} have shape {tokens.shape}, their weights {weights.shape}")
    if not all(np.isfinite(one).all() for one in halves):
        raise ValueError(f"the tokens of {owner} are not finite")
    return ValueRow(owner, model, halves[0].tobytes(), halves[1].tobytes())


def _half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return float16; what is too large for it becomes infinite, and is refused as such."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16)


def _box(record: Record) -> Box | None:
    """Return where in the picture it was above all."""
    match record:
        case Motion(boxes=(box, *_)):
            return box
        case Detection(things=(thing, *_)):
            return thing.box
        case _:
            return None


def _level(record: Record) -> float:
    match record:
        case Detection():
            return max((thing.score for thing in record.things), default=0.0)
        case Motion():
            return record.area
        case Sound():
            return record.rise_db
        case Frame():
            return record.novelty
        case Gap():
            return float(record.lost)
        case _:
            return 0.0
