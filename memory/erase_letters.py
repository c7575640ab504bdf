"""Dead letters out of the tables: they hold how messages began, and the ids of records that came again altered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from memory.insert import CAME_AGAIN

if TYPE_CHECKING:
    import apsw

    from memory.erase import Selector

CUT_LEAST = 3  # characters with which what was said may begin at the end of a letter
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNFINISHED = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")  # escape, where the letter was cut
_OF_DOOMED = """DELETE FROM dead_letter WHERE reason IN (SELECT ? || key FROM record JOIN doomed USING (id))"""
_MEANT = """SELECT id, head_hex FROM dead_letter WHERE session = coalesce(?1, session)
    AND (?2 IS NULL OR topic LIKE '%/' || ?2 || '/%')
    AND t_ns >= coalesce(?3, t_ns) AND t_ns <= coalesce(?4, t_ns)"""


def erase_letters(db: apsw.Connection, selector: Selector) -> int:
    """Delete dead letters that may hold some of what a selector names; return how many.

    The ids of records that go lie in the table `doomed`.
    """
    db.execute(_OF_DOOMED, (CAME_AGAIN,))
    count = db.changes()
    if selector.clip is not None or selector.is_empty:
        return count
    values = selector.session, selector.stream, selector.start_ns, selector.end_ns
    meant: list[Any] = db.execute(_MEANT, values).fetchall()
    gone = [(number,) for number, head in meant if selector.text is None or _may_hold(head, selector.text)]
    db.executemany("DELETE FROM dead_letter WHERE id = ?", gone)
    return count + len(gone)


def _may_hold(head_hex: str, said: str) -> bool:
    """Say whether the beginning of a message holds words, or ends in the middle of them."""
    told, said = _unescaped(bytes.fromhex(head_hex).decode(errors="ignore")).casefold(), said.casefold()
    return said in told or any(told.endswith(said[:length]) for length in range(CUT_LEAST, len(said)))


def _unescaped(json_text: str) -> str:
    """Return what a piece of JSON says, its escapes read."""
    whole = _UNFINISHED.sub("", json_text)
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), whole)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")  # joins halves of characters
