"""An event loop whose clock jumps to the next deadline when nothing is ready, so that a 30 s timeout costs no time.

Opt in with `@pytest.mark.virtual_clock`. For tests without threads, sockets and subprocesses: while one of those is
there, somebody outside the loop may be about to answer, so the clock goes at real pace and jumps no more.
"""

import asyncio
import selectors
import threading
import time

START_S = 1000.0  # not 0, so that code which takes 0 for "never" is found out


class JumpingSelector(selectors.DefaultSelector):
    """Waits by moving `now_s` forward instead of sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = START_S
        self.threads_before = set(threading.enumerate())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now, or move on by `timeout` seconds; RuntimeError if nothing could ever be."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._may_be_woken():
            return self._wait(timeout)
        ready = super().select(0)  # a thread may have woken us and ended since the first look
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("every task waits for another one and no deadline is set: this test would hang")
        self.now_s += timeout
        return ready

    def _may_be_woken(self) -> bool:
        """Is there a file besides the loop's own wake-up socket, or a thread that was not there at the start?"""
        return len(self.get_map()) > 1 or not self.threads_before.issuperset(threading.enumerate())

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        start_s = time.monotonic()
        ready = super().select(timeout)
        self.now_s += time.monotonic() - start_s
        return ready


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop in which only waiting takes time, and takes it at once."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return virtual seconds; computing takes none."""
        return self._jumping.now_s
