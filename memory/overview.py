"""A long window in a few lines: roll-ups where they stand, made on the spot where they do not yet.

What is stored and what is made are the same function of the same records, so an answer does not depend on how far the
background had come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memory.rollup import LATE_NS, LEVELS_S, NS_PER_S, Rollup, from_row, of_records, of_shorter

if TYPE_CHECKING:
    import apsw

LINES_MAX = 100


class Overview:
    """Looks at one session as it was known at a moment, between two times (both belong to it)."""

    def __init__(self, db: apsw.Connection, session: str, as_of_ns: int, start_ns: int, end_ns: int) -> None:
        self._db = db
        self._session = session
        self._as_of_ns = as_of_ns
        self._start_ns = start_ns
        self._end_ns = end_ns

    def lines(self, limit: int) -> list[Rollup]:
        """Return at most `limit` roll-ups that together cover the window, the oldest first, as short ones as fit."""
        limit = min(limit, LINES_MAX)
        if limit <= 0 or self._start_ns > self._end_ns:
            return []
        for level_s in LEVELS_S:
            first = self._start_ns // (level_s * NS_PER_S)
            count = self._end_ns // (level_s * NS_PER_S) - first + 1
            if count <= limit or level_s == LEVELS_S[-1]:
                break
        numbers = range(first, first + count)[-limit:]  # of very many days the newest
        made = (self._window(level_s, number * level_s * NS_PER_S) for number in numbers)
        return [one for one in made if one is not None]

    def _window(self, level_s: int, start_ns: int) -> Rollup | None:
        end_ns = start_ns + level_s * NS_PER_S
        if self._start_ns <= start_ns and end_ns - 1 <= self._end_ns and end_ns + LATE_NS <= self._as_of_ns:
            query = """SELECT data FROM rollup WHERE session = ?1 AND level_s = ?2 AND start_ns = ?3 AND NOT EXISTS (
                SELECT 1 FROM rollup_due WHERE session = ?1 AND start_ns BETWEEN ?3 AND ?4)"""
            data = self._db.execute(query, (self._session, level_s, start_ns, end_ns - 1)).get
            if data is not None:
                stored = from_row(self._session, level_s, start_ns, str(data))
                if stored.known_ns <= self._as_of_ns:
                    return stored
        if level_s == LEVELS_S[0]:
            bounds = max(start_ns, self._start_ns), min(end_ns - 1, self._end_ns)
            return of_records(self._db, self._session, level_s, start_ns, self._as_of_ns, bounds)
        step = LEVELS_S[LEVELS_S.index(level_s) - 1]
        begin = max(start_ns, self._start_ns // (step * NS_PER_S) * step * NS_PER_S)
        parts = (self._window(step, at_ns) for at_ns in range(begin, min(end_ns, self._end_ns + 1), step * NS_PER_S))
        return of_shorter([part for part in parts if part is not None], level_s, start_ns)
