"""`replay --swap`: what a run said drives one fresh service, and a new run shows what that changed.

    memory       a run's percepts and recalls -> fresh memory
    reasoning    a run's percepts and questions -> fresh reasoning, on a memory made anew: it recalls other things

What comes after the time of a question or recall waits until that is answered, as in a replay. Where a part of the run
is missing, watermarks are too: nobody waits for a time of which none tells, and that time counts as not perceived.
(`--swap perception` plays a recording's sensors: `swap_perception.py`.)
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from runtime.apps.replay import ANSWER_S, NS_PER_S, START_S, Question, ReplayResult, insist_while_it_moves
from runtime.apps.tap import Tap
from runtime.apps.wiring import Wires, make_memory, make_reasoning, wire_up
from runtime.bus import LOSSLESS, Subscription, filter_of
from runtime.config import Config
from runtime.errors import InputError, MissingPart
from runtime.gate import ReplayGate
from runtime.messages import Ack, Answer, Ask, Cancel, Gap, Message, Progress, Recall, StandingRule, Watermark
from runtime.order import END_NS
from runtime.recording.damage import told_once
from runtime.recording.runreader import RunReader, origin_of
from runtime.service import Service, Worker, run_services

logger = logging.getLogger(__name__)

HOLE_NS = 2_000_000_000  # watermarks of one stream that are further apart in a damaged run: something between is lost
FIRST_HOLE = 1 << 30  # what gaps that stand for holes are numbered from: perception counts its own from 1
BATCH = 32  # messages that are read at a time
PERCEPTS = frozenset({"frame", "observation", "motion", "detection", "utterance", "sound", "gap", "watermark"})


async def swap(
    path: Path,
    config: Config,
    service: Literal["memory", "reasoning"],
    *,
    speed: float | None = None,
    memory: Path | None = None,
    on_answer: Callable[[Answer], None] = lambda _: None,
    listen: Callable[[Message], None] | None = None,
    questions: Sequence[Question] = (),
) -> ReplayResult:
    """Play a run's messages into a fresh service; return when all is stored and answered.

    `questions` are asked at the end, beside those of the run. Raises InputError, MissingPart, ModelError,
    StoreCorrupt or ConfigError.
    """
    run = await asyncio.to_thread(RunReader, path)
    with closing(run), tempfile.TemporaryDirectory(prefix="heedful-memory-") as scratch:
        session, start_ns, session_start_ns = await asyncio.to_thread(_beginning, run, path)
        folder = memory or Path(scratch)  # not the configured one: that remembers the session which is played
        result = ReplayResult(session=session, origin_ns=origin_of(run.about))
        with closing(Worker("loader")) as loader:
            wires = wire_up(_apart(config), session, is_replay=True)
            make = partial(make_memory, config, wires.bus("memory"), session, folder, is_replay=True)
            remember = await loader.call(partial(make, session_start_ns=session_start_ns))
            services: list[Service] = [remember]
            if service == "reasoning":
                make_reason = partial(make_reasoning, config, wires.bus("reasoning"), session, is_replay=True)
                begins = partial(make_reason, start_ns=start_ns, session_start_ns=session_start_ns)
                services.append(await loader.call(begins))
        gate = ReplayGate(speed, tuple(one.name for one in services), start_ns)
        player = _Player(wires, run, gate, services, on_answer, result, listen, questions)
        await run_services([*services, *wires.services], player.run())
        for one in services:
            result.latency_ms |= one.meter.latency_ms()  # type: ignore[attr-defined]
        result.faults = tuple(f"{path}: {fault}" for fault in told_once(run.faults))
        for fault in result.faults:
            logger.warning("%s", fault)
    return result


def _apart(config: Config) -> Config:
    """Return a configuration whose bus is not that on which a session of the same name may be running."""
    return config if config.broker in ("auto", "local") else config.model_copy(update={"broker": "local"})


def _beginning(run: RunReader, path: Path) -> tuple[str, int, int]:
    """Return (session, event time at which the run begins, when the session began); live times count from 1970."""
    mark = next(run.messages({"watermark"}), None)
    if not isinstance(mark, Watermark):
        why = f" ({'; '.join(told_once(run.faults))})" if run.faults else ""
        raise InputError(path, f"holds no watermark, so nothing in it has a time{why}")
    answer = next(run.messages({"answer"}), None)
    session_start_ns = answer.session_start_ns if isinstance(answer, Answer) else mark.epoch
    return mark.session, max(0, mark.t_ns), session_start_ns


async def _read_ahead(run: RunReader) -> AsyncGenerator[tuple[Message, bool]]:
    """Yield a run's messages, each with whether damage was met up to it; a thread reads a batch ahead."""
    messages = ((message, bool(run.faults)) for message in run.messages())
    with closing(Worker("run")) as worker:
        following = worker.begin(_batch, messages)
        try:
            while batch := await following:
                following = worker.begin(_batch, messages)
                for one in batch:
                    yield one
        finally:
            await asyncio.wait({following})  # then the file can be closed


def _batch(messages: Iterator[tuple[Message, bool]]) -> list[tuple[Message, bool]]:
    return list(islice(messages, BATCH))


class _Player:
    """Says what perception, and whoever asked, said in the run."""

    def __init__(
        self,
        wires: Wires,
        run: RunReader,
        gate: ReplayGate,
        services: list[Service],
        on_answer: Callable[[Answer], None],
        result: ReplayResult,
        listen: Callable[[Message], None] | None,
        questions: Sequence[Question],
    ) -> None:
        self._wires = wires
        self._run = run
        self._gate = gate
        self._services = services
        self._asks = len(services) > 1  # reasoning is there: questions are put, and its own recalls come anew
        self._questions = questions
        self._on_answer = on_answer
        self._result = result
        self._perception = wires.bus("perception")
        self._reasoning = wires.bus("reasoning")
        self._user = wires.bus("user")
        self._tap = Tap(wires.bus("user"), self._user, result.session, listen) if listen is not None else None
        self._last: dict[str, Watermark] = {}
        self._holes = 0
        self._is_damaged = False  # the run, up to where it is played
        self._open: list[tuple[int, asyncio.Task[None]]] = []  # what was asked, and about which time

    async def run(self) -> None:
        """Play to the end, and wait until it is handled."""
        await self._wires.ready(START_S)
        for bus in (self._perception, self._reasoning, self._user):
            await bus.ready(START_S)
        for service in self._services:
            await service.ready.wait()  # type: ignore[attr-defined]
        progress = await self._perception.subscribe(filter_of(self._result.session, "progress"), rule=LOSSLESS)
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(self._note(progress), name="progress")
            course = self._course(group)
            await (self._tap.beside(course) if self._tap is not None else course)
            noting.cancel()

    async def _note(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Progress)
            await self._gate.progress(message.stream, message.t_ns)

    async def _course(self, group: asyncio.TaskGroup) -> None:
        start_s = time.perf_counter()
        async with aclosing(_read_ahead(self._run)) as messages:
            async for message, is_damaged in messages:
                self._is_damaged = is_damaged
                if message.session == self._result.session:
                    await self._say(message, group)
        for mark in self._last.values():
            if not mark.ended:  # the run was cut, or its session killed
                end = replace(mark, t_ns=mark.t_ns + 1, ended=True, truncated=True, call=0)
                await self._perception.publish(end)
        await self._answered(END_NS)
        if self._last:
            await self._caught_up()
        end_ns = max((mark.t_ns for mark in self._last.values()), default=0)
        for number, question in enumerate(self._questions, 1):
            session, query_id = self._result.session, f"swap-{number}"
            await self._put(Ask(session=session, query_id=query_id, question=question.text, asked_ns=end_ns))
        self._result.playing_s = time.perf_counter() - start_s
        self._result.length_s = (end_ns - self._gate.start_ns) / NS_PER_S
        self._result.streams = tuple(sorted(self._last))

    async def _caught_up(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._gate.caught_up()
        except TimeoutError as error:
            raise MissingPart(f"not everything was handled within {ANSWER_S:.0f} s", "look at the log") from error

    def _reached_ns(self) -> int:
        """Return the time that every stream has reached, as the services know it."""
        return min((END_NS if one.ended else one.t_ns for one in self._last.values()), default=self._gate.start_ns)

    async def _say(self, message: Message, group: asyncio.TaskGroup) -> None:
        match message:
            case Watermark() if message.call:
                pass  # who was there after a broker's crash
            case Watermark():
                await self._gate.reach(message.t_ns, self._reached_ns())
                await self._tell_hole(message)
                self._last[message.stream] = message
                await self._perception.publish(message)
                await self._answered(self._reached_ns())
            case _ if message.kind in PERCEPTS:
                await self._perception.publish(message)
            case Ask() if self._asks:
                reached_ns = max((mark.t_ns for mark in self._last.values()), default=0)
                asked_ns = reached_ns if message.asked_ns is None else message.asked_ns
                self._begin(replace(message, asked_ns=asked_ns), asked_ns, group)
            case Recall() if not self._asks:
                self._begin(message, message.as_of_ns, group)
            case StandingRule() | Ack() | Cancel() if self._asks:
                await self._user.publish(message)

    async def _tell_hole(self, mark: Watermark) -> None:
        """Say that a stream was not perceived where the run is damaged and its watermarks are missing."""
        before = self._last.get(mark.stream)
        since_ns = before.t_ns if before is not None else mark.epoch
        if not self._is_damaged or mark.t_ns - since_ns <= HOLE_NS:
            return
        self._holes += 1
        gap = Gap(
            session=self._result.session,
            stream=mark.stream,
            epoch=mark.epoch,
            seq=FIRST_HOLE + self._holes,
            t_ns=mark.t_ns,
            start_ns=since_ns,
            end_ns=mark.t_ns,
            lost=0,
            reason="missing in the run",
        )
        await self._perception.publish(gap)

    def _begin(self, request: Ask | Recall, t_ns: int, group: asyncio.TaskGroup) -> None:
        self._open.append((t_ns, group.create_task(self._put(request), name=f"put {request.query_id}")))

    async def _put(self, request: Ask | Recall) -> None:
        """Put a question or recall, and wait for what comes of it."""
        if isinstance(request, Recall):
            await insist_while_it_moves(self._reasoning, request, "recalled", self._gate)
            return
        reply = await insist_while_it_moves(self._user, request, "answer", self._gate)
        assert isinstance(reply, Answer)
        self._result.answers.append(reply)
        self._on_answer(reply)

    async def _answered(self, t_ns: int) -> None:
        """Wait for the answers to what was asked about times that every stream has reached."""
        due = [one for one in self._open if one[0] <= t_ns]
        self._open = [one for one in self._open if one[0] > t_ns]
        for _, task in sorted(due, key=lambda one: one[0]):
            await task
