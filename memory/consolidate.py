"""Rolls up windows that are over: a job of the upkeep, which may be killed at any time and lags behind what comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from memory.rollup import LATE_NS, LEVELS_S, MODEL, NS_PER_S, Rollup, of_records, of_shorter, stored
from memory.rows import RollupRow, Row
from memory.scope import LATEST_NS

if TYPE_CHECKING:
    import apsw

    from memory.store import Store

BATCH = 64  # windows in one transaction
WAIT_S = 60.0

# Over is what began long enough before the furthest that any stream of the session has come, or all of it.
_DUE = """SELECT session, level_s, start_ns FROM rollup_due JOIN (
        SELECT session AS name, CASE WHEN min(ended) THEN ?2 ELSE max(watermark_ns) END AS reached_ns
        FROM stream_state GROUP BY session) ON name = session
    WHERE level_s = ?1 AND start_ns + ?3 <= reached_ns ORDER BY session, start_ns LIMIT ?4"""


class Consolidation:
    """Keeps the roll-ups of one memory folder; one thread calls `run`."""

    def __init__(self, store: Store, submit: Callable[[Sequence[Row]], Future[list[str]]]) -> None:
        """`store` is a reader's own; rows for the store are handed to `submit`."""
        self._store = store
        self._submit = submit
        self._is_closing = False

    def run(self) -> None:
        """Roll up what is over, short windows first. Raises HeedfulError, TimeoutError or queue.Full: then it waits."""
        for level_s in LEVELS_S:
            while not self._is_closing and (rows := self._next(self._store.connection(), level_s)):
                self._submit(rows).result(WAIT_S)

    def stop(self) -> None:
        """End after the batch in hand."""
        self._is_closing = True

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _next(self, db: apsw.Connection, level_s: int) -> list[RollupRow]:
        late_ns = level_s * NS_PER_S + LATE_NS
        due: list[Any] = db.execute(_DUE, (level_s, LATEST_NS, late_ns, BATCH)).fetchall()
        return [
            _row(session, level_s, start_ns, roll_up(db, session, level_s, start_ns)) for session, _, start_ns in due
        ]


def roll_up(db: apsw.Connection, session: str, level_s: int, start_ns: int, as_of_ns: int = LATEST_NS) -> Rollup | None:
    """Return the roll-up of a window: of its records, or of the next shorter ones that are stored."""
    if level_s == LEVELS_S[0]:
        return of_records(db, session, level_s, start_ns, as_of_ns)
    shorter_s = LEVELS_S[LEVELS_S.index(level_s) - 1]
    return of_shorter(stored(db, session, shorter_s, start_ns, start_ns + level_s * NS_PER_S), level_s, start_ns)


def _row(session: str, level_s: int, start_ns: int, rollup: Rollup | None) -> RollupRow:
    if rollup is None:  # what was in it has gone
        return RollupRow(session, level_s, start_ns, None, "", MODEL)
    return RollupRow(session, level_s, start_ns, rollup.text, rollup.data(), MODEL)
