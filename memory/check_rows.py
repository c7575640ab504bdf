"""What rows from outside must be, so that whoever reads them later finds what the live path would have written."""

from __future__ import annotations

import json
import re
from math import isfinite

from memory.reader import KINDS
from memory.rows import ClipRow, PinRow, RecordRow, Row, SessionRow, StreamRow
from memory.scope import CLOCK_ERROR_MAX_NS, EARLIEST_NS, LATEST_NS
from runtime.config import NAME

REMADE = re.compile(r"(~[1-9]\d{0,8})?")
TIMES = ("t_ns", "start_ns", "end_ns", "first_ns", "watermark_ns", "epoch", "seq")
JPEG = b"\xff\xd8"


def check_row(row: Row) -> None:
    """Raise ValueError where a row is not what memory writes, or its columns contradict each other."""
    for name in TIMES:
        if not EARLIEST_NS <= getattr(row, name, 0) <= LATEST_NS:
            raise ValueError(f"its {name} does not fit into 64 bits")
    match row:
        case RecordRow():
            _check_record(row)
        case ClipRow():
            _check_clip(row)
        case SessionRow():
            _check_name(row.name, "session")
        case StreamRow():
            _check_name(row.session, "session")
            _check_name(row.stream, "stream")
        case PinRow():
            _check_text(row.owner, "owner")
            _check_text(row.why, "reason")


def _check_record(row: RecordRow) -> None:
    _check_made_of(row)
    if row.kind not in KINDS:
        raise ValueError(f"nothing is known of kind {row.kind!r}")
    if row.key != f"{row.session}/{row.stream}/{row.epoch}/{row.kind}-{row.seq}":
        raise ValueError("its key is not made of its columns")
    if not isfinite(row.level):
        raise ValueError("its level is not finite")
    if not 0 <= row.clock_ns <= CLOCK_ERROR_MAX_NS:
        raise ValueError("its clock_ns is not between 0 and an hour")
    if not isinstance(json.loads(row.data), dict):
        raise ValueError("its data is no object")
    if row.box is not None:
        _check_box(json.loads(row.box))
    if row.media is not None and not row.media.startswith(JPEG):
        raise ValueError("its picture is not a JPEG")


def _check_clip(row: ClipRow) -> None:
    _check_made_of(row)
    base = f"{row.session}/{row.stream}/{row.epoch}/clip-{row.seq}"
    if not row.key.startswith(base) or not REMADE.fullmatch(row.key, len(base)):
        raise ValueError("its key is not made of its columns")
    records = json.loads(row.records)
    if not isinstance(records, list) or not records or not all(isinstance(one, str) for one in records):
        raise ValueError("its records are not a list of ids")
    if len(set(records)) < len(records):
        raise ValueError("it names a record twice")
    if not all(one.startswith(f"{row.session}/{row.stream}/") for one in records):
        raise ValueError("it names a record of another stream")


def _check_made_of(row: RecordRow | ClipRow) -> None:
    _check_name(row.session, "session")
    _check_name(row.stream, "stream")
    _check_text(row.text, "text")
    if row.start_ns > row.end_ns:
        raise ValueError("it starts after its end")


def _check_box(box: object) -> None:
    is_box = isinstance(box, list) and len(box) == 4 and all(type(one) in (int, float) and isfinite(one) for one in box)
    if not is_box:
        raise ValueError("its box is not four numbers")


def _check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a {what}")


def _check_text(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"its {what} is not Unicode") from error
