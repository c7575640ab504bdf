"""A long window in a few lines: roll-ups where they stand, made on the spot where they do not yet.

What is stored and what is made are the same function of the same records, so an answer does not depend on how far the
background had come.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from memory.rollup import LATE_NS, LEVELS_S, NS_PER_S, Rollup, from_row, of_records, of_shorter, of_those

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from memory.scope import Scope

LINES_MAX = 100
FINENESS = 24  # windows looked at per line, at most, but days: a day is longer than an hour by this much
ON_THE_SPOT = 20_000  # records, and windows: where more are not rolled up yet, there is no overview
_SPAN = """SELECT (SELECT min(start_ns) FROM record WHERE session = ?1),
    (SELECT max(start_ns) FROM record WHERE session = ?1)"""  # both at once would walk through all of it
_ROLLED = "SELECT min(start_ns), max(start_ns + level_s * 1000000000 - 1) FROM rollup WHERE session = ?"
_STORED = """SELECT data FROM rollup WHERE session = ?1 AND level_s = ?2 AND start_ns = ?3 AND NOT EXISTS (
    SELECT 1 FROM rollup_due WHERE session = ?1 AND start_ns BETWEEN ?3 AND ?4)"""
_HOLDS = """SELECT EXISTS (SELECT 1 FROM record WHERE session = ?1 AND start_ns BETWEEN ?2 AND ?3)
    OR EXISTS (SELECT 1 FROM rollup WHERE session = ?1 AND level_s = ?4 AND start_ns BETWEEN ?2 AND ?3)"""


class Overview:
    """Looks at one session as it was known at a moment, between two times (both belong to it)."""

    def __init__(
        self, db: apsw.Connection, session: str, as_of_ns: int, start_ns: int, end_ns: int, except_key: str = ""
    ) -> None:
        """One record may be left out."""
        spans = [db.execute(query, (session,)).fetchall()[0] for query in (_SPAN, _ROLLED)]
        known = [span for span in spans if span[0] is not None]
        self._db = db
        self._session = session
        self._as_of_ns = as_of_ns
        self._start_ns = max(start_ns, min((int(first) for first, _ in known), default=end_ns + 1))  # type: ignore[arg-type]
        self._end_ns = min(end_ns, max((int(last) for _, last in known), default=start_ns - 1))  # type: ignore[arg-type]
        self._except_key = except_key
        self._except_ns: int | None = db.execute("SELECT start_ns FROM record WHERE key = ?", (except_key,)).get
        self._left = ON_THE_SPOT

    def lines(self, limit: int) -> list[Rollup]:
        """Return at most `limit` roll-ups of one length that together cover the window, the oldest first.

        None where so much is not rolled up yet that it would take long.
        """
        limit = min(limit, LINES_MAX)
        if limit <= 0 or self._start_ns > self._end_ns:
            return []
        for level_s in LEVELS_S:
            first, last = (t_ns // (level_s * NS_PER_S) for t_ns in (self._start_ns, self._end_ns))
            if last - first < FINENESS * limit:
                break
        at_once = -(-(last - first + 1) // limit)
        try:
            made = [
                one for number in range(first, last + 1) if (one := self._window(level_s, number * level_s * NS_PER_S))
            ]
        except _TooMany:
            return []
        return list(_joined(made, level_s * at_once, first * level_s * NS_PER_S)) if at_once > 1 else made

    def _window(self, level_s: int, start_ns: int) -> Rollup | None:
        end_ns = start_ns + level_s * NS_PER_S
        self._spend(1)
        if (stored := self._stored(level_s, start_ns, end_ns)) is not None:
            return stored
        begin_ns, last_ns = max(start_ns, self._start_ns), min(end_ns - 1, self._end_ns)
        if level_s == LEVELS_S[0]:
            made = of_records(
                self._db, self._session, level_s, start_ns, self._as_of_ns, (begin_ns, last_ns), self._except_key
            )
            self._spend(made.kinds.total() if made is not None else 0)
            return made
        step = LEVELS_S[LEVELS_S.index(level_s) - 1]
        if not self._db.execute(_HOLDS, (self._session, start_ns, end_ns - 1, step)).get:
            return None
        begin_ns = begin_ns // (step * NS_PER_S) * step * NS_PER_S
        parts = (self._window(step, at_ns) for at_ns in range(begin_ns, last_ns + 1, step * NS_PER_S))
        return of_shorter([part for part in parts if part is not None], level_s, start_ns)

    def _stored(self, level_s: int, start_ns: int, end_ns: int) -> Rollup | None:
        """Return the roll-up that is stored of a window, if it is whole, complete and was known by then."""
        is_whole = self._start_ns <= start_ns and end_ns - 1 <= self._end_ns and end_ns + LATE_NS <= self._as_of_ns
        if not is_whole or (self._except_ns is not None and start_ns <= self._except_ns < end_ns):
            return None
        data = self._db.execute(_STORED, (self._session, level_s, start_ns, end_ns - 1)).get
        stored = from_row(self._session, level_s, start_ns, str(data)) if data is not None else None
        return stored if stored is not None and stored.known_ns <= self._as_of_ns else None

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise _TooMany


class _TooMany(Exception):
    """More records are not rolled up than can be read while somebody waits."""


def overview(db: apsw.Connection, scope: Scope, begin_ns: int, limit: int, quotes: int) -> list[Rollup]:
    """Return roll-ups of what a scope allows since the session began, with so many utterances quoted in each.

    Roll-ups tell kinds apart, but neither streams nor who vouches: of some of these there is no overview. What began
    before the window, and reaches into it, stands in the first line; what may have begun in it, in the last.
    """
    if scope.streams or scope.trusts:
        return []
    start_ns, end_ns = max(scope.start_ns, begin_ns), min(scope.end_ns, scope.as_of_ns)
    lines = Overview(db, scope.session, scope.as_of_ns, start_ns, end_ns, scope.except_key).lines(limit)
    if not lines:
        return []
    condition, values = scope.where()
    for place, edge, edge_ns in ((0, "record.start_ns < ?", start_ns), (-1, "record.start_ns > ?", end_ns)):
        line = lines[place]
        inside = f"{condition} AND {edge}"
        more = of_those(db, line.session, line.level_s, line.start_ns, inside, (*values, edge_ns))
        parts = [line, *([more] if more is not None else [])]
        joined = of_shorter(parts if place else parts[::-1], line.level_s, line.start_ns)
        assert joined is not None
        lines[place] = joined
    narrowed = (line.narrowed(scope.kinds, quotes) for line in lines)
    return [line for line in narrowed if line.kinds]


def _joined(made: list[Rollup], length_s: int, first_ns: int) -> Iterator[Rollup]:
    """Make one of those that begin within the same `length_s` after `first_ns`."""
    for number, some in groupby(made, lambda one: (one.start_ns - first_ns) // (length_s * NS_PER_S)):
        joined = of_shorter(list(some), length_s, first_ns + number * length_s * NS_PER_S)
        assert joined is not None
        yield joined
