"""Recordings through the live path: the same services, a gate for time, questions as barriers."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from perception.calibrations import Calibrations
from perception.service import PerceptionService
from perception.sources import Source, open_all
from runtime.apps.playlist import Playlist, make_playlist, replay_session
from runtime.apps.tap import Tap
from runtime.apps.wiring import (
    Wires,
    make_memory,
    make_perception,
    make_reasoning,
    recorded_streams,
    wire_up,
)
from runtime.bus import Bus
from runtime.config import Config
from runtime.errors import MissingPart
from runtime.gate import ReplayGate
from runtime.insist import insist
from runtime.messages import Answer, Ask, Message
from runtime.order import END_NS
from runtime.recording.container import Channel
from runtime.recording.damage import told_once
from runtime.service import Worker, run_services

logger = logging.getLogger(__name__)

START_S = 15.0  # for the broker and the first connections
ANSWER_S = 600.0  # in which nothing has moved and no answer has come
LONGEST_S = 1e9  # of a request that waits for its moment, which may be hours away
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question and the event time at which it is asked; None asks at the end."""

    text: str
    at_s: float | None = None
    query_id: str = ""


@dataclass(kw_only=True)
class ReplayResult:
    """What a replay gave: answers, hashes, and how long the recording took to perceive and store."""

    session: str
    undecoded: tuple[tuple[Path, Channel], ...] = ()  # channels that nothing here can read
    faults: tuple[str, ...] = ()  # of the recordings, a line each
    answers: list[Answer] = field(default_factory=list)
    streams: tuple[str, ...] = ()
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)  # stage -> (p50, p95)
    spread_ms: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # service stage -> (p50, p95, p99)
    counters: dict[str, int] = field(default_factory=dict)  # service counter -> how many
    lost: dict[str, int] = field(default_factory=dict)  # messages, by who should have had them
    length_s: float = 0.0  # event time
    origin_ns: int | None = None  # Unix time of event time 0, where all streams share one that is known
    playing_s: float = 0.0  # wall time from the first sample to the last record on disk, with timed questions


async def replay(
    paths: Sequence[Path],
    config: Config,
    questions: Sequence[Question],
    *,
    speed: float | None = None,
    memory: Path | None = None,
    on_answer: Callable[[Answer], None] = lambda _: None,
    listen: Callable[[Message], None] | None = None,
    explains: bool = False,
    start_s: float = 0.0,
) -> ReplayResult:
    """Play recordings through perception, memory and reasoning; return when all is stored and answered.

    It begins at `start_s` of event time. `listen` hears every message of the session, and all of them before this
    returns. Raises InputError, MissingPart, ModelError, StoreCorrupt or ConfigError.
    """
    start_ns = round(start_s * NS_PER_S)
    playlist = await asyncio.to_thread(make_playlist, paths, config.perception, start_ns)
    session = await asyncio.to_thread(replay_session, paths, config, start_ns)
    result = ReplayResult(session=session, undecoded=tuple(playlist.undecoded))
    result.origin_ns = playlist.origin_ns
    calibrations = tell_playlist(playlist)
    with tempfile.TemporaryDirectory(prefix="heedful-memory-") as scratch:
        folder = memory or config.memory.folder or Path(scratch)
        gate = ReplayGate(speed, ("memory", "reasoning"), start_ns)
        with closing(Worker("loader")) as loader:  # models load beside the event loop, so that Ctrl-C is heard
            streams = await loader.call(recorded_streams, playlist, config, result.session, calibrations)
            wires = wire_up(config, result.session, is_replay=True)
            make = partial(make_memory, config, wires.bus("memory"), result.session, folder, is_replay=True)
            remember = await loader.call(make)
            bus = wires.bus("reasoning")
            make_reason = partial(make_reasoning, config, bus, result.session, is_replay=True, start_ns=start_ns)
            reason = await loader.call(make_reason)
        sources = [source for source, _ in streams]
        await open_all(sources)
        bus, followers = wires.bus("perception"), (remember, reason)
        perceive = make_perception(
            config, bus, result.session, streams, followers, gate=gate, calibrations=calibrations
        )
        play = _Play(wires, perceive, gate, questions, on_answer, result, listen=listen, explains=explains)
        await run_services([perceive, remember, reason, *wires.services], play.run())
        result.faults = tell_faults(sources, playlist)
        for service in (perceive, remember, reason):
            result.latency_ms |= service.meter.latency_ms()
            result.spread_ms |= {f"{service.name} {stage}": ms for stage, ms in service.meter.spread_ms().items()}
            result.counters |= {f"{service.name} {what}": count for what, count in service.meter.counters.items()}
        result.lost = {f"{bus.name} {what}": n for bus in wires.buses for what, n in bus.lost().items()}
    return result


def tell_playlist(playlist: Playlist) -> Calibrations:
    """Say what of the recordings is not played, and why; return their calibrations."""
    for note in playlist.notes:
        logger.warning("%s", note)
    calibrations = Calibrations(playlist.calibrations, playlist.changes)
    if missing := calibrations.missing({one.name: one.sensor for one in playlist.streams if not one.is_missing}):
        logger.warning("%s", missing)
    return calibrations


def tell_faults(sources: Sequence[Source], playlist: Playlist) -> tuple[str, ...]:
    """Return what could not be read, and say what came to light only while it was played."""
    faults = told_once(fault for source in sources for fault in getattr(source, "faults", ()))
    for fault in faults:
        if fault not in playlist.notes:
            logger.warning("%s", fault)
    return tuple(faults)


async def insist_while_it_moves(bus: Bus, message: Message, reply_kind: str, gate: ReplayGate) -> Message:
    """Make a request that waits for its moment, and then for its reply; it may take long while event time passes.

    Raises MissingPart where nothing moves for ANSWER_S.
    """

    async def put_off(end: asyncio.Timeout) -> None:
        while True:
            await gate.moves()
            end.reschedule(asyncio.get_running_loop().time() + ANSWER_S)

    try:
        async with asyncio.timeout(ANSWER_S) as end, asyncio.TaskGroup() as group:
            watching = group.create_task(put_off(end), name="put off")
            reply = await insist(bus, message, reply_kind, LONGEST_S)
            watching.cancel()
    except TimeoutError as error:
        what = f"no {reply_kind} has come, and nothing has moved, for {ANSWER_S:.0f} s"
        raise MissingPart(what, "look at the log") from error
    return reply


class _Play:
    """One replay's course: the tap listens, questions come at their time, then the end."""

    def __init__(
        self,
        wires: Wires,
        perceive: PerceptionService,
        gate: ReplayGate,
        questions: Sequence[Question],
        on_answer: Callable[[Answer], None],
        result: ReplayResult,
        *,
        listen: Callable[[Message], None] | None,
        explains: bool,
    ) -> None:
        self._wires = wires
        self._perceive = perceive
        self._gate = gate
        self._timed = sorted((one for one in questions if one.at_s is not None), key=lambda one: one.at_s or 0.0)
        self._last = [one for one in questions if one.at_s is None]
        self._on_answer = on_answer
        self._result = result
        self._client = wires.bus("user")
        self._tap = Tap(wires.bus("user"), self._client, result.session, listen) if listen is not None else None
        self._explains = explains
        self._asked = 0
        if self._timed:
            gate.barrier_ns = _ns(self._timed[0])

    async def run(self) -> None:
        """Ask everything, then wait until all is stored."""
        await self._wires.ready(START_S)
        await self._client.ready(START_S)
        if self._tap is None:
            await self._course()
        else:
            await self._tap.beside(self._course())

    async def _course(self) -> None:
        self._perceive.go.set()
        await self._perceive.started.wait()
        start_s = time.perf_counter()
        for number, question in enumerate(self._timed):
            await self._ask(question, _ns(question))
            following_ns = _ns(self._timed[number + 1]) if number + 1 < len(self._timed) else END_NS
            await self._gate.move_barrier(following_ns)
        await self._perceive.done.wait()
        self._result.playing_s = time.perf_counter() - start_s
        end_ns = max((state.published_ns for state in self._perceive.streams.values()), default=0)
        self._result.length_s = end_ns / NS_PER_S
        self._result.streams = tuple(self._perceive.streams)
        for question in self._timed:
            if _ns(question) > end_ns:
                logger.warning("%g s is after the end: asked at %.1f s", question.at_s, self._result.length_s)
        if self._last:
            await self._gate.caught_up()  # else a last question and a rule's last look come in either order
        for question in self._last:
            await self._ask(question, end_ns)

    async def _ask(self, question: Question, asked_ns: int) -> None:
        self._asked += 1
        query_id = question.query_id or f"q{self._asked}"
        ask = Ask(
            session=self._result.session,
            query_id=query_id,
            question=question.text,
            asked_ns=asked_ns,
            explains=self._explains,
        )
        reply = await insist_while_it_moves(self._client, ask, "answer", self._gate)
        assert isinstance(reply, Answer)
        self._result.answers.append(reply)
        self._on_answer(reply)


def _ns(question: Question) -> int:
    assert question.at_s is not None
    return round(question.at_s * NS_PER_S)
