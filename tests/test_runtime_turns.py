"""One device for several models: the urgent go first, the late are not begun, and no turn is lost."""

import asyncio
import threading

import pytest

from runtime.turns import Turns, Urgency


class Device:
    """Calls that are held on the device until they are let go."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.began = threading.Event()
        self.go = threading.Event()

    def hold(self) -> None:
        self.began.set()
        assert self.go.wait(10)

    def note(self, name: str) -> str:
        self.order.append(name)
        return name


async def holding(turns: Turns, device: Device) -> asyncio.Task[None]:
    """Return a call that has the device."""
    task = asyncio.create_task(turns.call(device.hold, urgency=Urgency.PERCEPT))
    await asyncio.to_thread(device.began.wait, 10)
    return task


async def test_an_answer_goes_before_what_waited_longer() -> None:
    turns, device = Turns("gpu"), Device()
    first = await holding(turns, device)
    calls = []
    for name, urgency in (("a", Urgency.PERCEPT), ("b", Urgency.PERCEPT), ("c", Urgency.ANSWER), ("d", Urgency.ANSWER)):
        calls.append(asyncio.create_task(turns.call(device.note, name, urgency=urgency)))
        await asyncio.sleep(0)  # it waits
    device.go.set()
    assert await asyncio.gather(*calls) == ["a", "b", "c", "d"]
    assert device.order == ["c", "d", "a", "b"]
    await first
    assert len(turns) == 0
    turns.close()


async def test_what_comes_too_late_is_not_begun() -> None:
    turns, device = Turns("gpu"), Device()
    first = await holding(turns, device)
    with pytest.raises(TimeoutError, match=r"gpu was busy for 0\.01 s"):
        await turns.call(device.note, "late", urgency=Urgency.PERCEPT, within_s=0.01)
    device.go.set()
    await first
    assert await turns.call(device.note, "next", urgency=Urgency.PERCEPT, within_s=5) == "next"
    assert device.order == ["next"]
    assert turns.late == 1
    turns.close()


async def test_a_call_that_waits_can_be_cancelled_and_one_that_runs_keeps_its_device() -> None:
    turns, device = Turns("gpu"), Device()
    first = await holding(turns, device)
    waiting = asyncio.create_task(turns.call(device.note, "never", urgency=Urgency.ANSWER))
    await asyncio.sleep(0)  # it waits
    assert len(turns) == 1
    waiting.cancel()
    first.cancel()
    after = asyncio.create_task(turns.call(device.note, "after", urgency=Urgency.PERCEPT))
    await asyncio.wait([waiting, first])
    assert (waiting.cancelled(), first.cancelled()) == (True, True)
    await asyncio.sleep(0)  # it waits
    assert len(turns) == 1
    assert device.order == []  # the device is not free before what runs has ended
    device.go.set()
    assert await after == "after"
    assert device.order == ["after"]
    turns.close()


@pytest.mark.parametrize("steps", range(8))
async def test_a_call_that_is_cancelled_at_any_step_loses_no_turn(steps: int) -> None:
    turns, device = Turns("gpu"), Device()
    first = await holding(turns, device)
    waiting = asyncio.create_task(turns.call(device.note, "perhaps", urgency=Urgency.ANSWER))
    await asyncio.sleep(0)  # it waits
    device.go.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    waiting.cancel()
    assert await turns.call(device.note, "next", urgency=Urgency.PERCEPT, within_s=10) == "next"
    await asyncio.gather(first, waiting, return_exceptions=True)
    assert device.order in (["next"], ["perhaps", "next"])
    turns.close()


async def test_a_call_that_fails_says_so_and_frees_the_device() -> None:
    turns, device = Turns("gpu"), Device()
    with pytest.raises(ZeroDivisionError):
        await turns.call(lambda: 1 // 0, urgency=Urgency.ANSWER)
    assert await turns.call(device.note, "next", urgency=Urgency.ANSWER) == "next"
    turns.close()


async def test_closing_drops_what_waits() -> None:
    turns, device = Turns("gpu"), Device()
    first = await holding(turns, device)
    waiting = asyncio.create_task(turns.call(device.note, "never", urgency=Urgency.ANSWER))
    await asyncio.sleep(0)  # it waits
    assert len(turns) == 1
    turns.close()
    device.go.set()
    await first
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert device.order == []
