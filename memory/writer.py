"""The one thread that writes: what arrives within 10 ms goes to disk in one commit.

One fsync per record would hold a disk to some 200 records a second; a group shares it. The queue is bounded and
refuses: a caller that is told no still has its rows, because nothing was acknowledged.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import apsw

from memory.rows import Row, keys_of
from memory.schema import is_about_room
from memory.store import Store
from runtime.errors import HeedfulError, MissingPart

if TYPE_CHECKING:
    from memory.room import Reserve

logger = logging.getLogger(__name__)

GROUP_WINDOW_S = 0.010
QUEUE_ROWS = 10_000

# Values that SQLite cannot hold: the fault of these rows, not of the disk.
BAD_VALUES = (apsw.Error, ValueError, TypeError, OverflowError)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Submission:
    rows: Sequence[Row]
    stored: Future[list[str]]


@dataclass(frozen=True, slots=True)
class _Call(Generic[T]):
    job: Callable[[Store], T]
    done: Future[T]

    def run(self, store: Store) -> None:
        try:
            result = self.job(store)
        except (HeedfulError, OSError, *BAD_VALUES) as error:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)


class WriterClosed(RuntimeError):
    """Rows or calls came after the end."""


class Writer:
    """Owns a writable Store and commits in groups; every method may be called from any thread.

    A group closes `window_s` after its first rows came.
    """

    def __init__(
        self,
        store: Store,
        *,
        reserve: Reserve | None = None,
        window_s: float = GROUP_WINDOW_S,
        queue_rows: int = QUEUE_ROWS,
    ) -> None:
        self._store = store
        self._reserve = reserve  # without one a full disk is an error
        self._window_s = window_s
        self._queue_rows = queue_rows
        self._wake = threading.Condition()
        self._waiting: list[_Submission] = []
        self._waiting_rows = 0
        self._calls: list[_Call[Any]] = []
        self._is_held = False
        self._is_closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="memory-writer", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Row]) -> Future[list[str]]:
        """Queue rows for the next commit; the future gives the keys on disk (duplicates included) or the error.

        All rows of one call are stored or none. Never blocks: raises queue.Full when 10,000 rows wait already or the
        disk has no room, and WriterClosed after `close`. Cancelling the future changes nothing: the rows are stored.
        """
        stored: Future[list[str]] = Future()
        stored.set_running_or_notify_cancel()  # from here on nobody can cancel it
        with self._wake:
            if self._is_closing or self._failure is not None:
                raise WriterClosed("the memory writer is closed") from self._failure
            if self._waiting_rows >= self._queue_rows or self._is_held:
                raise queue.Full
            self._waiting.append(_Submission(rows, stored))
            self._waiting_rows += len(rows)
            if len(self._waiting) == 1 or self._waiting_rows >= self._queue_rows:
                self._wake.notify()
        return stored

    def call(self, job: Callable[[Store], T]) -> Future[T]:
        """Let the writing thread do something else with its store, held or not; the future gives what came of it."""
        done: Future[T] = Future()
        done.set_running_or_notify_cancel()
        with self._wake:
            if self._is_closing or self._failure is not None:
                raise WriterClosed("the memory writer is closed") from self._failure
            self._calls.append(_Call(job, done))
            self._wake.notify()
        return done

    def hold(self, is_held: bool) -> None:
        """Refuse rows from now on, or take them again: the disk has no room."""
        with self._wake:
            self._is_held = is_held

    def close(self, timeout_s: float) -> bool:
        """Commit everything that waits, then close the store; False where that took longer than `timeout_s`."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        group: list[_Submission] = []
        calls: list[_Call[Any]] = []
        try:
            while True:
                group, calls = self._next_group()
                if not group and not calls:
                    break
                self._commit(group)
                for call in calls:
                    call.run(self._store)
        except BaseException as error:  # a bug: nobody may wait for ever on a dead thread
            self._fail(group, calls, error)
            raise
        finally:
            self._store.close()

    def _next_group(self) -> tuple[list[_Submission], list[_Call[Any]]]:
        """Wait for rows and for their window to end, or for calls; nothing of both means closed and drained."""
        with self._wake:
            while not (self._waiting or self._calls or self._is_closing):
                self._wake.wait()
            deadline_s = time.monotonic() + self._window_s
            while self._waiting and not self._is_closing:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or self._waiting_rows >= self._queue_rows:
                    break
                self._wake.wait(left_s)
            group, self._waiting = self._waiting, []
            self._waiting_rows = 0
            calls, self._calls = self._calls, []
            return group, calls

    def _commit(self, group: Sequence[_Submission]) -> None:
        rows = [row for submission in group for row in submission.rows]
        try:
            kept = frozenset(self._append(rows)) if rows else frozenset()
        except HeedfulError as error:
            logger.warning("%d rows were not stored: %s", sum(len(s.rows) for s in group), error)
            for submission in group:
                submission.stored.set_exception(error)
        except BAD_VALUES:
            self._commit_one_by_one(group)
        else:
            for submission in group:
                submission.stored.set_result([key for key in keys_of(submission.rows) if key in kept])

    def _append(self, rows: Sequence[Row]) -> list[str]:
        """Store rows; on a full disk the reserve makes room for these, and none are taken after them."""
        try:
            return self._store.append(rows)
        except MissingPart as error:
            if self._reserve is None or not is_about_room(error) or not self._reserve.release():
                raise
            logger.warning("the disk is full: nothing is stored until there is room; questions are answered")
            self.hold(True)
            return self._store.append(rows)

    def _commit_one_by_one(self, group: Sequence[_Submission]) -> None:
        """Let the submission with the impossible value fail alone."""
        for submission in group:
            try:
                kept = self._store.append(submission.rows)
            except (HeedfulError, *BAD_VALUES) as error:
                logger.warning("%d rows were not stored: %s", len(submission.rows), error)
                submission.stored.set_exception(error)
            else:
                submission.stored.set_result(kept)

    def _fail(self, group: Sequence[_Submission], calls: Sequence[_Call[Any]], error: BaseException) -> None:
        with self._wake:
            self._failure = error
            futures: list[Future[Any]] = [one.stored for one in (*group, *self._waiting)]
            futures += [one.done for one in (*calls, *self._calls)]
            self._waiting, self._calls = [], []
        for future in futures:
            if not future.done():
                future.set_exception(error)
