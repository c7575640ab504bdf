"""Reasoning: a question in, one recall, an answer with evidence out.

    ask -> wait until every stream has reached the asking time -> understand -> plan -> recall -> backend -> answer

A question sees everything at or before its asking time and nothing after it. Of those whose time is reached the one
asked about the earliest time comes first. At most 16 questions wait; one more is refused with an answer that says so.
A backend that looks at frames is shown them in between, in the order of time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from reasoning.backend import Backend, Case, parts_of
from reasoning.evidence import Composed
from reasoning.frames import FrameQueue
from reasoning.pictures import bring
from reasoning.plan import plan
from reasoning.present import add_ended
from reasoning.understand import Question, understand
from runtime.bus import LOSSLESS, Bus, Delivery, Subscription, filter_of
from runtime.errors import HeedfulError, RecallTimeout
from runtime.insist import insist
from runtime.messages import (
    QUESTION_LENGTH,
    Answer,
    AnswerPart,
    Ask,
    Cancel,
    Frame,
    Message,
    Progress,
    Recalled,
    Record,
    Sensor,
    Sentence,
    Timing,
    Watermark,
)
from runtime.metrics import Meter, report, tell
from runtime.order import END_NS, EventOrder
from runtime.waiting import WaitingRoom

logger = logging.getLogger(__name__)

ROOM = 16  # questions that may wait
PROGRESS_NS = 500_000_000
REPLAY_RECALL_S = 600.0  # a replay's deadlines count event time, and that stands still at a question
NOW_NS = 10_000_000_000  # a live question about a time within so much of now is about now
SKIPPED_NS = 120_000_000_000  # before a question: pictures that were skipped then are told of
FRAMES_ROOM = 64  # live frames that wait for a slow model: half a minute of them
OWN_ID = "_"  # how the ids begin that questions without one get; nobody else may give such an id
CANCELLED = "This question was cancelled."


@dataclass(frozen=True, slots=True)
class Pending:
    """A question with its id, its time and its way back."""

    query_id: str
    question: str
    explains: bool
    asked_ns: int
    came_s: float  # wall clock
    key: tuple[str, str, int] | None  # by which a repeated question is known
    ways_back: list[Delivery]  # more than one where the asker lost its broker and asked again
    settled_s: float  # wall clock from which the latency bill counts: all that was to be seen by then had been seen


class ReasoningService:
    """Answers questions of one session."""

    name = "reasoning"

    def __init__(
        self,
        bus: Bus,
        session: str,
        backend: Backend,
        *,
        recall_deadline_s: float,
        settle_s: float,
        is_replay: bool,
    ) -> None:
        """Answer on `bus`; a live question waits at most `settle_s` for streams to catch up, a replayed one gladly."""
        self.meter = Meter()
        self.ready = asyncio.Event()  # subscribed: whoever sends before this is not heard
        self._bus = bus
        self._session = session
        self._backend = backend
        self._patience_s = REPLAY_RECALL_S if is_replay else recall_deadline_s  # with memory
        self._is_replay = is_replay
        self._session_start_ns: int | None = 0 if is_replay else None  # memory knows; learnt with the first recall
        self._order = EventOrder()
        self._waiting: WaitingRoom[Pending] = WaitingRoom(ROOM, None if is_replay else settle_s, self._has_reached)
        self._numbers = itertools.count(1)
        self._frames = FrameQueue(None if is_replay else FRAMES_ROOM)
        self._looking = asyncio.Lock()  # held while the backend looks or answers
        self._may_look = asyncio.Event()
        self._in_hand: Pending | None = None
        self._parts = 0  # of the answer in hand
        self._first_s: float | None = None  # when its first words were told
        self._composing: asyncio.Task[tuple[Composed, Recalled | None, float]] | None = None  # the one in hand
        self._given: OrderedDict[tuple[str, str, int], Answer] = OrderedDict()  # for who asks the same again
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Answer until `stop`, then give the answer in hand."""
        kinds = ("watermark", "frame") if self._backend.wants_frames else ("watermark",)
        stream = await self._bus.subscribe(*(filter_of(self._session, kind) for kind in kinds), rule=LOSSLESS)
        asks = await self._bus.subscribe(filter_of(self._session, "ask"), rule=LOSSLESS)
        cancels = await self._bus.subscribe(filter_of(self._session, "cancel"), rule=LOSSLESS)
        self.ready.set()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._follow(stream), name="stream"),
                group.create_task(self._look_on(), name="frames"),
                group.create_task(self._take(asks), name="asks"),
                group.create_task(self._note_cancels(cancels), name="cancels"),
                group.create_task(report(self._bus, self._session, self.meter), name="metrics"),
            ]
            answering = group.create_task(self._answer_all(), name="answers")
            await self._stopping.wait()
            for task in beside:
                task.cancel()
            await asyncio.wait([answering])
            self._backend.close()

    def stop(self) -> None:
        """Take no more questions; those that wait are answered from what is there."""
        self._stopping.set()
        self._waiting.close()

    async def _take(self, asks: Subscription) -> None:
        async for delivery in asks:
            ask = delivery.message
            assert isinstance(ask, Ask)
            if await self._asked_again(ask, delivery):
                continue
            asked_ns = ask.asked_ns
            if asked_ns is None:
                asked_ns = self._order.last_ns() if self._is_replay else time.time_ns()
            pending = Pending(
                query_id=ask.query_id or f"{OWN_ID}{next(self._numbers)}",
                question=ask.question[:QUESTION_LENGTH],
                explains=ask.explains,
                asked_ns=asked_ns,
                came_s=time.perf_counter(),
                key=_key(ask),
                ways_back=[delivery],
                settled_s=time.perf_counter(),
            )
            if ask.query_id.startswith(OWN_ID):
                await self._refuse(pending, f"A query_id that begins with {OWN_ID} is not yours to give.")
            elif not self._waiting.add(asked_ns, pending):
                self.meter.counters["refused"] += 1
                await self._refuse(pending, f"I am still answering {ROOM} other questions.")

    async def _asked_again(self, ask: Ask, delivery: Delivery) -> bool:
        """Say whether this question came before; then it gets the same answer, now or when it is ready."""
        key = _key(ask)
        if key is None:
            return False
        if key in self._given:
            await self._tell(self._given[key], to=delivery)
            return True
        for pending in self._unanswered():
            if pending.key == key:
                pending.ways_back.append(delivery)
                return True
        return False

    def _unanswered(self) -> list[Pending]:
        return [*([self._in_hand] if self._in_hand is not None else []), *self._waiting.items()]

    def _has_reached(self, t_ns: int) -> bool:
        """Say whether every stream has reached a time."""
        return not self._order.streams or self._order.reached_ns() >= t_ns

    async def _answer_all(self) -> None:
        async for pending in self._waiting:
            self._in_hand = pending
            await self._answer(pending)
            self._in_hand = None
            self._may_look.set()

    async def _answer(self, pending: Pending) -> None:
        if not self._has_reached(pending.asked_ns):
            self.meter.counters["unsettled"] += 1
        pending = replace(pending, settled_s=time.perf_counter())
        self._parts, self._first_s = 0, None
        if self._order.reached_ns() == END_NS:  # after the end of a recording its end is now
            pending = replace(pending, asked_ns=min(pending.asked_ns, self._order.last_ns()))
        async with asyncio.TaskGroup() as group:
            self._composing = group.create_task(self._compose(pending), name=f"question {pending.query_id}")
        if self._composing.cancelled():
            await self._refuse(pending, CANCELLED)
        else:
            await self._reply(pending, *self._composing.result())

    async def _compose(self, pending: Pending) -> tuple[Composed, Recalled | None, float]:
        """Return the answer, what it was made from, and how many milliseconds the recall took."""
        recalled, recall_ms = None, 0.0
        if self._session_start_ns is None:  # once: "in the first minute" needs to know when that was
            _, recall_ms = await self._recall(understand("", pending.asked_ns), pending)
        question = understand(pending.question, pending.asked_ns, self._session_start_ns)
        if self._session_start_ns is not None:  # else memory is silent: one deadline of waiting is enough
            recalled, recall_ms = await self._recall(question, pending)
        marks = self._order.streams
        sensors: dict[str, Sensor] = {name: mark.sensor for name, mark in marks.items()}
        is_now = self._is_replay or time.time_ns() - pending.asked_ns < NOW_NS  # of earlier times memory's gaps tell
        blind = {name: mark.blind for name, mark in marks.items() if mark.blind and is_now}
        if recalled is not None and self._is_replay:
            ended = {name: mark.t_ns for name, mark in marks.items() if mark.ended}
            recalled = add_ended(recalled, pending.asked_ns, ended)
        truncated = any(mark.truncated for mark in marks.values())
        active = {name: mark.active_ns for name, mark in marks.items() if mark.active_ns and is_now}
        case = Case(
            question=question,
            recalled=recalled,
            asked_ns=pending.asked_ns,
            blind=blind,
            sensors=sensors,
            truncated=truncated,
            active=active,
            waited_s=pending.settled_s - pending.came_s,
            explains=pending.explains,
        )
        async with self._looking:
            return await self._ask_backend(case, pending), recalled, recall_ms

    async def _ask_backend(self, case: Case, pending: Pending) -> Composed:
        """Show the backend all frames up to the question and nothing after it, then ask."""

        async def say(text: str) -> None:
            if self._first_s is None:
                self._first_s = time.perf_counter()
            part = AnswerPart(session=self._session, query_id=pending.query_id, index=self._parts, text=text)
            self._parts += 1
            await self._tell(part)  # to whoever follows the session; a requester gets one reply, the answer

        if self._backend.wants_frames:
            while frame := self._frames.take(case.asked_ns):
                await self._backend.see(frame)
            since_ns = self._backend.sees_from_ns()
            old = await bring(self._bus, self._session, case, since_ns, pending.query_id, self._patience_s)
            skipped = self._frames.lost_between(case.asked_ns - SKIPPED_NS, case.asked_ns)
            case = replace(case, pictures=old, skipped=skipped)
        return await self._backend.answer(case, say)

    async def _recall(self, question: Question, pending: Pending) -> tuple[Recalled | None, float]:
        start_s = time.perf_counter()
        try:
            reply = await self._ask_memory(question, pending)
        except RecallTimeout as error:
            logger.warning("%s", error)
            self.meter.counters["recall timeouts"] += 1
            reply = None
        if reply is not None and reply.reason:
            logger.warning("memory did not look: %s", reply.reason)
            self.meter.counters["recalls refused"] += 1
            reply = None
        if reply is not None:
            self._session_start_ns = reply.session_start_ns
        return reply, (time.perf_counter() - start_s) * 1e3

    async def _ask_memory(self, question: Question, pending: Pending) -> Recalled:
        query = plan(question, pending.query_id, self._session, pending.asked_ns)
        try:
            reply = await insist(self._bus, query, "recalled", self._patience_s)
        except (TimeoutError, HeedfulError) as error:
            raise RecallTimeout(pending.query_id, self._patience_s) from error
        assert isinstance(reply, Recalled)
        return reply

    async def _refuse(self, pending: Pending, reason: str) -> None:
        await self._reply(pending, _refused(reason), None, 0.0)

    async def _reply(self, pending: Pending, composed: Composed, recalled: Recalled | None, recall_ms: float) -> None:
        session_start_ns = self._session_start_ns or 0
        first_ms = ((self._first_s or time.perf_counter()) - pending.settled_s) * 1e3
        for index, text in enumerate(parts_of(composed) if self._parts == 0 else ()):  # nothing was told yet
            await self._tell(AnswerPart(session=self._session, query_id=pending.query_id, index=index, text=text))
        total_ms = (time.perf_counter() - pending.settled_s) * 1e3
        whole = Answer(
            session=self._session,
            query_id=pending.query_id,
            question=pending.question,
            session_start_ns=session_start_ns,
            asked_s=round((pending.asked_ns - session_start_ns) / 1e9, 3),
            answer=" ".join(sentence.text for sentence in composed.sentences),
            sentences=composed.sentences,
            abstained=composed.abstained,
            evidence=composed.evidence,
            searched=recalled.searched if recalled is not None else (),
            timing_ms=Timing(recall=round(recall_ms, 3), first_token=round(first_ms, 3), total=round(total_ms, 3)),
            model=self._backend.name,
            blind=composed.blind,
            truncated=composed.truncated,
        )
        self.meter.counters["answers"] += 1
        self.meter.note_ms("recall", recall_ms)
        self.meter.note_ms("answer", total_ms)
        if pending.key is not None and recalled is not None:  # a refusal is not what is answered next time
            self._given[pending.key] = whole
            if len(self._given) > ROOM:
                self._given.popitem(last=False)
        await self._tell(whole)
        for delivery in pending.ways_back:
            await self._tell(whole, to=delivery)

    async def _tell(self, message: Message, to: Delivery | None = None) -> None:
        await tell(self._bus, self.meter, message, to)

    async def _look_on(self) -> None:
        """Live: show the backend frames as they come, up to the earliest question that waits."""
        while not self._is_replay:
            self._may_look.clear()
            async with self._looking:
                frame = self._frames.take(min((one.asked_ns for one in self._unanswered()), default=END_NS))
                if frame is not None:
                    await self._backend.see(frame)
            if frame is None:
                await self._may_look.wait()

    async def _show(self, frames: Iterable[Record]) -> None:
        """Take frames whose time has come; a replay waits until they were looked at."""
        for frame in frames:
            assert isinstance(frame, Frame)
            self._frames.put(frame)
        self.meter.counters["frames lost"] = self._frames.lost
        self._may_look.set()
        if self._is_replay and len(self._frames):
            async with self._looking:
                while one := self._frames.take(END_NS):
                    await self._backend.see(one)

    async def _follow(self, inbox: Subscription) -> None:
        told_ns = -1
        async for delivery in inbox:
            mark = delivery.message
            if isinstance(mark, Frame):
                await self._show(self._order.add(mark))
                continue
            assert isinstance(mark, Watermark)
            is_call = mark.call != 0 or self._order.has_passed(mark)  # perception wants to hear that we are here
            released = self._order.advance(mark)
            if released:
                await self._show(released)
            self._waiting.look()
            low_ns = self._order.reached_ns()
            if is_call or (self._is_replay and low_ns - told_ns >= PROGRESS_NS):
                told_ns = low_ns
                progress = Progress(session=self._session, stream=self.name, t_ns=max(0, low_ns), call=mark.call)
                await self._tell(progress)

    async def _note_cancels(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Cancel)
            named = [one for one in self._unanswered() if one.query_id == message.query_id]
            if len({way.response_topic for one in named for way in one.ways_back}) > 1:
                continue  # several askers chose one id, and nobody cancels another's question
            for pending in named:
                if pending is self._in_hand and self._composing is not None:
                    self._composing.cancel()
                elif self._waiting.remove(pending):
                    await self._refuse(pending, CANCELLED)


def _key(ask: Ask) -> tuple[str, str, int] | None:
    """Return what makes a question the same one; without id and time each is a new one."""
    return (ask.query_id, ask.question, ask.asked_ns) if ask.query_id and ask.asked_ns is not None else None


def _refused(reason: str) -> Composed:
    return Composed(
        sentences=(Sentence(text=reason, supported=False),), abstained=True, evidence=(), blind=(), truncated=False
    )
