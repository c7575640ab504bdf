"""Decay: pictures go first, those of nothing in particular before those that show something; words stay for years.

Pinned is what an alert named or somebody opened; something happened in a picture where, within two seconds, something
moved, sounded or was said, or the scene changed. Tiers as in Frigate (continuous, motion, alerts).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from memory.describe import CUT
from memory.room import Level, Reserve, measure

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

    from memory.store import Store

logger = logging.getLogger(__name__)
T = TypeVar("T")

DAY_NS = 86_400 * 1_000_000_000
NEAR_NS = 2_000_000_000
LONGEST_NS = 120_000_000_000  # of an event that is looked for around a picture
BATCH = 256  # rows that go in one transaction, between those that come
LOOKED_AT = 4_096  # pictures in one query
PERIOD_S = 3_600.0
SHORT_PERIOD_S = 60.0  # where the disk fills
SHORTENED = 4  # times, where the disk fills
WAIT_S = 60.0

PINNED = (
    "(EXISTS (SELECT 1 FROM pin WHERE owner IN (record.key, (SELECT key FROM clip WHERE clip.id = record.clip_id))))"
)
_EVENTFUL = f"""(text LIKE '{CUT}%' OR EXISTS (SELECT 1 FROM record AS other WHERE other.session = record.session
    AND other.start_ns BETWEEN record.t_ns - {LONGEST_NS} AND record.t_ns + {NEAR_NS}
    AND other.end_ns >= record.t_ns - {NEAR_NS} AND other.kind IN ('motion', 'detection', 'utterance', 'sound')))"""
_DUE = f"""SELECT record_id, CASE WHEN t_ns >= ?3 THEN 0 WHEN {PINNED} THEN t_ns < ?5
    WHEN {_EVENTFUL} THEN t_ns < ?4 ELSE 1 END
    FROM media JOIN record ON record.id = media.record_id WHERE record_id > ?1 ORDER BY record_id LIMIT ?2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long what stays."""

    plain_ns: int = 3 * DAY_NS  # pictures
    eventful_ns: int = 7 * DAY_NS
    pinned_ns: int = 30 * DAY_NS
    records_ns: int | None = None  # everything else; None keeps it

    def shortened(self) -> Policy:
        """Return what holds while the disk fills: pictures stay a quarter of their time."""
        plain_ns, eventful_ns, pinned_ns = (
            age // SHORTENED for age in (self.plain_ns, self.eventful_ns, self.pinned_ns)
        )
        return Policy(plain_ns=plain_ns, eventful_ns=eventful_ns, pinned_ns=pinned_ns, records_ns=self.records_ns)


class Retention:
    """A job of the upkeep: looks at the disk each time, at the ages of things once an hour."""

    def __init__(
        self,
        store: Store,
        call: Callable[[Callable[[Store], object]], Future[object]],
        policy: Policy,
        tell: Callable[[Level], None],
        *,
        measured: Callable[[Path, apsw.Connection], Level] = measure,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`store` is a reader's own; `call` runs something in the writer's thread; `tell` hears of each new level."""
        self._store = store
        self._call = call
        self._policy = policy
        self._tell = tell
        self._measured = measured
        self._now_ns = now_ns
        self._reserve = Reserve(store.folder)
        self._level = Level.NOTHING
        self._looked_ns: int | None = None
        self._is_closing = False

    def run(self) -> None:
        """Tell how full the disk is, and let go of what is due. Raises HeedfulError, OSError or TimeoutError."""
        level = self._measured(self._store.folder, self._store.connection())
        if level == Level.RECORDS:
            self._reserve.release()
        else:  # a disk may be rather full when a session begins
            self._reserve.fill()
        if level != self._level:
            self._level, self._looked_ns = level, None
        self._tell(level)
        now_ns = self._now_ns()
        period_s = PERIOD_S if level == Level.NOTHING else SHORT_PERIOD_S
        if self._looked_ns is None or now_ns - self._looked_ns >= period_s * 1e9:
            self._looked_ns = now_ns
            policy = self._policy if level == Level.NOTHING else self._policy.shortened()
            self._drop_pictures(policy, now_ns)
            self._drop_records(policy, now_ns)

    def stop(self) -> None:
        """End after the batch in hand."""
        self._is_closing = True

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _drop_pictures(self, policy: Policy, now_ns: int) -> None:
        after, dropped = 0, 0
        cutoffs = (now_ns - policy.plain_ns, now_ns - policy.eventful_ns, now_ns - policy.pinned_ns)
        while not self._is_closing:
            rows = self._store.connection().execute(_DUE, (after, LOOKED_AT, *cutoffs)).fetchall()
            if not rows:
                break
            after = int(rows[-1][0])  # type: ignore[arg-type]
            due = [int(number) for number, is_due in rows if is_due]  # type: ignore[arg-type]
            for start in range(0, len(due), BATCH):
                some = due[start : start + BATCH]
                self._do(lambda store, some=some: store.drop_pictures(some))  # type: ignore[misc]
            dropped += len(due)
        if dropped:
            logger.info("let go of %d pictures", dropped)

    def _drop_records(self, policy: Policy, now_ns: int) -> None:
        if policy.records_ns is None:
            return
        before_ns, dropped = now_ns - policy.records_ns, 0
        while not self._is_closing and self._store.has_decayed(before_ns):  # looked for here: the writer has no time
            dropped += self._do(lambda store: store.decay(before_ns, BATCH))
        if dropped:
            logger.info("let go of %d records", dropped)

    def _do(self, job: Callable[[Store], T]) -> T:
        result: T = self._call(job).result(WAIT_S)  # type: ignore[assignment]
        return result
