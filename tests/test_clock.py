"""The virtual clock jumps, keeps order, and steps back to real pace as soon as the outside world takes part."""

import asyncio
import socket
import threading
import time

import pytest

from tests.clock import START_S, VirtualClockLoop

pytestmark = pytest.mark.virtual_clock


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def test_a_day_of_sleep_costs_no_time() -> None:
    real_s = time.monotonic()
    await asyncio.sleep(100_000.0)  # longer than the 24 h that asyncio waits for at most in one go
    assert now_s() == pytest.approx(START_S + 100_000.0)
    assert time.monotonic() - real_s < 10.0


async def test_a_timeout_ends_exactly_at_its_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30.0):
            await asyncio.Event().wait()
    assert now_s() - START_S == pytest.approx(30.0)


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    woken: list[int] = []

    async def sleep(delay_s: int) -> None:
        await asyncio.sleep(delay_s)
        woken.append(delay_s)

    async with asyncio.TaskGroup() as group:
        for delay_s in (30, 1, 7):
            group.create_task(sleep(delay_s))
    assert woken == [1, 7, 30]
    assert now_s() - START_S == pytest.approx(30.0)


async def test_computing_takes_no_virtual_time() -> None:
    before_s = now_s()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert now_s() == before_s


async def test_the_clock_does_not_run_ahead_of_a_thread() -> None:
    async with asyncio.timeout(30.0):
        assert await asyncio.to_thread(threading.Event().wait, 0.05) is False
    assert 0.0 < now_s() - START_S < 20.0


async def test_the_clock_does_not_run_ahead_of_a_socket() -> None:
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    answer = threading.Timer(0.05, there.sendall, [b"late"])
    answer.start()
    async with asyncio.timeout(30.0):
        assert await reader.readexactly(4) == b"late"
    assert now_s() - START_S < 20.0
    answer.join()
    there.close()
    writer.close()
    await writer.wait_closed()


def test_a_test_that_would_hang_fails_at_once() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.Event().wait()

    with (
        pytest.raises(RuntimeError, match="this test would hang"),
        asyncio.Runner(loop_factory=VirtualClockLoop) as runner,
    ):
        runner.run(wait_for_nobody())
