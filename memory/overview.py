"""A long window in a few lines: roll-ups where they stand, made on the spot where they do not yet.

What is stored and what is made are the same function of the same records, so an answer does not depend on how far the
background had come.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from memory.rollup import LATE_NS, LEVELS_S, NS_PER_S, Rollup, from_row, of_records, of_shorter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from memory.scope import Scope

LINES_MAX = 100
FINENESS = 24  # windows looked at per line, at most: a day is longer than an hour by this much
ON_THE_SPOT = 20_000  # records: where more are not rolled up yet, there is no overview


class Overview:
    """Looks at one session as it was known at a moment, between two times (both belong to it)."""

    def __init__(self, db: apsw.Connection, session: str, as_of_ns: int, start_ns: int, end_ns: int) -> None:
        self._db = db
        self._session = session
        self._as_of_ns = as_of_ns
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._left = ON_THE_SPOT

    def lines(self, limit: int) -> list[Rollup]:
        """Return at most `limit` roll-ups of one length that together cover the window, the oldest first.

        Of very many days the newest. None where so much is not rolled up yet that it would take long.
        """
        limit = min(limit, LINES_MAX)
        if limit <= 0 or self._start_ns > self._end_ns:
            return []
        for level_s in LEVELS_S:
            first, last = (t_ns // (level_s * NS_PER_S) for t_ns in (self._start_ns, self._end_ns))
            if last - first < FINENESS * limit:
                break
        at_once = 1 if level_s == LEVELS_S[-1] else -(-(last - first + 1) // limit)
        first = max(first, last - limit * at_once + 1)
        try:
            made = [
                one for number in range(first, last + 1) if (one := self._window(level_s, number * level_s * NS_PER_S))
            ]
        except _TooMany:
            return []
        return list(_joined(made, level_s * at_once, first * level_s * NS_PER_S)) if at_once > 1 else made

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
            made = of_records(self._db, self._session, level_s, start_ns, self._as_of_ns, bounds)
            self._left -= made.kinds.total() if made is not None else 0
            if self._left < 0:
                raise _TooMany
            return made
        step = LEVELS_S[LEVELS_S.index(level_s) - 1]
        begin = max(start_ns, self._start_ns // (step * NS_PER_S) * step * NS_PER_S)
        parts = (self._window(step, at_ns) for at_ns in range(begin, min(end_ns, self._end_ns + 1), step * NS_PER_S))
        return of_shorter([part for part in parts if part is not None], level_s, start_ns)


class _TooMany(Exception):
    """More records are not rolled up than can be read while somebody waits."""


def overview(db: apsw.Connection, scope: Scope, begin_ns: int, limit: int, quotes: int) -> list[Rollup]:
    """Return roll-ups of what a scope allows since the session began, with so many utterances quoted in each.

    Roll-ups tell kinds apart, but neither streams nor who vouches: of some of these there is no overview.
    """
    if scope.streams or scope.trusts:
        return []
    start_ns, end_ns = max(scope.start_ns, begin_ns), min(scope.end_ns, scope.as_of_ns)
    lines = Overview(db, scope.session, scope.as_of_ns, start_ns, end_ns).lines(limit)
    narrowed = (line.narrowed(scope.kinds, quotes) for line in lines)
    return [line for line in narrowed if line.kinds]


def _joined(made: list[Rollup], length_s: int, first_ns: int) -> Iterator[Rollup]:
    """Make one of those that begin within the same `length_s` after `first_ns`."""
    for number, some in groupby(made, lambda one: (one.start_ns - first_ns) // (length_s * NS_PER_S)):
        joined = of_shorter(list(some), length_s, first_ns + number * length_s * NS_PER_S)
        assert joined is not None
        yield joined
