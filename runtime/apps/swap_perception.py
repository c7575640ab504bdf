"""`replay --swap perception`: a recording's sensors through fresh perception alone, for what it makes of them.

A stand-in tells perception that memory has stored everything, and that everybody has handled it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from perception.service import PerceptionService
from perception.sources import open_all
from runtime.apps.playlist import make_playlist, replay_session
from runtime.apps.replay import NS_PER_S, START_S, ReplayResult, tell_faults, tell_playlist
from runtime.apps.tap import Tap
from runtime.apps.wiring import recorded_streams, wire_up
from runtime.bus import LOSSLESS, Bus, Subscription, filter_of
from runtime.config import Config
from runtime.gate import ReplayGate
from runtime.messages import (
    Detection,
    Frame,
    Gap,
    Message,
    Motion,
    Progress,
    Sound,
    Stored,
    Utterance,
    Watermark,
    record_id,
)
from runtime.order import EventOrder
from runtime.service import Worker, run_services

RECORDS = ("frame", "motion", "detection", "utterance", "sound", "gap")


async def perceive_only(
    paths: Sequence[Path],
    config: Config,
    *,
    speed: float | None = None,
    listen: Callable[[Message], None] | None = None,
    start_s: float = 0.0,
) -> ReplayResult:
    """Play recordings through perception; return when all is said. Raises as `replay`."""
    start_ns = round(start_s * NS_PER_S)
    playlist = await asyncio.to_thread(make_playlist, paths, config.perception, start_ns)
    session = await asyncio.to_thread(replay_session, paths, config, start_ns)
    result = ReplayResult(session=session, undecoded=tuple(playlist.undecoded))
    result.origin_ns = playlist.origin_ns
    calibrations = tell_playlist(playlist)
    with closing(Worker("loader")) as loader:
        streams = await loader.call(recorded_streams, playlist, config, result.session, calibrations)
    wires = wire_up(config, result.session, is_replay=True)
    sources = [source for source, _ in streams]
    await open_all(sources)
    stand_in = StandIn(wires.bus("memory"), wires.bus("reasoning"), result.session)
    perceive = PerceptionService(
        wires.bus("perception"),
        result.session,
        streams,
        stale_s=config.perception.stale_s,
        gate=ReplayGate(speed, ("memory", "reasoning"), start_ns),
        after=[stand_in.ready],
        calibrations=calibrations,
    )
    client = wires.bus("user")
    hear = _without_stand_in(listen) if listen is not None else None
    tap = Tap(wires.bus("user"), client, result.session, hear) if hear is not None else None

    async def course() -> None:
        await wires.ready(START_S)
        await client.ready(START_S)
        playing = _until_done(perceive, result)
        await (tap.beside(playing) if tap is not None else playing)

    await run_services([perceive, stand_in, *wires.services], course())
    result.faults = tell_faults(sources, playlist)
    result.latency_ms |= perceive.meter.latency_ms()
    return result


async def _until_done(perceive: PerceptionService, result: ReplayResult) -> None:
    perceive.go.set()
    await perceive.started.wait()
    start_s = time.perf_counter()
    await perceive.done.wait()
    result.playing_s = time.perf_counter() - start_s
    result.length_s = max((one.published_ns for one in perceive.streams.values()), default=0) / NS_PER_S
    result.streams = tuple(perceive.streams)


def _without_stand_in(listen: Callable[[Message], None]) -> Callable[[Message], None]:
    """Return what hears perception alone: nothing was stored."""

    def hear(message: Message) -> None:
        if not isinstance(message, Stored | Progress):
            listen(message)

    return hear


class StandIn:
    """Takes the places of memory and reasoning: it keeps nothing, and has handled all at once."""

    name = "stand-in"

    def __init__(self, memory: Bus, reasoning: Bus, session: str) -> None:
        """Answer perception on the connections of both."""
        self.ready = asyncio.Event()
        self._memory = memory
        self._reasoning = reasoning
        self._session = session
        self._order = EventOrder()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Confirm what comes until `stop`."""
        await self._reasoning.ready(START_S)
        kinds = (*RECORDS, "watermark")
        inbox = await self._memory.subscribe(*(filter_of(self._session, kind) for kind in kinds), rule=LOSSLESS)
        self.ready.set()
        async with asyncio.TaskGroup() as group:
            confirming = group.create_task(self._confirm(inbox), name="confirm")
            await self._stopping.wait()
            confirming.cancel()

    def stop(self) -> None:
        """End."""
        self._stopping.set()

    async def _confirm(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            if isinstance(message, Watermark):
                self._order.advance(message)
                for bus, service in ((self._memory, "memory"), (self._reasoning, "reasoning")):
                    progress = Progress(
                        session=self._session, stream=service, t_ns=self._order.low_ns, call=message.call
                    )
                    await bus.publish(progress)
            else:
                assert isinstance(message, Frame | Motion | Detection | Utterance | Sound | Gap)
                await self._memory.publish(Stored(session=self._session, ids=(record_id(message),)))
