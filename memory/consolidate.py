"""Rolls up windows that are over: a job of the upkeep, which may be killed at any time and lags behind what comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from memory.rollup import LATE_NS, LEVELS_S, MODEL, NS_PER_S, Rollup, of_records, of_shorter, stored
from memory.rows import RollupRow
from memory.scope import LATEST_NS

if TYPE_CHECKING:
    import apsw

    from memory.store import Store

BATCH = 64  # windows in one transaction
HELD_UP_S = 0.01  # for so long a commit may wait for roll-ups
WAIT_S = 60.0

# Over is what began long enough before the furthest that any stream of the session has come, or all of it.
_DUE = """SELECT session, level_s, start_ns FROM rollup_due JOIN (
        SELECT session AS name, CASE WHEN min(ended) THEN ?2 ELSE max(watermark_ns) END AS reached_ns
        FROM stream_state GROUP BY session) ON name = session
    WHERE level_s = ?1 AND start_ns + ?3 <= reached_ns ORDER BY session, start_ns LIMIT ?4"""


class Consolidation:
    """Keeps the roll-ups of one memory; one thread calls `run`."""

    def __init__(self, call: Callable[[Callable[[Store], int]], Future[int]]) -> None:
        """`call` runs something in the writer's thread: nothing comes or goes while a window is rolled up."""
        self._call = call
        self._is_closing = False

    def run(self) -> None:
        """Roll up what is over, short windows first. Raises HeedfulError or TimeoutError: then it waits."""
        for level_s in LEVELS_S:
            while not self._is_closing and self._call(lambda store, at=level_s: store.roll_up(at)).result(WAIT_S):  # type: ignore[misc]
                pass

    def stop(self) -> None:
        """End after the windows in hand."""
        self._is_closing = True

    def close(self) -> None:
        """There are no files to let go of."""


def roll_up_due(db: apsw.Connection, level_s: int) -> list[RollupRow]:
    """Return roll-ups of windows that are over and due: as many as can be made while a commit waits, at least one."""
    begin_s = time.monotonic()
    late_ns = level_s * NS_PER_S + LATE_NS
    due: list[Any] = db.execute(_DUE, (level_s, LATEST_NS, late_ns, BATCH)).fetchall()
    rows: list[RollupRow] = []
    for session, _, start_ns in due:
        rows.append(_row(session, level_s, start_ns, roll_up(db, session, level_s, start_ns)))
        if time.monotonic() - begin_s > HELD_UP_S:
            break
    return rows


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
