"""Clips that lost records: made of those that are left, under an id of their own.

What was made of the whole clip, a search key that is under way or tokens in an older export, names it by the id it had:
it finds nobody, and what was erased cannot come back with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memory.clips import text_of_clip
from memory.rows import ClipRow

if TYPE_CHECKING:
    import apsw

_LEFT = """SELECT record.key, kind, text, start_ns, end_ns FROM json_each(?) AS named
    JOIN record ON record.key = named.value ORDER BY named.key"""
_SIGN = "~"


def remade_key(key: str) -> str:
    """Return the id under which a clip goes on: "s/mic/0/clip-3", "s/mic/0/clip-3~1", "s/mic/0/clip-3~2"."""
    base, _, number = key.partition(_SIGN)
    return f"{base}{_SIGN}{int(number or 0) + 1}"


def remade(db: apsw.Connection, clip: ClipRow) -> ClipRow | None:
    """Return the clip as those of its records that are stored make it, None where none is; itself where all are."""
    left: list[Any] = db.execute(_LEFT, (clip.records,)).fetchall()
    if not left:
        return None
    if len(left) == len(json.loads(clip.records)):
        return clip
    return clip._replace(
        key=remade_key(clip.key),
        start_ns=min(start_ns for *_, start_ns, _ in left),
        end_ns=max(end_ns for *_, end_ns in left),
        text=text_of_clip([(kind, text) for _, kind, text, _, _ in left]),
        records=json.dumps([key for key, *_ in left]),
    )
