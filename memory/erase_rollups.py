"""Roll-ups out of the tables: those of records that go, and those that still tell of records gone long before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memory.words import Stemmer, stand_together

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from memory.erase import Selector

_OF_DOOMED = """SELECT id, text FROM rollup WHERE EXISTS (SELECT 1 FROM record JOIN doomed USING (id)
    WHERE record.session = rollup.session AND record.start_ns >= rollup.start_ns
    AND record.start_ns < rollup.start_ns + rollup.level_s * 1000000000)"""
_TOLD = """SELECT id, text, data FROM rollup WHERE session = coalesce(?1, session)
    AND start_ns + level_s * 1000000000 > coalesce(?2, start_ns) AND start_ns <= coalesce(?3, start_ns)
    AND (?4 IS NULL OR instr(data, '"' || session || '/' || ?4 || '/'))
    AND (?5 IS NULL OR instr(lower(data), ?5) OR instr(data, '\\u'))"""  # other letters than ASCII's are escaped
_CLIP = "SELECT records FROM clip WHERE key = ?"
_DUE = "INSERT OR IGNORE INTO rollup_due SELECT session, level_s, start_ns FROM rollup WHERE id = ?"
_DELETE = "DELETE FROM rollup WHERE id = ?"


def erase_rollups(db: apsw.Connection, selector: Selector) -> list[str]:
    """Delete roll-ups that tell of what a selector names, and return their texts; windows with records left are due.

    The ids of records that go lie in the table `doomed`. A roll-up of records that decayed is known by its window, by
    the ids it names and by its words.
    """
    gone = {int(number): str(text) for number, text in db.execute(_OF_DOOMED)}
    gone |= dict(_telling(db, selector))
    for statement in (_DUE, _DELETE):
        db.executemany(statement, ((number,) for number in gone))
    return list(gone.values())


def count_rollups(db: apsw.Connection, selector: Selector) -> int:
    """Return how many roll-ups tell of what a selector names, without those of records that are there."""
    return sum(1 for _ in _telling(db, selector))


def _telling(db: apsw.Connection, selector: Selector) -> Iterator[tuple[int, str]]:
    """Yield id and text of roll-ups whose window, named records and words are those of the selector."""
    if selector.is_empty:
        return
    keys = None if selector.clip is None else _named_by(db, selector.clip)
    stemmer = Stemmer(db)
    wanted = None if selector.text is None else stemmer.stems(selector.text)
    values = selector.session, selector.start_ns, selector.end_ns, selector.stream, _beginning(wanted)
    rows: list[Any] = db.execute(_TOLD, values).fetchall()
    for number, text, data in rows:
        fields = json.loads(data)
        if keys is not None and keys.isdisjoint([*(key for key, _ in fields["said"]), *fields["records"]]):
            continue
        told = [*(said for _, said in fields["said"]), *fields["sounds"]]
        if wanted is None or any(stand_together(wanted, stemmer.stems(one)) for one in told):
            yield number, text


def _beginning(stems: tuple[str, ...] | None) -> str | None:
    """Return how a word of every text with these stems begins, for a quick look; a stem may end in other letters."""
    longest = max(stems or ("",), key=len)
    return longest[: max(2, len(longest) - 2)] if longest.isascii() else None


def _named_by(db: apsw.Connection, key: str) -> set[str]:
    """Return the id of a record, or those of a clip's records."""
    return {key, *json.loads(str(db.execute(_CLIP, (key,)).get or "[]"))}
