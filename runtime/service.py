"""Services and how they stop: in data order, within one budget for all, then by cancellation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

STOP_BUDGET_S = 2.5  # of the 3 s after Ctrl-C; the broker and Python need the rest
GRACE_S = 0.1  # each service has at least this long to drain, however stuck those before it are


class Service(Protocol):
    """Something that runs until it is told to stop, and then drains."""

    name: str

    async def run(self) -> None:
        """Work until `stop`, then finish what was begun and return."""

    def stop(self) -> None:
        """Ask it to end; returns at once."""


async def run_services(services: Sequence[Service], stop: Awaitable[object], budget_s: float = STOP_BUDGET_S) -> None:
    """Run until `stop` resolves or a service fails; services stop one after the other, sensors first.

    A service that fails stops all the others: its exception leaves as part of an ExceptionGroup.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run(), name=one.name) for one in services]
        await stop
        clock = asyncio.get_running_loop()
        deadline_s = clock.time() + budget_s
        grace_s = min(GRACE_S, budget_s / (2 * max(1, len(tasks))))
        for place, (service, task) in enumerate(zip(services, tasks, strict=True), start=1):
            service.stop()
            limit_s = deadline_s - grace_s * (len(tasks) - place) - clock.time()
            _, late = await asyncio.wait([task], timeout=max(0.0, limit_s))
            if late:
                logger.warning("%s did not drain in time; cancelled", service.name)
                task.cancel()


class Worker:
    """One thread for one model: calls keep their order and the event loop stays free."""

    def __init__(self, name: str) -> None:
        """Start the thread with the first call."""
        self.name = name
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def call(self, function: Callable[..., T], *values: Any) -> T:
        """Run `function` on the thread; cancelling the wait does not stop the call."""
        return await self.begin(function, *values)

    def begin(self, function: Callable[..., T], *values: Any) -> asyncio.Future[T]:
        """Start `function` on the thread and return its future."""
        return asyncio.get_running_loop().run_in_executor(self._pool, function, *values)

    def close(self) -> None:
        """Take no more calls and drop those that have not begun; the one that runs is left to its end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
