"""Services stop in order, in one budget; one that fails takes the others with it; a worker keeps its calls in order."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest

from runtime.service import STOP_BUDGET_S, Worker, run_services


class Steady:
    """Runs until stopped, then drains for a while; notes what happens to it."""

    def __init__(self, name: str, journal: list[str], drain_s: float = 0.0) -> None:
        self.name = name
        self._journal = journal
        self._drain_s = drain_s
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        try:
            await self._stopping.wait()
            await asyncio.sleep(self._drain_s)
        except asyncio.CancelledError:
            self._journal.append(f"{self.name} cancelled")
            raise
        self._journal.append(f"{self.name} drained")

    def stop(self) -> None:
        self._journal.append(f"{self.name} stop")
        self._stopping.set()


class Failing:
    """Fails after a while."""

    name = "failing"

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    async def run(self) -> None:
        await asyncio.sleep(self._after_s)
        raise ValueError("broken")

    def stop(self) -> None:
        """Go on until it fails."""


def now_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.virtual_clock
async def test_each_service_drains_before_the_next_is_stopped() -> None:
    journal: list[str] = []
    services = [Steady(name, journal, drain_s=0.5) for name in ("sensors", "memory", "reasoning")]
    start_s = now_s()
    await run_services(services, asyncio.sleep(100.0))
    assert journal == [
        "sensors stop",
        "sensors drained",
        "memory stop",
        "memory drained",
        "reasoning stop",
        "reasoning drained",
    ]
    assert now_s() - start_s == pytest.approx(101.5)


@pytest.mark.virtual_clock
async def test_a_stuck_service_is_cancelled_and_those_after_it_still_drain(caplog: pytest.LogCaptureFixture) -> None:
    journal: list[str] = []
    services = [Steady("stuck", journal, drain_s=1e6), Steady("memory", journal, 0.05), Steady("bus", journal, 0.05)]
    start_s = now_s()
    await run_services(services, asyncio.sleep(0))
    assert now_s() - start_s <= STOP_BUDGET_S
    assert journal[:2] == ["stuck stop", "memory stop"]
    assert {*journal[2:]} == {"stuck cancelled", "memory drained", "bus stop", "bus drained"}
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "stuck did not drain in time; cancelled"
    ]


@pytest.mark.virtual_clock
@pytest.mark.parametrize("count", [1, 2, 10, 100])
async def test_all_services_share_one_budget(count: int) -> None:
    journal: list[str] = []
    services = [Steady(f"stuck {number}", journal, drain_s=1e6) for number in range(count)]
    start_s = now_s()
    await run_services(services, asyncio.sleep(0), budget_s=2.0)
    assert now_s() - start_s == pytest.approx(2.0)
    assert sum(line.endswith("cancelled") for line in journal) == count


@pytest.mark.virtual_clock
async def test_a_service_that_fails_stops_the_others_and_its_error_leaves() -> None:
    journal: list[str] = []
    never = asyncio.Event()
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="broken")):
        await run_services([Steady("memory", journal), Failing(5.0)], never.wait())
    assert journal == ["memory cancelled"]


@pytest.mark.virtual_clock
async def test_a_service_that_fails_while_it_stops_is_told_too() -> None:
    journal: list[str] = []
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="broken")):
        await run_services([Failing(1.0), Steady("memory", journal)], asyncio.sleep(0.5))
    assert journal == ["memory cancelled"]


@pytest.mark.virtual_clock
async def test_a_failing_stop_condition_stops_all() -> None:
    journal: list[str] = []

    async def course() -> None:
        await asyncio.sleep(1.0)
        raise KeyError("course")

    with pytest.RaisesGroup(KeyError):
        await run_services([Steady("memory", journal)], course())
    assert journal == ["memory cancelled"]


@pytest.mark.virtual_clock
async def test_cancelling_the_parent_cancels_every_service() -> None:
    journal: list[str] = []
    running = asyncio.create_task(run_services([Steady(name, journal) for name in "ab"], asyncio.Event().wait()))
    await asyncio.sleep(1.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(journal) == ["a cancelled", "b cancelled"]


@pytest.mark.virtual_clock
async def test_a_service_that_ended_by_itself_costs_no_time() -> None:
    journal: list[str] = []
    ended = Steady("ended", journal)
    ended._stopping.set()
    start_s = now_s()
    await run_services([ended, Steady("memory", journal)], asyncio.sleep(1.0))
    assert now_s() - start_s == pytest.approx(1.0)
    assert journal == ["ended drained", "ended stop", "memory stop", "memory drained"]


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker("model")
    yield worker
    worker.close()


async def test_a_worker_keeps_the_order_of_its_calls_and_one_thread(worker: Worker) -> None:
    seen: list[int] = []
    threads: set[str] = set()

    def step(number: int) -> int:
        seen.append(number)
        threads.add(threading.current_thread().name)
        return -number

    results = await asyncio.gather(*(worker.call(step, number) for number in range(100)))
    assert results == [-number for number in range(100)]
    assert seen == [*range(100)]
    assert threads == {"model_0"}


async def test_the_event_loop_stays_free_while_a_worker_works(worker: Worker) -> None:
    release = threading.Event()
    calling = worker.begin(release.wait, 10.0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not calling.done()
    release.set()
    assert await calling


async def test_an_error_in_a_call_reaches_the_caller_and_the_next_call_works(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        await worker.call(divmod, 1, 0)
    assert await worker.call(divmod, 7, 2) == (3, 1)


async def test_cancelling_the_wait_stops_neither_the_call_nor_its_order(worker: Worker) -> None:
    release, done = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow() -> None:
        release.wait(10.0)
        seen.append("slow")
        done.set()

    waiting = asyncio.create_task(worker.call(slow))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await worker.call(seen.append, "next")
    assert done.is_set()
    assert seen == ["slow", "next"]


async def test_close_drops_what_has_not_begun_and_does_not_wait() -> None:
    worker = Worker("model")
    release, begun = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow() -> None:
        begun.set()
        release.wait(10.0)

    running = worker.begin(slow)
    dropped = worker.begin(seen.append, "dropped")
    begun.wait(10.0)
    worker.close()
    with pytest.raises(asyncio.CancelledError):
        await dropped
    assert not running.done()
    release.set()
    await running
    assert seen == []
