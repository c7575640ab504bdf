"""Perception: each stream's samples in, records out, with watermarks that say how far event time has come.

    source -> batch -> pipeline.step (its own thread) -> records -> outbox or bus -> watermark

A replay runs through a gate (speed, lead, questions) and everything is lossless. Live streams follow the drop rules of
the message table, and a source that falls silent or breaks is blind, never a stall.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from perception.sources import Sample, Samples, Source
from runtime.bus import LOSSLESS, Bus, Subscription, filter_of
from runtime.errors import HeedfulError, MissingPart
from runtime.gate import ReplayGate
from runtime.messages import KINDS, Gap, Metrics, Progress, Record, Stored, Watermark
from runtime.metrics import Meter
from runtime.outbox import Outbox
from runtime.service import Worker

logger = logging.getLogger(__name__)

GRID_NS = 250_000_000  # event time between two watermarks
HEARTBEAT_S = 0.2  # live: a silent stream still tells the time this often
LATENESS_NS = 300_000_000  # live: a sample may arrive so long after it was taken
REOPEN_S = (1.0, 30.0)  # live: first and longest pause before a broken source is opened again
METRICS_S = 5.0


class Pipeline(Protocol):
    """What turns one stream's samples into records (`VideoStream`, `AudioStream`)."""

    blind: str

    def step(self, samples: Sequence[Any]) -> list[Record]:
        """Perceive the next samples, in order."""

    def finish(self) -> list[Record]:
        """Close what is open at the end."""


@dataclass(kw_only=True)
class StreamState:
    """One stream on its way through perception."""

    source: Source
    pipeline: Pipeline
    epoch: int
    worker: Worker
    reached_ns: int = -1
    published_ns: int = -1
    has_ended: bool = False
    gaps: int = 0
    last_sample_s: float = field(default_factory=time.monotonic)


class PerceptionService:
    """Runs all streams of a session."""

    name = "perception"

    def __init__(
        self,
        bus: Bus,
        session: str,
        streams: Sequence[tuple[Source, Pipeline]],
        *,
        stale_s: float,
        epoch: int = 0,
        gate: ReplayGate | None = None,
        after: Sequence[asyncio.Event] = (),
    ) -> None:
        """Perceive `streams` once the services behind `after` listen; with a `gate` this is a replay."""
        self.meter = Meter()
        self.go = asyncio.Event()  # set by whoever wants to have everything in place first
        self.started = asyncio.Event()  # the first sample is next
        self.done = asyncio.Event()  # every stream has ended and everything is stored
        self._bus = bus
        self._session = session
        self._stale_s = stale_s
        self._gate = gate
        self._after = after
        self._outbox = Outbox(bus)
        self._stopping = asyncio.Event()
        self.streams = {
            source.stream: StreamState(source=source, pipeline=pipeline, epoch=epoch, worker=Worker(source.stream))
            for source, pipeline in streams
        }

    async def run(self) -> None:
        """Perceive until every stream has ended or `stop`; then wait for memory to have stored it all."""
        stored = await self._bus.subscribe(filter_of(self._session, "stored", "memory"), rule=LOSSLESS)
        progress = await self._bus.subscribe(filter_of(self._session, "progress"), rule=LOSSLESS)
        for ready in (*self._after, self.go):
            await ready.wait()
        for state in self.streams.values():
            await self._watermark(state, state.epoch - 1)  # everybody knows all streams before the first record
        self.started.set()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._confirm(stored), name="stored"),
                group.create_task(self._note_progress(progress), name="progress"),
                group.create_task(self._outbox.keep_sending(), name="outbox"),
                group.create_task(self._report(), name="metrics"),
            ]
            follow = [
                group.create_task(self._follow(state), name=f"stream {name}") for name, state in self.streams.items()
            ]
            stopping = group.create_task(self._stopping.wait(), name="stop")
            if follow:
                await asyncio.wait(
                    [stopping, group.create_task(_all(follow), name="streams")], return_when="FIRST_COMPLETED"
                )
            for task in follow:
                task.cancel()
            await asyncio.wait(follow) if follow else None
            await self._outbox.drained()
            self.done.set()
            await stopping
            for task in beside:
                task.cancel()
        for state in self.streams.values():
            state.worker.close()

    def stop(self) -> None:
        """Stop reading; what is perceived is still published and stored."""
        self._stopping.set()

    async def _follow(self, state: StreamState) -> None:
        try:
            if state.source.is_live:
                await self._follow_live(state)
            else:
                async for samples in state.source.batches():
                    await self._perceive(state, samples)
        finally:
            await self._end(state)

    async def _perceive(self, state: StreamState, samples: Samples) -> None:
        """Take a batch through the gate and the pipeline, cell by cell of the watermark grid."""
        async for part in self._allowed(state, samples):
            with self.meter.timed(f"perceive {state.source.sensor}"):
                records = await state.worker.call(state.pipeline.step, part)
            self.meter.counters[f"{state.source.sensor} samples"] += len(part)
            await self._publish(records)
            state.reached_ns = part[-1].end_ns
            if state.reached_ns // GRID_NS > state.published_ns // GRID_NS:
                await self._watermark(state, state.reached_ns)

    async def _allowed(self, state: StreamState, samples: Samples) -> AsyncIterator[Samples]:
        for part in _cells(samples):
            rest = part
            while self._gate is not None and rest and rest[-1].end_ns > self._gate.barrier_ns:
                barrier_ns = self._gate.barrier_ns
                before = [one for one in rest if one.end_ns <= barrier_ns]
                if before:
                    await self._gate.reach(before[-1].end_ns)
                    yield before
                    rest = rest[len(before) :]
                await self._watermark(state, barrier_ns)
                await self._gate.passed(barrier_ns)
            if rest:
                if self._gate is not None:
                    await self._gate.reach(rest[-1].end_ns)
                yield rest

    async def _follow_live(self, state: StreamState) -> None:
        pause_s = REOPEN_S[0]
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(self._beat(state), name=f"{state.source.stream} heartbeat")
            while not self._stopping.is_set():
                try:
                    async for samples in state.source.batches():
                        pause_s = REOPEN_S[0]
                        state.last_sample_s = time.monotonic()
                        await self._perceive(state, samples)
                    raise MissingPart(f"{state.source.stream} gives no more samples", "look at its device")
                except HeedfulError as error:
                    if pause_s == REOPEN_S[0]:  # one gap per outage
                        await self._gap(state, str(error))
                    logger.warning("%s: %s; next attempt in %.0f s", state.source.stream, error, pause_s)
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, REOPEN_S[1])
                    await self._reopen(state)
            heart.cancel()

    async def _reopen(self, state: StreamState) -> None:
        try:
            await state.source.close()
            await state.source.open()
        except HeedfulError as error:
            logger.info("%s is still away: %s", state.source.stream, error)

    async def _beat(self, state: StreamState) -> None:
        """Tell the time of a live stream that gives no samples, so that it stalls nobody."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            idle_s = time.monotonic() - state.last_sample_s
            if idle_s > HEARTBEAT_S:
                await self._watermark(state, max(state.published_ns, time.time_ns() - LATENESS_NS))

    async def _watermark(self, state: StreamState, t_ns: int) -> None:
        idle_s = time.monotonic() - state.last_sample_s
        is_stale = state.source.is_live and idle_s > self._stale_s and not state.has_ended
        blind = f"no sample for {self._stale_s:g} s" if is_stale else state.pipeline.blind
        state.published_ns = max(t_ns, state.published_ns)
        await self._outbox.send_watermark(
            Watermark(
                session=self._session,
                stream=state.source.stream,
                epoch=state.epoch,
                t_ns=state.published_ns,
                sensor=state.source.sensor,
                blind="ended" if state.has_ended and state.source.is_live else blind,
                ended=state.has_ended,
                truncated=state.source.truncated if state.has_ended else False,
            )
        )

    async def _end(self, state: StreamState) -> None:
        await self._publish(await state.worker.call(state.pipeline.finish))
        state.has_ended = True
        await self._watermark(state, max(state.reached_ns, state.published_ns))
        await state.source.close()
        logger.info("%s has ended", state.source.stream)

    async def _gap(self, state: StreamState, reason: str) -> None:
        state.gaps += 1
        now_ns = max(time.time_ns(), state.published_ns + 1)
        start_ns = max(state.reached_ns, 0)
        gap = Gap(
            session=self._session,
            stream=state.source.stream,
            epoch=state.epoch,
            seq=state.gaps,
            t_ns=now_ns,
            start_ns=start_ns,
            end_ns=now_ns,
            lost=0,
            reason=reason,
        )
        await self._outbox.send(gap)

    async def _publish(self, records: Sequence[Record]) -> None:
        for record in records:
            self.meter.counters[record.kind] += 1
            if self._gate is not None or KINDS[record.kind].qos == 1:
                await self._outbox.send(record)
            else:
                await self._bus.publish(record)

    async def _confirm(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Stored)
            await self._outbox.confirm(message.ids)

    async def _note_progress(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Progress)
            if self._gate is not None:
                await self._gate.progress(message.stream, message.t_ns)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(METRICS_S)
            counters = {**self.meter.counters, "outbox": len(self._outbox), "resent": self._outbox.resent}
            metrics = Metrics(
                session=self._session, stream=self.name, counters=counters, latency_ms=self.meter.latency_ms()
            )
            await self._bus.publish(metrics)


def _cells(samples: Samples) -> list[list[Sample]]:
    """Split a batch where it crosses the watermark grid, so that parts are a function of the samples alone."""
    return [list(cell) for _, cell in itertools.groupby(samples, key=lambda one: one.end_ns // GRID_NS)]


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
