"""What a live memory does in the background, one job after the other, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from queue import Full
from typing import Protocol

import apsw
import faiss

from memory.writer import WriterClosed
from runtime.errors import HeedfulError

logger = logging.getLogger(__name__)

PERIOD_S = 10.0


class Job(Protocol):
    """A part of the work; only the thread calls `run`."""

    def run(self) -> None:
        """Do what is due, and return early once `stop` was called."""

    def stop(self) -> None:
        """End soon; any thread may call this."""

    def close(self) -> None:
        """Let go of files: `run` is not called any more."""


class Upkeep:
    """Runs jobs whenever it is woken, and every ten seconds; the process may end while it does."""

    def __init__(self, jobs: Sequence[Job], *, period_s: float = PERIOD_S) -> None:
        self._jobs = jobs
        self._period_s = period_s
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self.failed: Future[None] = Future()  # its error is why the thread ended before `close`

    def start(self) -> None:
        """Begin; without this only `run_now` works."""
        self._thread = threading.Thread(target=self._run, name="memory-upkeep", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell the thread that something may be due."""
        self._wake.set()

    def run_now(self) -> None:
        """Do what is due in the caller's thread; what a full disk or a busy store prevents is done next time."""
        for job in self._jobs:
            if self._is_closing:
                return
            try:
                job.run()
            except WriterClosed:  # the memory ends, and did not wait for this
                if not self._is_closing:
                    raise
            except (HeedfulError, OSError, TimeoutError, Full, apsw.Error) as error:
                logger.warning("%s waits: %s", type(job).__name__.lower(), str(error) or "the store is busy")

    def close(self) -> None:
        """Let the thread end soon; nobody waits for it."""
        self._is_closing = True
        for job in self._jobs:
            job.stop()
        self._wake.set()
        if self._thread is None:
            self._close_jobs()

    def _run(self) -> None:
        faiss.omp_set_num_threads(1)  # of this thread: the others are for those who wait
        try:
            while not self._is_closing:
                self._wake.wait(self._period_s)
                self._wake.clear()
                self.run_now()
        except BaseException as error:  # a bug: nobody may go on as if this were done still
            if self.failed.cancelled():
                raise
            self.failed.set_exception(error)
        finally:
            self._close_jobs()

    def _close_jobs(self) -> None:
        for job in self._jobs:
            job.close()
