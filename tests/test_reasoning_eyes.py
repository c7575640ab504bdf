"""A backend's turn: it sees what a question may see, and who waits too long is answered by the records."""

from __future__ import annotations

import asyncio

import pytest

from reasoning.backend import Case, EvidenceBackend, Say
from reasoning.deadline import Deadline
from reasoning.evidence import Composed
from reasoning.eyes import Eyes
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Frame
from tests.cases import S, case, hit
from tests.test_reasoning_watching import frame

pytestmark = pytest.mark.virtual_clock
MOVED = hit(1, "motion", "movement on the left", 1.0)


class Slow(EvidenceBackend):
    """Looks at a frame for a second and thinks for two."""

    wants_frames = True

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.asked: list[Case] = []

    async def see(self, one: Frame) -> None:
        await asyncio.sleep(1.0)
        self.seen.append(one.t_ns // S)

    def sees_from_ns(self, asked_ns: int) -> int | None:
        return 0

    async def answer(self, case: Case, say: Say) -> Composed:
        self.asked.append(case)
        await asyncio.sleep(2.0)
        return await super().answer(case, say)


async def say(text: str) -> None:
    pass


def eyes(backend: Slow, *seconds: int) -> Eyes:
    one = Eyes(backend, LocalBus(LocalHub(), "reasoning"), "s", is_replay=False, memory_s=1.0)
    one.take(frame(second) for second in seconds)
    return one


def within(limit_s: float) -> Deadline:
    return Deadline.after(limit_s, asyncio.get_running_loop().time())


async def test_frames_up_to_the_question_are_seen_before_it_and_none_after_it() -> None:
    backend = Slow()
    await eyes(backend, 1, 2, 3, 4).ask(case("When did something move?", MOVED, at_s=3.0), "q", say)
    assert backend.seen == [1, 2, 3]


async def test_who_waits_behind_others_until_the_deadline_is_answered_by_the_records() -> None:
    backend = Slow()
    one = eyes(backend)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(one.ask(case("When did something move?", MOVED), "a", say))
        late = group.create_task(one.ask(case("When did something move?", MOVED, deadline=within(1.5)), "b", say))
    assert len(backend.asked) == 1
    assert first.result().sentences == late.result().sentences[:-1]
    assert late.result().sentences[-1].text == "Others were before you for 1.5 s, so only the records answer."
    third = await one.ask(case("When did something move?", MOVED, deadline=within(3.0)), "c", say)
    assert third == first.result()  # the turn was given back


async def test_a_model_behind_its_cameras_leaves_the_answer_to_the_records() -> None:
    backend = Slow()
    one = eyes(backend, *range(1, 10))
    answer = await one.ask(case("When did something move?", MOVED, at_s=9.0, deadline=within(4.5)), "q", say)
    assert answer.sentences[-1].text == "My model is 4 pictures behind the cameras, so only the records answer."
    assert backend.asked == []


async def test_a_rules_check_makes_way_for_a_question_but_not_in_a_replay() -> None:
    for is_replay in (False, True):
        backend = Slow()
        one = Eyes(backend, LocalBus(LocalHub(), "reasoning"), "s", is_replay=is_replay, memory_s=1.0)
        start_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            check = group.create_task(one.judge(case("Has it happened?", MOVED), "rule"))
            await asyncio.sleep(0.5)
            await one.ask(case("When did something move?", MOVED), "q", say)
        took_s = asyncio.get_running_loop().time() - start_s
        assert (check.result() is None, took_s) == ((False, 4.0) if is_replay else (True, 2.5))


async def test_a_rules_check_may_see_what_was_shown_since() -> None:
    backend = Slow()
    one = eyes(backend, 1, 2, 3)
    await one.catch_up()
    await one.judge(case("Has it happened?", MOVED, at_s=2.0), "rule")
    await one.ask(case("Has it happened?", MOVED, at_s=2.0), "question", say)
    assert [asked.asked_ns // S for asked in backend.asked] == [3, 2]
