"""Reasoning keeps its word: every question gets one answer, as of its time, however many come and whoever is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from reasoning.backend import EvidenceBackend
from reasoning.service import ROOM, ReasoningService
from runtime.bus import LOSSLESS, Delivery, filter_of
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Answer, Ask, Cancel, Hit, Progress, Recall, Recalled, Sensor, Watermark

SESSION = "s"
S = 1_000_000_000
QUESTION = "When did something move?"
pytestmark = pytest.mark.virtual_clock


class FakeMemory:
    """Answers recalls when the test lets it."""

    def __init__(self, hub: LocalHub, session: str = SESSION) -> None:
        self.session = session
        self.recalls: list[Recall] = []
        self.reason = ""  # why it does not look
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = asyncio.Event()
        self._bus = LocalBus(hub, "memory", is_lossless=True)

    async def run(self) -> None:
        async for delivery in await self._bus.subscribe(filter_of(self.session, "recall", "memory"), rule=LOSSLESS):
            query = delivery.message
            assert isinstance(query, Recall)
            self.recalls.append(query)
            self.asked.set()
            await self.answers.wait()
            await self._bus.publish(replace(recalled(query), reason=self.reason), to=delivery)


def recalled(query: Recall) -> Recalled:
    moved = Hit(
        record_id="s/cam/0/motion-1",
        clip_id="",
        stream="cam",
        kind="motion",
        start_ns=2 * S,
        end_ns=3 * S,
        text="movement on the left",
        score=0.0,
        box=(0.0, 0.0, 0.2, 0.2),
        level=0.2,
    )
    return Recalled(
        session=query.session,
        query_id=query.query_id,
        hits=(),
        timeline=(moved,),
        total=1,
        anchor=None,
        counts={"motion": 1},
        searched=(),
        session_start_ns=0,
        start_ns=0,
        end_ns=query.as_of_ns,
    )


class Asker:
    """Somebody with questions, and the sensors behind the session."""

    def __init__(self, hub: LocalHub, memory: FakeMemory, reasoning: ReasoningService) -> None:
        self.memory = memory
        self.reasoning = reasoning
        self.hub = hub
        self.bus = LocalBus(hub, "user", is_lossless=True)

    async def ask(self, text: str = QUESTION, at_s: float | None = 5.0, query_id: str = "") -> Answer:
        asked_ns = None if at_s is None else round(at_s * S)
        ask = Ask(session=SESSION, question=text, asked_ns=asked_ns, query_id=query_id)
        reply = await self.bus.request(ask, "answer", 3600.0)
        assert isinstance(reply, Answer)
        return reply

    async def reach(
        self,
        at_s: float,
        *,
        ended: bool = False,
        blind: str = "",
        blind_s: float | None = None,
        stream: str = "cam",
        sensor: Sensor = "video",
    ) -> None:
        mark = Watermark(
            session=SESSION,
            stream=stream,
            epoch=0,
            t_ns=round(at_s * S),
            sensor=sensor,
            ended=ended,
            blind=blind,
            blind_ns=None if blind_s is None else round(blind_s * S),
        )
        await self.bus.publish(mark)


@asynccontextmanager
async def reasoning(*, is_replay: bool = True, deadline_s: float = 10.0) -> AsyncIterator[Asker]:
    """Run reasoning with a memory that the test holds in its hand."""
    hub = LocalHub()
    memory = FakeMemory(hub)
    bus = LocalBus(hub, "reasoning", is_lossless=is_replay)
    service = ReasoningService(
        bus, SESSION, EvidenceBackend(), recall_deadline_s=deadline_s, settle_s=1.5, is_replay=is_replay
    )
    asker = Asker(hub, memory, service)
    async with asyncio.TaskGroup() as group:
        remembering = group.create_task(memory.run(), name="memory")
        running = group.create_task(service.run(), name="reasoning")
        await service.ready.wait()
        yield asker
        service.stop()
        await running
        remembering.cancel()


async def test_a_question_is_answered_from_one_recall_with_its_evidence() -> None:
    async with reasoning() as asker:
        await asker.reach(10.0)
        reply = await asker.ask()
        assert not reply.abstained
        assert (reply.evidence[0].start_s, reply.evidence[0].end_s) == (2.0, 3.0)
        assert reply.asked_s == 5.0
        (query,) = asker.memory.recalls
        assert query.as_of_ns == 5 * S


async def test_in_a_replay_a_question_waits_until_every_stream_has_reached_it() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(4.999)
        waiting = group.create_task(asker.ask(), name="ask")
        await asyncio.sleep(3000)
        assert not waiting.done()
        assert asker.memory.recalls == []
        await asker.reach(5.0)
        assert not (await waiting).abstained


async def test_live_a_question_waits_no_longer_than_the_settling_time() -> None:
    async with reasoning(is_replay=False) as asker:
        await asker.reach(1.0)
        start_s = asyncio.get_running_loop().time()
        await asker.ask(at_s=100_000.0)
        assert asyncio.get_running_loop().time() - start_s == pytest.approx(1.5)
        assert asker.reasoning.meter.counters["unsettled"] == 1


async def test_live_a_question_without_a_time_is_asked_now() -> None:
    async with reasoning(is_replay=False) as asker:
        await asker.ask(at_s=None)
        assert abs(asker.memory.recalls[0].as_of_ns - time.time_ns()) < 10 * S


@pytest.mark.parametrize("is_replay", [True, False])
async def test_a_question_before_any_stream_is_answered_at_once(is_replay: bool) -> None:
    async with reasoning(is_replay=is_replay) as asker:
        start_s = asyncio.get_running_loop().time()
        assert (await asker.ask()).answer
        assert asyncio.get_running_loop().time() == start_s


async def test_of_twenty_questions_at_once_each_gets_an_answer_and_the_last_ones_are_refused() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asker.memory.answers.clear()
        asking = [group.create_task(asker.ask(query_id=f"mine-{n}", at_s=4.0), name=f"ask {n}") for n in range(20)]
        await asyncio.sleep(1)
        refused = [task.result() for task in asking if task.done()]
        assert len(refused) in (20 - ROOM - 1, 20 - ROOM)  # 16 wait, and perhaps one is in hand already
        assert {one.answer for one in refused} == {"I am still answering 16 other questions."}
        assert all(one.abstained for one in refused)
        asker.memory.answers.set()
        replies = [await task for task in asking]
        assert {one.query_id for one in replies} == {f"mine-{n}" for n in range(20)}
        again = await asker.ask(query_id=refused[0].query_id, at_s=4.0)
    assert not again.abstained  # a refusal is not what is answered from then on
    assert sum(not one.abstained for one in replies) == 20 - len(refused)


async def test_a_waiting_question_can_be_cancelled() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asker.memory.answers.clear()
        first = group.create_task(asker.ask(query_id="one"), name="one")
        await asker.memory.asked.wait()
        second = group.create_task(asker.ask(query_id="two"), name="two")
        await asyncio.sleep(1)
        for cancelled in ("two", "nobody's"):
            await asker.bus.publish(Cancel(session=SESSION, query_id=cancelled))
        await asyncio.sleep(1)
        asker.memory.answers.set()
        assert not (await first).abstained
        assert (await second).answer == "This question was cancelled."
        assert len(asker.memory.recalls) == 1


async def test_a_question_about_the_future_holds_up_nobody() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asking = {at_s: group.create_task(asker.ask(at_s=at_s), name=f"ask {at_s}") for at_s in (99.0, 9.0, 4.0)}
        await asyncio.gather(asking[9.0], asking[4.0])
        assert not asking[99.0].done()
        await asker.reach(99.0)
        assert (await asking[99.0]).asked_s == 99.0


async def test_of_the_questions_whose_time_is_reached_the_earliest_comes_first() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(1.0)
        for at_s in (9.0, 4.0, 7.0):
            group.create_task(asker.ask(at_s=at_s), name=f"ask {at_s}")
        await asyncio.sleep(1)
        await asker.reach(8.0)
        await asyncio.sleep(1)
        await asker.reach(9.0)
        await asyncio.sleep(1)
        assert [query.as_of_ns for query in asker.memory.recalls] == [4 * S, 7 * S, 9 * S]


async def test_the_question_in_hand_can_be_cancelled() -> None:
    async with reasoning(is_replay=False) as asker, asyncio.TaskGroup() as group:
        asker.memory.answers.clear()
        first = group.create_task(asker.ask(query_id="one"), name="one")
        await asker.memory.asked.wait()
        start_s = asyncio.get_running_loop().time()
        await asker.bus.publish(Cancel(session=SESSION, query_id="one"))
        assert (await first).answer == "This question was cancelled."
        assert asyncio.get_running_loop().time() == start_s
        asker.memory.answers.set()
        assert not (await asker.ask(query_id="two")).abstained


async def test_a_question_about_the_future_can_be_cancelled() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(1.0)
        waiting = group.create_task(asker.ask(query_id="one"), name="one")
        await asyncio.sleep(1)
        await asker.bus.publish(Cancel(session=SESSION, query_id="one"))
        assert (await waiting).answer == "This question was cancelled."
        assert asker.memory.recalls == []


async def test_nobody_cancels_the_question_of_another_that_has_the_same_id() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        other = Asker(asker.hub, asker.memory, asker.reasoning)
        await asker.reach(10.0)
        asker.memory.answers.clear()
        group.create_task(asker.ask(query_id="before"), name="before")
        await asker.memory.asked.wait()
        asking = [group.create_task(one.ask(query_id="one"), name="ask") for one in (asker, other)]
        await asyncio.sleep(1)
        await asker.bus.publish(Cancel(session=SESSION, query_id="one"))
        await asyncio.sleep(1)
        asker.memory.answers.set()
        assert [(await task).abstained for task in asking] == [False, False]


async def test_ids_that_it_gives_are_nobody_elses() -> None:
    async with reasoning() as asker:
        await asker.reach(10.0)
        own = await asker.ask()
        assert own.query_id.startswith("_")
        assert (await asker.ask()).query_id != own.query_id
        refused = await asker.ask(query_id=own.query_id)
        assert refused.answer == "A query_id that begins with _ is not yours to give."


async def test_a_memory_that_is_too_busy_counts_as_silent() -> None:
    async with reasoning(is_replay=False) as asker:
        asker.memory.reason = "too many recalls wait"
        assert (await asker.ask()).answer.startswith("My memory did not answer in time")
        asker.memory.reason = ""
        reply = await asker.ask()
        assert (reply.abstained, reply.session_start_ns) == (False, 0)


async def test_at_the_end_a_question_about_the_future_is_answered_from_what_is_there() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(4.0)
        waiting = group.create_task(asker.ask(at_s=5.0), name="ask")
        await asyncio.sleep(1)
        asker.reasoning.stop()
        assert not (await waiting).abstained


async def test_a_silent_memory_costs_its_deadline_and_is_said() -> None:
    async with reasoning(is_replay=False, deadline_s=10.0) as asker:
        asker.memory.answers.clear()
        start_s = asyncio.get_running_loop().time()
        reply = await asker.ask()
        assert asyncio.get_running_loop().time() - start_s == pytest.approx(10.0)
        assert reply.abstained
        assert reply.answer.startswith("My memory did not answer in time")
        assert reply.evidence == ()
        asker.memory.answers.set()
        assert not (await asker.ask()).abstained


async def test_in_a_replay_a_slow_memory_changes_no_answer() -> None:
    async with reasoning(deadline_s=10.0) as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asker.memory.answers.clear()
        waiting = group.create_task(asker.ask(), name="ask")
        await asyncio.sleep(60)
        asker.memory.answers.set()
        assert not (await waiting).abstained


async def test_the_same_question_again_gets_the_same_answer_from_the_same_recall() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asker.memory.answers.clear()
        first = group.create_task(asker.ask(query_id="mine"), name="first")
        await asker.memory.asked.wait()
        while_it_is_in_hand = group.create_task(asker.ask(query_id="mine"), name="again")
        await asyncio.sleep(1)
        asker.memory.answers.set()
        assert await first == await while_it_is_in_hand == await asker.ask(query_id="mine")
        assert len(asker.memory.recalls) == 1
        await asker.ask(query_id="mine", at_s=6.0)
        await asker.ask(query_id="other")
        assert len(asker.memory.recalls) == 3


async def test_a_call_is_answered_with_its_number() -> None:
    async with reasoning(is_replay=False) as asker:
        heard = await asker.bus.subscribe(filter_of(SESSION, "progress", "reasoning"), rule=LOSSLESS)
        mark = Watermark(session=SESSION, stream="cam", epoch=0, t_ns=-1, sensor="video")
        for call in (8, 9, 0):
            await asker.bus.publish(replace(mark, call=call))
        told = [(await anext(heard)).message for _ in range(3)]
        assert [one.call for one in told if isinstance(one, Progress)] == [8, 9, 0]


async def test_blind_sensors_are_named() -> None:
    async with reasoning() as asker:
        await asker.reach(10.0, blind="the picture is black", blind_s=4.0)
        assert (await asker.ask()).blind == ("cam",)


async def test_a_camera_whose_track_has_ended_does_not_work_any_more() -> None:
    async with reasoning() as asker:
        await asker.reach(30.0, ended=True)
        await asker.reach(60.0, stream="mic", sensor="audio")
        after, before = await asker.ask("Is the camera working?", 60.0), await asker.ask("Is the camera working?", 25.0)
        assert (after.answer, after.blind) == ("No. Camera 'cam' ended at 0:30.0.", ("cam",))
        assert (before.answer, before.blind) == ("Yes. 1 camera works.", ())
        now = await asker.ask("What is happening now?", 60.0)
        assert now.answer.endswith("Camera 'cam' ended at 0:30.0.")
        assert now.blind == ("cam",)
        assert (await asker.ask("Did anything move between 0:20 and 0:29?", 31.5)).answer == (
            "No, nothing moved between 0:20.0 and 0:29.0."
        )
        assert (await asker.ask("Did anything move after 0:40?", 60.0)).abstained


async def test_at_the_end_of_a_recording_its_tracks_count_as_working() -> None:
    async with reasoning() as asker:
        await asker.reach(59.5, ended=True)
        await asker.reach(60.0, stream="mic", sensor="audio", ended=True)
        told = await asker.ask("Is the camera working?", 100.0)
        assert (told.answer, told.blind) == ("Yes. 1 camera works.", ())


async def test_live_a_stream_that_was_closed_has_ended() -> None:
    async with reasoning(is_replay=False) as asker:
        now_s = time.time()
        await asker.reach(now_s - 30, ended=True, blind="ended")
        told = await asker.ask("Is the camera working?", None)
        assert told.blind == ("cam",)
        assert told.answer.startswith("No. Camera 'cam' ended at ")


async def test_live_a_question_about_shortly_before_knows_of_blindness_that_was_told_after() -> None:
    async with reasoning(is_replay=False) as asker:
        now_s = time.time()
        await asker.reach(now_s - 40)
        await asker.reach(now_s - 27, blind="covered or dark", blind_s=now_s - 30)
        await asker.reach(now_s - 12, blind="covered or dark", blind_s=now_s - 20)  # a piece was told in between
        await asker.reach(now_s - 1)
        assert (await asker.ask("Is the camera working?", now_s - 28)).blind == ("cam",)
        assert (await asker.ask("Is the camera working?", now_s - 15)).blind == ("cam",)
        assert (await asker.ask("Is the camera working?", now_s - 33)).blind == ()
        assert (await asker.ask("Is the camera working?", now_s - 5)).blind == ()


async def test_after_the_end_of_a_recording_its_end_is_now() -> None:
    async with reasoning() as asker:
        await asker.reach(8.0, ended=True)
        assert (await asker.ask(at_s=1e6)).asked_s == 8.0


async def test_a_long_question_is_cut_and_answered() -> None:
    async with reasoning() as asker:
        await asker.reach(10.0)
        reply = await asker.ask("x" * 10_000)
        assert len(reply.question) == 2_000
        assert reply.answer


@pytest.mark.parametrize(
    "text", ["", " ", "\x00\x1b[31m?", "מה זז? \u202e evom", "?" * 500, "0:99:99 -1 1e999", "((((", "\\", "%s {0} ''"]
)
async def test_an_odd_question_gets_an_answer(text: str) -> None:
    async with reasoning() as asker:
        await asker.reach(10.0)
        reply = await asker.ask(text)
        assert reply.question == text
        assert reply.answer


async def test_stop_gives_the_answers_that_are_owed() -> None:
    async with reasoning() as asker, asyncio.TaskGroup() as group:
        await asker.reach(10.0)
        asker.memory.answers.clear()
        asking = [group.create_task(asker.ask(query_id=name), name=name) for name in ("one", "two")]
        await asker.memory.asked.wait()
        await asyncio.sleep(1)
        asker.reasoning.stop()
        asker.memory.answers.set()
        for task in asking:
            assert (await task).answer


def test_a_delivery_without_a_way_back_needs_no_reply() -> None:
    assert Delivery(Ask(session=SESSION, question="?"), "t").response_topic is None
