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
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from reasoning.backend import RECORDS, Backend, Case, from_records, parts_of
from reasoning.deadline import Deadline
from reasoning.evidence import Composed
from reasoning.eyes import Eyes
from reasoning.lapses import Lapses
from reasoning.pending import Key, Pending, Voice, key_of
from reasoning.plan import plan
from reasoning.recalls import Recalls
from reasoning.standing import TICK_NS, StandingRequests
from reasoning.understand import Question, understand
from runtime.bus import LOSSLESS, Bus, Delivery, Subscription, filter_of
from runtime.messages import (
    QUESTION_LENGTH,
    Ack,
    Answer,
    AnswerPart,
    Ask,
    Cancel,
    Frame,
    Message,
    Progress,
    Recall,
    Recalled,
    Sentence,
    StandingRule,
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
OWN_ID = "_"  # how the ids begin that questions without one get; nobody else may give such an id
CANCELLED = "This question was cancelled."


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
        rules: Sequence[StandingRule] = (),
        start_ns: int = 0,
        session_start_ns: int = 0,
    ) -> None:
        """Answer on `bus`; a live question waits at most `settle_s` for streams to catch up, a replayed one gladly.

        A replay begins at `start_ns` of event time, and its session began at `session_start_ns`. `rules` stand from
        the beginning; others come as messages.
        """
        self.meter = Meter()
        self.ready = asyncio.Event()  # subscribed: whoever sends before this is not heard
        self._bus = bus
        self._session = session
        self._is_replay = is_replay
        memory_s = REPLAY_RECALL_S if is_replay else recall_deadline_s
        self._memory = Recalls(bus, self.meter, memory_s, session_start_ns if is_replay else None)
        self._order = EventOrder()
        self._lapses = Lapses()
        self._waiting: WaitingRoom[Pending] = WaitingRoom(ROOM, None if is_replay else settle_s, self._has_reached)
        self._numbers = itertools.count(1)
        self._eyes = Eyes(backend, bus, session, is_replay=is_replay, memory_s=memory_s)
        self._rules = rules
        self._standing = StandingRequests(
            session,
            has_model=backend.wants_frames,
            is_replay=is_replay,
            search=self._memory.search,
            judge=self._judge,
            records=lambda question, recalled, t_ns: from_records(self._case(question, recalled, t_ns)),
            tell=self._tell,
            start_ns=start_ns,
        )
        self._settled_ns = -1  # event time up to which frames and rules were looked at
        self._reached = asyncio.Event()  # event time has moved: rules may have something to look at
        self._in_hand: Pending | None = None
        self._composing: asyncio.Task[tuple[Composed, Recalled | None, float]] | None = None  # the one in hand
        self._given: OrderedDict[Key, Answer] = OrderedDict()  # for who asks the same again
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Answer until `stop`, then give the answer in hand."""
        kinds = ("watermark", "frame") if self._eyes.backend.wants_frames else ("watermark",)
        stream = await self._bus.subscribe(*(filter_of(self._session, kind) for kind in kinds), rule=LOSSLESS)
        rules = await self._bus.subscribe(*(filter_of(self._session, kind) for kind in ("rule", "ack")), rule=LOSSLESS)
        asks = await self._bus.subscribe(filter_of(self._session, "ask"), rule=LOSSLESS)
        cancels = await self._bus.subscribe(filter_of(self._session, "cancel"), rule=LOSSLESS)
        self.ready.set()
        for rule in self._rules:
            await self._standing.set(rule, self._now_ns())
        try:
            await self._serve(stream, rules, asks, cancels)
        finally:
            self._eyes.backend.close()

    async def _serve(
        self, stream: Subscription, rules: Subscription, asks: Subscription, cancels: Subscription
    ) -> None:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._follow(stream), name="stream"),
                group.create_task(self._eyes.look_on(self._earliest_ns), name="frames"),
                group.create_task(self._note_rules(rules), name="rules"),
                group.create_task(self._watch_rules(), name="standing requests"),
                group.create_task(self._take(asks), name="asks"),
                group.create_task(self._note_cancels(cancels), name="cancels"),
                group.create_task(report(self._bus, self._session, self.meter), name="metrics"),
            ]
            answering = group.create_task(self._answer_all(), name="answers")
            await self._stopping.wait()
            for task in beside:
                task.cancel()
            await asyncio.wait([answering])

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
                asked_ns = self._now_ns()
            pending = Pending(
                query_id=ask.query_id or f"{OWN_ID}{next(self._numbers)}",
                question=ask.question[:QUESTION_LENGTH],
                explains=ask.explains,
                asked_ns=asked_ns,
                came_s=asyncio.get_running_loop().time(),
                key=key_of(ask),
                ways_back=[delivery],
                settled_s=time.perf_counter(),
                voice=Voice(),
            )
            if ask.query_id.startswith(OWN_ID):
                await self._refuse(pending, f"A query_id that begins with {OWN_ID} is not yours to give.")
            elif not self._waiting.add(asked_ns, pending):
                self.meter.counters["refused"] += 1
                await self._refuse(pending, f"I am still answering {ROOM} other questions.")

    async def _asked_again(self, ask: Ask, delivery: Delivery) -> bool:
        """Say whether this question came before; then it gets the same answer, now or when it is ready."""
        key = key_of(ask)
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
        """Say whether every stream has reached a time; in a replay, also whether all until then was looked at."""
        reached_ns = self._settled_ns if self._is_replay else self._order.reached_ns()
        return not self._order.streams or reached_ns >= t_ns

    async def _answer_all(self) -> None:
        async for pending in self._waiting:
            self._in_hand = pending
            await self._answer(pending)
            self._in_hand = None
            self._eyes.may_look()

    async def _answer(self, pending: Pending) -> None:
        if not self._has_reached(pending.asked_ns):
            self.meter.counters["unsettled"] += 1
        pending = replace(pending, settled_s=time.perf_counter())
        if self._is_replay and self._order.reached_ns() == END_NS:  # after the end of a recording its end is now
            pending = replace(pending, asked_ns=min(pending.asked_ns, self._order.last_ns()))
        async with asyncio.TaskGroup() as group:
            self._composing = group.create_task(self._compose(pending), name=f"question {pending.query_id}")
        if self._composing.cancelled():
            await self._refuse(pending, CANCELLED)
        else:
            await self._reply(pending, *self._composing.result())

    async def _compose(self, pending: Pending) -> tuple[Composed, Recalled | None, float]:
        """Return the answer, what it was made from, and how many milliseconds the recall took."""
        memory, recalled, recall_ms = self._memory, None, 0.0
        if memory.session_start_ns is None:  # once: "in the first minute" needs to know when that was
            _, recall_ms = await memory.timed(self._plan(understand("", pending.asked_ns), pending))
        question = understand(pending.question, pending.asked_ns, memory.session_start_ns)
        if memory.session_start_ns is not None:  # else memory is silent: one deadline of waiting is enough
            recalled, recall_ms = await memory.timed(self._plan(question, pending))
        case = replace(
            self._case(question, recalled, pending.asked_ns),
            deadline=Deadline.after(self._eyes.backend.deadline_s, pending.came_s),
            explains=pending.explains,
        )
        return await self._eyes.ask(case, pending.query_id, partial(self._say, pending)), recalled, recall_ms

    def _case(self, question: Question, recalled: Recalled | None, asked_ns: int) -> Case:
        """Return a question with what is known of the streams."""
        marks = self._order.streams
        is_now = self._is_replay or time.time_ns() - asked_ns < NOW_NS
        lapses = self._lapses.at(asked_ns)
        recalled = self._lapses.add_to(recalled, asked_ns) if recalled is not None else None
        return Case(
            question=question,
            recalled=recalled,
            asked_ns=asked_ns,
            session_start_ns=self._memory.session_start_ns or 0,
            blind={name: lapse.reason for name, lapse in lapses.items()},
            blind_ns={name: lapse.start_ns for name, lapse in lapses.items()},
            sensors={name: mark.sensor for name, mark in marks.items()},
            truncated=any(mark.truncated for mark in marks.values()),
            active={name: mark.active_ns for name, mark in marks.items() if mark.active_ns and is_now},
        )

    def _plan(self, question: Question, pending: Pending) -> Recall:
        return plan(question, pending.query_id, self._session, pending.asked_ns)

    async def _say(self, pending: Pending, text: str) -> None:
        """Tell the next part to whoever follows the session; a requester gets one reply, the answer."""
        voice = pending.voice
        if voice.first_s is None:
            voice.first_s = time.perf_counter()
        part = AnswerPart(session=self._session, query_id=pending.query_id, index=voice.parts, text=text)
        voice.parts += 1
        await self._tell(part)

    async def _refuse(self, pending: Pending, reason: str) -> None:
        await self._reply(pending, _refused(reason), None, 0.0)

    async def _reply(self, pending: Pending, composed: Composed, recalled: Recalled | None, recall_ms: float) -> None:
        session_start_ns = self._memory.session_start_ns or 0
        for text in parts_of(composed) if pending.voice.parts == 0 else ():  # nothing was told yet
            await self._say(pending, text)
        first_ms = ((pending.voice.first_s or time.perf_counter()) - pending.settled_s) * 1e3
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
            model=RECORDS if composed.is_from_records else self._eyes.backend.name,
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

    async def _judge(self, question: Question, recalled: Recalled, t_ns: int) -> Composed | None:
        """Ask the backend on behalf of a rule; None where somebody's question came in between."""
        deadline = Deadline.after(self._eyes.backend.deadline_s, asyncio.get_running_loop().time())
        case = replace(self._case(question, recalled, t_ns), deadline=deadline)
        judged = await self._eyes.judge(case, f"rules-{t_ns}")
        if judged is None:
            self.meter.counters["rule checks put off"] += 1
        elif judged.is_from_records:
            self.meter.counters["rule checks failed"] += 1
        return judged

    async def _note_rules(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            if isinstance(message, Ack):
                self._standing.acknowledge(message, self._now_ns())
            else:
                assert isinstance(message, StandingRule)
                await self._standing.set(message, self._now_ns())

    async def _watch_rules(self) -> None:
        """Live: look at what is new beside the stream, which does not wait for it."""
        while not self._is_replay:
            await self._reached.wait()
            self._reached.clear()
            await self._standing.reach(self._standing_ns())

    def _standing_ns(self) -> int:
        """Return up to when rules may look: at the end of everything, the second that was begun is whole."""
        low_ns = self._order.reached_ns()
        return low_ns if low_ns < END_NS else self._order.last_ns() + TICK_NS - 1

    def _now_ns(self) -> int:
        return self._order.last_ns() if self._is_replay else time.time_ns()

    def _earliest_ns(self) -> int:
        return min((one.asked_ns for one in self._unanswered()), default=END_NS)

    async def _follow(self, inbox: Subscription) -> None:
        told_ns = -1
        async for delivery in inbox:
            mark = delivery.message
            if isinstance(mark, Frame):
                self._eyes.take(self._order.add(mark))
                continue
            assert isinstance(mark, Watermark)
            is_call = mark.call != 0 or self._order.has_passed(mark)  # perception wants to hear that we are here
            released = self._order.advance(mark)
            if self._order.streams.get(mark.stream) is mark:  # not one that was sent again
                self._lapses.note(mark)
            self._eyes.take(released)
            self.meter.counters["frames lost"] = self._eyes.lost
            low_ns = self._order.reached_ns()
            if self._is_replay:
                await self._standing.reach(self._standing_ns())  # each second sees its own frames and none after it
                await self._eyes.catch_up()
            self._settled_ns = low_ns
            self._reached.set()
            self._waiting.look()
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


def _refused(reason: str) -> Composed:
    return Composed(
        sentences=(Sentence(text=reason, supported=False),), abstained=True, evidence=(), blind=(), truncated=False
    )
