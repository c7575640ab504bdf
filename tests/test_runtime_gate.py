"""A replay goes at its speed, at most two seconds ahead of the slowest, and stands at each question."""

import asyncio

import pytest

from runtime.gate import LEAD_NS, STEP_NS, ReplayGate
from runtime.order import END_NS

pytestmark = pytest.mark.virtual_clock
NS_PER_S = 1_000_000_000


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def reached(gate: ReplayGate, t_s: float) -> bool:
    """Say whether the gate lets a time pass at once."""
    going = asyncio.create_task(gate.reach(round(t_s * NS_PER_S)))
    for _ in range(5):
        await asyncio.sleep(0)
    is_through = going.done()
    going.cancel()
    await asyncio.wait([going])
    return is_through


async def test_without_followers_and_speed_everything_passes() -> None:
    gate = ReplayGate(None, ())
    start_s = now_s()
    await gate.reach(END_NS)
    assert now_s() == start_s


async def test_sources_keep_two_seconds_ahead_of_the_slowest() -> None:
    gate = ReplayGate(None, ("memory", "reasoning"))
    assert await reached(gate, 2.0)
    assert not await reached(gate, 2.001)
    await gate.progress("memory", 5 * NS_PER_S)
    assert not await reached(gate, 2.001)
    await gate.progress("reasoning", NS_PER_S)
    assert await reached(gate, 3.0)
    assert not await reached(gate, 3.001)


async def test_who_waits_goes_on_as_soon_as_the_slowest_has_come_far_enough() -> None:
    gate = ReplayGate(None, ("memory",))
    waiting = asyncio.create_task(gate.reach(10 * LEAD_NS))
    for progress_ns in range(0, 9 * LEAD_NS, LEAD_NS):
        await gate.progress("memory", progress_ns)
        await asyncio.sleep(0)
        assert not waiting.done()
    await gate.progress("memory", 9 * LEAD_NS)
    await waiting


async def test_nobody_is_waited_for_beyond_what_they_were_told_of() -> None:
    gate = ReplayGate(None, ("memory",))
    told_ns = 3 * LEAD_NS
    waiting = asyncio.create_task(gate.reach(10 * LEAD_NS, told_ns))
    await asyncio.sleep(0)
    assert not waiting.done()
    await gate.progress("memory", told_ns - STEP_NS)
    await waiting


async def test_progress_that_comes_again_takes_nothing_back() -> None:
    gate = ReplayGate(None, ("memory",))
    await gate.progress("memory", 10 * NS_PER_S)
    await gate.progress("memory", 1 * NS_PER_S)
    assert await reached(gate, 12.0)


@pytest.mark.parametrize(("speed", "length_s"), [(1.0, 10.0), (8.0, 1.25), (0.5, 20.0)])
async def test_event_time_passes_at_the_chosen_speed(speed: float, length_s: float) -> None:
    gate = ReplayGate(speed, ())
    start_s = now_s()
    for t_s in range(11):
        await gate.reach(t_s * NS_PER_S)
        assert now_s() - start_s == pytest.approx(t_s / speed)
    assert now_s() - start_s == pytest.approx(length_s)


async def test_time_lost_to_a_slow_follower_is_caught_up() -> None:
    gate = ReplayGate(1.0, ("memory",))
    start_s = now_s()
    await gate.reach(0)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(gate.reach(4 * NS_PER_S))
        await asyncio.sleep(3.0)
        await gate.progress("memory", 100 * NS_PER_S)
        await waiting
    assert now_s() - start_s == pytest.approx(4.0)


async def test_streams_stand_at_the_barrier_until_it_moves() -> None:
    gate = ReplayGate(None, ())
    gate.barrier_ns = 5 * NS_PER_S
    standing = [asyncio.create_task(gate.passed(5 * NS_PER_S)) for _ in range(2)]
    await asyncio.sleep(60.0)
    assert not any(task.done() for task in standing)
    await gate.move_barrier(6 * NS_PER_S)
    await asyncio.wait(standing)
    assert all(task.done() for task in standing)


async def test_a_second_question_at_the_same_time_keeps_them_standing() -> None:
    gate = ReplayGate(1.0, ())
    start_s = now_s()
    await gate.reach(0)
    gate.barrier_ns = 0
    standing = asyncio.create_task(gate.passed(0))
    await asyncio.sleep(3.0)
    await gate.move_barrier(0)
    await asyncio.sleep(4.0)
    assert not standing.done()
    await gate.move_barrier(END_NS)
    await standing
    await gate.reach(NS_PER_S)
    assert now_s() - start_s == pytest.approx(8.0)  # 7 s at the questions, 1 s of playing


async def test_the_time_at_a_question_is_not_playing_time() -> None:
    gate = ReplayGate(2.0, ())
    start_s = now_s()
    gate.barrier_ns = 4 * NS_PER_S
    await gate.reach(4 * NS_PER_S)
    for following_ns in (6 * NS_PER_S, END_NS):
        standing = asyncio.create_task(gate.passed(gate.barrier_ns))
        await asyncio.sleep(10.0)
        await gate.move_barrier(following_ns)
        await standing
        await gate.reach(6 * NS_PER_S)
    assert now_s() - start_s == pytest.approx(3.0 + 20.0)


async def test_a_question_before_the_first_sample_costs_its_own_time_once() -> None:
    gate = ReplayGate(1.0, ())
    gate.barrier_ns = 0
    start_s = now_s()
    standing = asyncio.create_task(gate.passed(0))
    await asyncio.sleep(10.0)
    await gate.move_barrier(END_NS)
    await standing
    await gate.reach(NS_PER_S)
    assert now_s() - start_s == pytest.approx(11.0)


async def test_who_comes_to_a_barrier_that_has_moved_already_is_not_standing() -> None:
    gate = ReplayGate(1.0, ())
    start_s = now_s()
    await gate.reach(0)
    gate.barrier_ns = 5 * NS_PER_S
    await gate.move_barrier(8 * NS_PER_S)
    await gate.passed(5 * NS_PER_S)  # it looked at the barrier before it moved
    await gate.reach(8 * NS_PER_S)
    await gate.move_barrier(END_NS)
    await gate.reach(9 * NS_PER_S)
    assert now_s() - start_s == pytest.approx(9.0)


async def test_a_cancelled_wait_leaves_a_gate_that_works() -> None:
    gate = ReplayGate(None, ("memory",))
    for waiting in (asyncio.create_task(gate.reach(9 * NS_PER_S)), asyncio.create_task(gate.passed(END_NS))):
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    await gate.progress("memory", 9 * NS_PER_S)
    assert await reached(gate, 9.0)
