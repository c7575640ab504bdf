"""An LMM that watches: what it says names its evidence, and whatever goes wrong ends in records and one reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from reasoning.brief import Brief
from reasoning.deadline import Deadline
from reasoning.evidence import Composed
from reasoning.lmm.attention import install
from reasoning.lmm.chat import Chat
from reasoning.lmm.families import find_family
from reasoning.lmm.load import Lmm
from reasoning.lmm.looking import Methods
from reasoning.lmm.stream import Budget
from reasoning.prompt import Prompt
from reasoning.service import ReasoningService
from reasoning.watching import Engine, Limits, WatchingBackend
from runtime.bus import LOSSLESS, filter_of
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Answer, AnswerPart, Ask, Cancel, Frame, Watermark, record_id
from tests.cases import case
from tests.recordings import jpeg
from tests.test_reasoning_service import SESSION, FakeMemory, S
from tests.tiny_lmms import byte_tokenizer, tiny

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow  # models, if tiny ones, on a machine that may be busy
QUESTION = "When did something move?"
LIMITS = Limits(answer_tokens=12, question_tokens=1500, deadline_s=None)


@cache
def lmm() -> Lmm:
    model = tiny("smolvlm", vocabulary=320)
    install(model)
    return Lmm(name="tiny", model=model, family=find_family(model), chat=Chat(byte_tokenizer()), context_tokens=4096)


class Weak:
    """A family whose vision tower fails some times."""

    def __init__(self, failures: int, error: Callable[[], Exception]) -> None:
        self._family: Any = lmm().family
        self._failures, self._error = failures, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._family, name)

    def encode(self, image: NDArray[np.uint8], budget: int) -> Any:
        if self._failures:
            self._failures -= 1
            raise self._error()
        return self._family.encode(image, budget)


def engine(family: Any = None, level: float = 0.0) -> Engine:
    model = lmm() if family is None else replace(lmm(), family=family)
    return Engine(model, Budget(window=2000), Methods(), level)


class Session:
    """Reasoning with a model, a memory in the test's hand, a camera and somebody with questions."""

    def __init__(
        self, hub: LocalHub, name: str, service: ReasoningService, backend: WatchingBackend, memory: FakeMemory
    ) -> None:
        self.name = name
        self.service = service
        self.backend = backend
        self.memory = memory
        self.bus = LocalBus(hub, "user", is_lossless=True)
        self.camera = LocalBus(hub, "perception", is_lossless=True)
        self.parts: list[AnswerPart] = []
        self.heard = asyncio.Event()

    async def show(self, *seconds: int, payload: bytes | None = None) -> None:
        for second in seconds:
            await self.camera.publish(frame(second, self.name, payload))
            await self.reach(second)

    async def reach(self, second: float) -> None:
        mark = Watermark(session=self.name, stream="cam", epoch=0, t_ns=round(second * S), sensor="video")
        await self.camera.publish(mark)

    async def ask(self, text: str = QUESTION, at_s: float = 5.0, **fields: Any) -> Answer:
        ask = Ask(session=self.name, question=text, asked_ns=round(at_s * S), **fields)
        reply = await self.bus.request(ask, "answer", 60.0)
        assert isinstance(reply, Answer)
        return reply

    async def listen(self) -> None:
        async for delivery in await self.bus.subscribe(filter_of(self.name, "answer_part"), rule=LOSSLESS):
            assert isinstance(delivery.message, AnswerPart)
            self.parts.append(delivery.message)
            self.heard.set()


def frame(second: int, session: str = SESSION, payload: bytes | None = None) -> Frame:
    shade = 40 + 20 * (second % 10)
    image = np.full((32, 48, 3), shade, np.uint8)
    image[:, : 4 * (second % 10)] = 255 - shade
    return Frame(
        session=session,
        stream="cam",
        epoch=0,
        seq=second,
        t_ns=second * S,
        width_px=48,
        height_px=32,
        novelty=1.0,
        is_cut=False,
        luma=0.5,
        payload=jpeg(image) if payload is None else payload,
    )


@asynccontextmanager
async def session(
    model: Engine, name: str = SESSION, *, limits: Limits = LIMITS, is_replay: bool = True
) -> AsyncIterator[Session]:
    hub = LocalHub()
    memory = FakeMemory(hub, name)
    backend = WatchingBackend(model, limits)
    service = ReasoningService(
        LocalBus(hub, "reasoning", is_lossless=is_replay),
        name,
        backend,
        recall_deadline_s=10.0,
        settle_s=30.0,
        is_replay=is_replay,
    )
    one = Session(hub, name, service, backend, memory)
    async with asyncio.TaskGroup() as group:
        beside = [
            group.create_task(memory.run(), name="memory"),
            group.create_task(one.listen(), name="parts"),
        ]
        running = group.create_task(service.run(), name="reasoning")
        await service.ready.wait()
        yield one
        service.stop()
        await running
        for task in beside:
            task.cancel()


async def test_an_answer_comes_word_by_word_and_names_frames_and_records() -> None:
    async with session(engine()) as one:
        await one.show(1, 2, 3, 4, 5)
        reply = await one.ask(at_s=5.0)
        assert reply.model == "tiny"
        assert not reply.abstained
        *said, remark = reply.sentences
        assert all(sentence.reliance is not None for sentence in said)
        assert remark.text == "My answer was cut at 12 tokens."
        assert sorted({place for one in said for place in one.rests_on}) == list(range(len(reply.evidence)))
        frames = {record_id(frame(second)) for second in range(1, 6)}
        assert reply.evidence
        assert {row.record_id for row in reply.evidence} <= frames | {"s/cam/0/motion-1"}
        assert sum(row.score for row in reply.evidence if row.kind == "frame") <= 1.0
        assert reply.timing_ms.first_token <= reply.timing_ms.total
        words = "".join(part.text for part in one.parts).split()
        assert words == [word for sentence in said for word in sentence.text.split() if word != "…"]
        assert [part.index for part in one.parts] == list(range(len(one.parts)))


async def test_no_frame_after_the_question_changes_its_answer() -> None:
    async with session(engine()) as one:
        await one.show(1, 2, 3)
        before = await one.ask(at_s=3.0)
        await one.show(4, 5, 6)
        after = await one.ask(at_s=3.0, query_id="later")
        await one.ask(at_s=6.0)
        assert one.backend._watcher is not None
        assert [shown.t_ns // S for shown in one.backend._watcher.window()] == [1, 2, 3, 4, 5, 6]
    assert after.answer == before.answer
    assert {row.record_id for row in after.evidence} == {row.record_id for row in before.evidence}
    assert {row.record_id for row in after.evidence if row.kind == "frame"} <= {record_id(frame(s)) for s in (1, 2, 3)}


async def test_a_question_about_a_while_ago_brings_its_pictures_from_memory() -> None:
    async with session(engine()) as one:
        await one.show(*range(1, 40))
        await one.ask(at_s=39.0)
        await one.ask(at_s=5.0, query_id="then")
        asked = [query for query in one.memory.recalls if query.query_id == "then-frames"]
        assert len(asked) == 1  # the newest 16 frames are later, and so it asks for older ones


async def test_the_effect_of_what_an_answer_rests_on_is_measured_on_request() -> None:
    async with session(engine()) as one:
        await one.show(1, 2, 3)
        plain = await one.ask(at_s=3.0)
        explained = await one.ask(at_s=3.0, explains=True)
    assert [row.effect for row in plain.evidence] == [None] * len(plain.evidence)
    assert all(row.effect is not None for row in explained.evidence)
    assert any(abs(row.effect or 0) > 1e-3 for row in explained.evidence)
    assert [replace(row, effect=None) for row in explained.evidence] == list(plain.evidence)


async def test_pictures_next_to_each_other_are_one_piece_of_evidence_with_one_effect_every_time() -> None:
    asked = case("What is there?", recalled=None, at_s=4.0, explains=True)
    given = []
    for _ in range(2):
        backend = WatchingBackend(engine(), LIMITS)
        for second in (1, 2, 4):
            await backend.see(frame(second))
        given.append(await backend.answer(asked, _unheard))
        backend.close()
    assert given[0] == given[1]
    (row,) = given[0].evidence
    assert (row.start_s, row.end_s, row.kind) == (1.0, 4.0, "frame")
    assert row.record_id in {record_id(frame(second)) for second in (1, 2, 4)}
    assert row.score == pytest.approx(1.0, abs=2e-3)  # without a line to quote it is all there was
    assert row.effect
    assert [sentence.rests_on for sentence in given[0].sentences if sentence.supported] == [(0,)]


async def _unheard(text: str) -> None:
    """Take a part of an answer that nobody waits for."""


async def test_what_relies_on_nothing_is_not_said() -> None:
    async with session(engine(level=1e9)) as one:
        await one.show(1, 2)
        reply = await one.ask(at_s=2.0)
    assert reply.abstained
    assert reply.evidence == ()
    assert reply.answer.startswith("I cannot tell: nothing that I saw or heard stands behind")


async def test_cancel_ends_an_answer_within_a_token_and_the_next_is_as_if_it_never_was() -> None:
    limits = replace(LIMITS, answer_tokens=4000)
    async with session(engine(), limits=limits) as one:
        await one.show(1, 2)
        asking = asyncio.create_task(one.ask(at_s=2.0, query_id="long"))
        await one.heard.wait()
        await one.bus.publish(Cancel(session=SESSION, query_id="long"))
        reply = await asking
        assert reply.answer == "This question was cancelled."
        said = len(one.parts)
        await one.reach(2.5)
        assert len(one.parts) <= said + 1


async def test_cancel_before_the_first_token_ends_an_answer_and_leaves_the_other_session_alone() -> None:
    shared = engine()
    async with session(shared, "a") as one, session(shared, "b") as other:
        await asyncio.gather(one.show(1, 2), other.show(1, 2))
        first, expected = await asyncio.gather(one.ask(at_s=2.0), other.ask(at_s=2.0))
        told = len(one.parts)
        free, loop = asyncio.Event(), asyncio.get_running_loop()

        def hold() -> None:
            asyncio.run_coroutine_threadsafe(free.wait(), loop).result()

        shared.worker.begin(hold)  # so that nobody's words can come
        one.memory.asked.clear()
        asking = asyncio.create_task(one.ask(at_s=2.0, query_id="no"))
        await one.memory.asked.wait()
        waiting = asyncio.create_task(other.ask(at_s=2.0, query_id="yes"))
        await one.bus.publish(Cancel(session="a", query_id="no"))
        reply = await asking
        free.set()
        assert reply.answer == "This question was cancelled."
        assert (await waiting).answer == expected.answer
        assert (await one.ask(at_s=2.0, query_id="again")).answer == first.answer
        assert one.parts[told].text == "This question was cancelled."


async def test_an_answer_stops_at_its_deadline_and_says_so() -> None:
    limits = replace(LIMITS, answer_tokens=4000, deadline_s=1.5)
    async with session(engine(), limits=limits) as one:
        await one.show(1, 2)
        reply = await one.ask(at_s=2.0)
        assert "I stopped when my 1.5 s were over." in reply.answer
        assert len(reply.sentences) > 1


async def test_who_waited_too_long_is_answered_by_the_records_with_the_reason() -> None:
    async with session(engine(), limits=replace(LIMITS, deadline_s=1e-9)) as one:
        await one.show(1, 2, 3)
        reply = await one.ask(at_s=3.0)
        assert "1e-09 s were over before my model's turn came" in reply.answer
        assert "only the records answer" in reply.answer
        assert reply.evidence[0].record_id == "s/cam/0/motion-1"


async def test_an_answer_that_there_is_no_time_to_explain_is_given_and_says_so() -> None:
    async with session(engine()) as one:
        await one.show(1, 2)
        reply = await one.ask(at_s=2.0)
        given = Composed(sentences=reply.sentences, abstained=False, evidence=reply.evidence, blind=(), truncated=False)
        told = Brief(prompt=Prompt(intro="", lines=(), closing="When?"), evidence=())
        over = case(deadline=Deadline(limit_s=1.0, until_s=0.0))
        late = await one.backend._explained(given, one.backend._own(), told, over)
    assert late.sentences[-1].text == "I had no time left to measure what the answer rests on."
    assert late.evidence == given.evidence


async def test_a_model_that_all_sessions_have_left_may_be_joined_again() -> None:
    model = engine()
    for _ in range(2):
        async with session(model) as one:
            await one.show(1)
            assert (await one.ask(at_s=1.0)).model == "tiny"


async def test_a_question_longer_than_the_model_reads_is_refused_in_one_line() -> None:
    async with session(engine(), limits=replace(LIMITS, question_tokens=300)) as one:
        await one.show(1)
        reply = await one.ask("Why " + "so " * 300 + "?", at_s=1.0)
        assert reply.abstained
        assert "Your question is too long for me:" in reply.answer
        assert (await one.ask(at_s=1.0)).model == "tiny"


async def test_memory_that_runs_out_once_costs_half_the_window_and_twice_the_model() -> None:
    short = Weak(1, torch.OutOfMemoryError)
    async with session(engine(short)) as one:
        await one.show(1, 2, 3)
        assert not (await one.ask(at_s=3.0)).abstained
    shorter = Weak(2, lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    model = engine(shorter)
    model.join()  # the other session's
    async with session(model) as one:
        await one.show(1, 2, 3)
        reply = await one.ask(at_s=3.0)
        assert "ran out of memory twice, so only the records answer" in reply.answer
        assert reply.evidence[0].record_id == "s/cam/0/motion-1"
    async with session(model, "other") as other:
        await other.show(1, 2, 3)
        assert "out of memory" not in (await other.ask(at_s=3.0)).answer
    model.leave()


async def test_a_model_that_fails_leaves_one_answer_to_the_records_and_goes_on() -> None:
    weak = Weak(1, lambda: RuntimeError("mat1 and mat2 cannot be multiplied\nand a long story"))
    async with session(engine(weak)) as one:
        await one.show(1, 2, 3)
        reply = await one.ask(at_s=3.0)
        assert not reply.abstained
        assert {row.record_id for row in reply.evidence if row.kind == "frame"} <= {record_id(frame(s)) for s in (2, 3)}


async def test_a_damaged_picture_is_passed_over() -> None:
    async with session(engine()) as one:
        await one.show(1)
        await one.show(2, payload=b"no jpeg")
        await one.show(3)
        reply = await one.ask(at_s=3.0)
        shown = {row.record_id for row in reply.evidence if row.kind == "frame"}
        assert shown <= {record_id(frame(1)), record_id(frame(3))}


async def test_two_sessions_share_one_model_and_keep_their_own_eyes() -> None:
    alone = engine()
    async with session(alone, "a") as one:
        await one.show(1, 2, 3)
        expected = await one.ask(at_s=3.0)
    shared = engine()
    async with session(shared, "a") as one, session(shared, "b") as other:
        await asyncio.gather(one.show(1, 2, 3), other.show(4, 5, 6))
        mine, theirs = await asyncio.gather(one.ask(at_s=3.0), other.ask(at_s=6.0))
    assert mine.answer == expected.answer
    assert all(row.record_id.startswith("b/") or row.kind != "frame" for row in theirs.evidence)


async def test_a_live_model_that_is_too_slow_loses_the_oldest_frames_and_says_so() -> None:
    async with session(engine(), is_replay=False) as one:
        slow = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold() -> None:
            asyncio.run_coroutine_threadsafe(slow.wait(), loop).result()

        one.backend._worker.begin(hold)
        await one.show(*range(1, 100))
        asking = asyncio.create_task(one.ask(at_s=99.0))
        await one.reach(100.0)
        slow.set()
        reply = await asking
    assert "my model is slower than the camera" in reply.answer


async def test_a_session_without_frames_is_answered_from_its_records() -> None:
    async with session(engine()) as one:
        await one.reach(5.0)
        reply = await one.ask(at_s=5.0)
        assert [row.record_id for row in reply.evidence] == ["s/cam/0/motion-1"] * len(reply.evidence)
