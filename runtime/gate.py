"""How fast a replay may run: the chosen speed, at most 2 s of event time ahead of the slowest service, and up to the
next question.

Sources ask the gate before they hand on samples; live sources have no gate. Nothing here changes a result, only when it
comes.
"""

from __future__ import annotations

import asyncio

from runtime.order import END_NS

LEAD_NS = 2_000_000_000
STEP_NS = 500_000_000  # followers tell of their progress no more often


class ReplayGate:
    """Lets event time pass: `reach` waits until a time may be handed on."""

    def __init__(self, speed: float | None, followers: tuple[str, ...], start_ns: int = 0) -> None:
        """Run at `speed` times real time (None: as fast as it goes), in step with the `followers`' progress."""
        self.start_ns = start_ns  # event time at which the replay begins
        self.barrier_ns = END_NS
        self._speed = speed
        self._progress_ns = dict.fromkeys(followers, start_ns)
        self._started_s: float | None = None
        self._held_s = 0.0  # wall time spent at questions: it does not count as playing time
        self._standing_since_s: float | None = None
        self._moved = asyncio.Condition()

    async def reach(self, t_ns: int, told_ns: int = END_NS) -> None:
        """Wait until samples at `t_ns` may be handed on; the caller keeps to the barrier by itself.

        Nobody is waited for beyond `told_ns`, the latest time that followers were told of: further they cannot come.
        """
        enough_ns = min(t_ns - LEAD_NS, told_ns - STEP_NS)
        async with self._moved:
            await self._moved.wait_for(lambda: enough_ns <= min(self._progress_ns.values(), default=END_NS))
        if self._speed is not None:
            clock = asyncio.get_running_loop().time
            if self._started_s is None:
                self._started_s = clock()
            due_s = self._started_s + self._held_s + (t_ns - self.start_ns) / 1e9 / self._speed
            await asyncio.sleep(max(0.0, due_s - clock()))

    async def passed(self, t_ns: int) -> None:
        """Stand at the barrier at `t_ns` until it moves on; the time of standing is not playing time."""
        clock = asyncio.get_running_loop().time
        if self._started_s is None:
            self._started_s = clock()  # a question before the first sample
        async with self._moved:
            if t_ns >= self.barrier_ns and self._standing_since_s is None:
                self._standing_since_s = clock()
            await self._moved.wait_for(lambda: t_ns < self.barrier_ns)

    async def progress(self, follower: str, t_ns: int) -> None:
        """Note how far a service has come."""
        async with self._moved:
            self._progress_ns[follower] = max(self._progress_ns.get(follower, 0), t_ns)
            self._moved.notify_all()

    async def moves(self) -> None:
        """Wait until a service has come further, or a question was answered."""
        async with self._moved:
            await self._moved.wait()

    async def caught_up(self) -> None:
        """Wait until every service has handled everything to the end."""
        async with self._moved:
            await self._moved.wait_for(lambda: min(self._progress_ns.values(), default=END_NS) == END_NS)

    async def move_barrier(self, t_ns: int) -> None:
        """Let sources go on up to `t_ns`."""
        async with self._moved:
            if self._standing_since_s is not None and t_ns > self.barrier_ns:
                self._held_s += asyncio.get_running_loop().time() - self._standing_since_s
                self._standing_since_s = None
            self.barrier_ns = t_ns
            self._moved.notify_all()
