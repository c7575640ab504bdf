"""One stream on its way through perception: samples in order, records out, and watermarks that say how far it has come.

A replayed stream goes through the gate (speed, lead, questions). A live one that falls silent or breaks is blind and
still tells the time, so that it stalls nobody; a broken device is opened again with back-off.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from perception.sources import Sample, Samples, Source
from perception.unperceived import NO_SAMPLE
from runtime.bus import Bus
from runtime.errors import HeedfulError, MissingPart, WireError
from runtime.gate import ReplayGate
from runtime.messages import KINDS, Gap, Record, Watermark
from runtime.metrics import Meter
from runtime.outbox import Outbox
from runtime.service import Worker

logger = logging.getLogger(__name__)

GRID_NS = 250_000_000  # event time between two watermarks
REPLAY_GRID_NS = 500_000_000  # nobody waits for them there
HEARTBEAT_S = 0.2  # live: a silent stream still tells the time this often
LATENESS_NS = 300_000_000  # live: a sample may arrive so long after it was taken
END_S = 2.0  # for the last records of a stream that is stopped
END_OF_REPLAY_S = 0.3  # the recording is still there
CLOSE_S = 0.5  # for a source that is left in the middle to close its file or device
SOUND_HOLE_NS = 1_000_000_000  # a recording: so long without samples is a hole in it
BLIND_PIECE_NS = 10_000_000_000  # a long blindness is told of in pieces while it lasts
FIRST_S = 0.5  # live: a sensor that has given nothing yet may take so long before it counts as blind
REOPEN_S = (1.0, 30.0)  # live: first and longest pause before a broken source is opened again


class Pipeline(Protocol):
    """What turns one stream's samples into records (`VideoStream`, `AudioStream`)."""

    @property
    def blind(self) -> str:
        """Why it sees nothing, or nothing."""

    @property
    def blind_since_ns(self) -> int | None:
        """Since when, also before `blind` says so."""

    @property
    def active_ns(self) -> int | None:
        """Since when something goes on that no record tells of yet."""

    def step(self, samples: Sequence[Any]) -> list[Record]:
        """Perceive the next samples, in order."""

    def finish(self) -> list[Record]:
        """Close what is open at the end."""


class Follower:
    """Takes one source through its pipeline onto the bus."""

    def __init__(
        self,
        bus: Bus,
        outbox: Outbox,
        session: str,
        source: Source,
        pipeline: Pipeline,
        *,
        epoch: int,
        stale_s: float,
        gate: ReplayGate | None,
        meter: Meter,
        start_ns: int | None = None,
    ) -> None:
        """Follow `source` from `start_ns` (None: its epoch) on; `gate` is there in a replay only."""
        self.source = source
        self.reached_ns = -1  # end of what was perceived
        self._start_ns = epoch if start_ns is None else start_ns
        self.published_ns = self._start_ns - 1  # what the last watermark said
        self._bus = bus
        self._outbox = outbox
        self._session = session
        self._pipeline = pipeline
        self._epoch = epoch
        self._stale_s = stale_s
        self._stale_ns = round(stale_s * 1e9)
        self._gate = gate
        self._grid_ns = GRID_NS if gate is None else REPLAY_GRID_NS
        self._meter = meter
        self._worker = Worker(source.stream)
        self._step: asyncio.Future[list[Record]] | None = None  # what the pipeline works on
        self._untold: list[Record] = []  # what it found and nobody knows yet
        self._telling = asyncio.Lock()  # the heartbeat and the stream tell in turn
        self._handing_on = asyncio.Lock()
        self._is_finished = False  # live: what was open is closed, because no samples come
        self._has_ended = False
        self._gaps = 0
        self._outage = ""  # what a broken device said
        self._blind = ""
        self._blind_since_ns = self._start_ns
        self._resumed_ns: int | None = None  # when the first sample after a hole was taken
        self._has_begun = False  # a sample has come
        self._last_sample_s = math.inf  # by the loop's clock; before the first attempt nothing is expected

    @property
    def counters(self) -> dict[str, int]:
        """Return what its pipeline counts, each with the stream's name."""
        counted: dict[str, int] = getattr(self._pipeline, "counters", {})  # most have none
        return {f"{self.source.stream} {name}": count for name, count in counted.items()}

    def first_watermark(self) -> Watermark:
        """Return what `announce` said: it is known, and vouches for nothing."""
        return Watermark(
            session=self._session,
            stream=self.source.stream,
            epoch=self._epoch,
            t_ns=self._start_ns - 1,
            sensor=self.source.sensor,
        )

    async def announce(self) -> None:
        """Let everybody know the stream before its first record."""
        await self._watermark(self.published_ns)

    async def run(self) -> None:
        """Follow until the source ends or this is cancelled; what was perceived is published in any case."""
        limit_s: float | None = END_S if self.source.is_live else END_OF_REPLAY_S
        try:
            if self.source.is_live:
                await self._run_live()
            else:
                await self._note_start()
                async for samples in self.source.batches():
                    await self._perceive(samples)
            limit_s = None
        finally:
            await self._end(limit_s)

    async def _note_start(self) -> None:
        """Say of a replay that begins later what was not played: nothing is known of that time."""
        if self._start_ns > self._epoch:
            await self._gap("not played", self._epoch, self._start_ns, t_ns=self._start_ns)

    async def _perceive(self, samples: Samples) -> None:
        async for part in self._allowed(samples):
            if part[0].t_ns - self._perceived_ns > self._hole_ns:
                self._resumed_ns = part[0].t_ns
            with self._meter.timed(f"perceive {self.source.sensor}"):
                self._step = self._worker.begin(self._pipeline.step, part)
                self._untold += await asyncio.shield(self._step)
            self._step = None
            self._meter.counters[f"{self.source.sensor} samples"] += len(part)
            await self._tell()
            self.reached_ns = part[-1].end_ns
            if self.reached_ns // self._grid_ns > self.published_ns // self._grid_ns:
                await self._watermark(self.reached_ns)

    async def _allowed(self, samples: Samples) -> AsyncIterator[Samples]:
        """Yield a batch in parts, each within one cell of the watermark grid and on one side of a question."""
        for cell in _cells(samples, self._grid_ns):
            rest = cell
            while self._gate is not None and rest and rest[-1].end_ns > self._gate.barrier_ns:
                barrier_ns = self._gate.barrier_ns
                before = [one for one in rest if one.end_ns <= barrier_ns]
                if before:
                    await self._let_pass(self._gate, before[-1].end_ns)
                    yield before
                    rest = rest[len(before) :]
                await self._watermark(barrier_ns)
                await self._gate.passed(barrier_ns)
            if rest:
                if self._gate is not None:
                    await self._let_pass(self._gate, rest[-1].end_ns)
                yield rest

    async def _let_pass(self, gate: ReplayGate, t_ns: int) -> None:
        """Wait until `t_ns` may be handed on; time without samples is told of too, or the others could not follow."""
        while t_ns - self.published_ns > 2 * self._grid_ns:
            await gate.reach(self.published_ns + self._grid_ns)
            await self._watermark(self.published_ns + self._grid_ns)
        await gate.reach(t_ns)

    async def _run_live(self) -> None:
        pause_s = REOPEN_S[0]
        self._last_sample_s = _now_s()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat(), name=f"{self.source.stream} heartbeat")
            while True:
                try:
                    async for samples in self.source.batches():
                        pause_s, self._outage = REOPEN_S[0], ""
                        self._has_begun, self._last_sample_s, self._is_finished = True, _now_s(), False
                        await self._perceive(samples)
                    raise MissingPart(f"{self.source.stream} gives no more samples", "look at its device")
                except HeedfulError as error:
                    self._outage = str(error)
                    logger.warning("%s: %s; next attempt in %.0f s", self.source.stream, error, pause_s)
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, REOPEN_S[1])
                    await self._reopen()

    async def _reopen(self) -> None:
        try:
            await self.source.close()
            await self.source.open()
        except HeedfulError as error:
            logger.info("%s is still away: %s", self.source.stream, error)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            is_idle = self._step is None and not self._untold  # else the time is not all perceived
            idle_s = _now_s() - self._last_sample_s
            if is_idle and idle_s > self._stale_s and not self._is_finished:  # who spoke is not heard any more
                self._is_finished = True
                await self._finish()
            if is_idle and idle_s > HEARTBEAT_S:
                await self._watermark(time.time_ns() - LATENESS_NS)

    async def _finish(self) -> None:
        """Close what is open in the pipeline; what that brings to light is known after all that was told before."""
        records = await self._worker.call(self._pipeline.finish)
        self._untold += [replace(one, t_ns=max(one.t_ns, self.published_ns + 1)) for one in records]
        await self._tell()

    async def _watermark(self, t_ns: int) -> None:
        """Tell how far the stream has come and whether it sees; what it did not see is told of first, as a gap."""
        async with self._telling:
            await self._tell_time(t_ns)

    async def _tell_time(self, t_ns: int) -> None:
        self.published_ns = max(t_ns, self.published_ns)
        blind = self._why_blind()
        await self._note_blindness(blind)
        self._outbox.send_watermark(
            Watermark(
                session=self._session,
                stream=self.source.stream,
                epoch=self._epoch,
                t_ns=self.published_ns,
                sensor=self.source.sensor,
                blind=blind,
                blind_ns=self._blind_since_ns if blind else None,
                active_ns=self._pipeline.active_ns,
                ended=self._has_ended,
                truncated=self._has_ended and self.source.truncated,
            )
        )

    @property
    def _perceived_ns(self) -> int:
        """Up to when there were samples."""
        return max(self._start_ns, self.reached_ns)

    @property
    def _hole_ns(self) -> int:
        """How long a recording may give no samples before it is blind: sound never pauses, frames may be far apart."""
        return min(SOUND_HOLE_NS, self._stale_ns) if self.source.sensor == "audio" else self._stale_ns

    def _why_blind(self) -> str:
        if not self.source.is_live and self.published_ns - self._perceived_ns > self._hole_ns:
            return NO_SAMPLE
        if self.source.is_live:
            if self._has_ended:
                return "ended"
            if self._outage:
                return self._outage
            idle_s = _now_s() - self._last_sample_s
            if idle_s > self._stale_s:
                return f"no sample for {self._stale_s:g} s"
            if not self._has_begun and idle_s > FIRST_S:
                return "no sample yet"
        return self._pipeline.blind

    async def _note_blindness(self, blind: str) -> None:
        """Remember when the sensor saw nothing: "nothing moved" must not be said of that time later."""
        now_ns = self.published_ns
        is_over = blind != self._blind or self._has_ended
        lasted_ns = now_ns - self._blind_since_ns
        if self._blind and lasted_ns > 0 and (is_over or lasted_ns >= BLIND_PIECE_NS):
            resumed_ns = self._resumed_ns if is_over and self._resumed_ns is not None else now_ns
            await self._gap(self._blind, self._blind_since_ns, min(max(resumed_ns, self._blind_since_ns), now_ns))
            self._blind_since_ns = now_ns
        if is_over:
            self._blind_since_ns = now_ns if self._blind else self._last_seen_ns(now_ns)
            self._blind = blind
        if not blind:
            self._resumed_ns = None

    def _last_seen_ns(self, now_ns: int) -> int:
        """Return since when a sensor that is found blind now has given nothing of use."""
        since_ns = self._pipeline.blind_since_ns
        if since_ns is None:  # no samples come
            since_ns = self._perceived_ns
        return min(max(since_ns, self._blind_since_ns), now_ns)

    async def _gap(self, reason: str, start_ns: int, end_ns: int, t_ns: int | None = None) -> None:
        self._gaps += 1
        gap = Gap(
            session=self._session,
            stream=self.source.stream,
            epoch=self._epoch,
            seq=self._gaps,
            t_ns=self.published_ns if t_ns is None else t_ns,
            start_ns=start_ns,
            end_ns=end_ns,
            lost=0,
            reason=reason,
        )
        await self._outbox.send(gap)

    async def _end(self, limit_s: float | None) -> None:
        """Publish what is open; a stream that is stopped has a limit, because the others may be gone."""
        try:
            async with asyncio.timeout(limit_s):
                if self._step is not None:  # it was stopped while the pipeline worked
                    self._untold += await self._step
                await self._finish()
                self._has_ended = True
                await self._watermark(max(self.reached_ns, self.published_ns + 1))
            logger.info("%s has ended", self.source.stream)
        except TimeoutError:
            level = logging.WARNING if self.source.is_live else logging.INFO  # a recording can be played again
            logger.log(level, "%s: its last records could not be handed on", self.source.stream)
        finally:
            self._worker.close()  # also where this is cancelled: an idle thread would be taken for a busy one
            with suppress(TimeoutError):
                async with asyncio.timeout(None if limit_s is None else CLOSE_S):
                    await self.source.close()

    async def _tell(self) -> None:
        """Publish what was found, in order; what a cancellation leaves is told at the end."""
        async with self._handing_on:
            await self._hand_on()

    async def _hand_on(self) -> None:
        while self._untold:
            record = self._untold[0]
            if self._gate is not None or KINDS[record.kind].qos == 1:
                await self._outbox.send(record)
            else:
                await self._publish(record)
            self._meter.counters[record.kind] += 1
            self._untold.pop(0)

    async def _publish(self, record: Record) -> None:
        try:
            await self._bus.publish(record)
        except WireError as error:
            self._meter.counters["too large"] += 1
            logger.warning("%s: %s", self.source.stream, error)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _cells(samples: Samples, grid_ns: int) -> list[list[Sample]]:
    """Split a batch where it crosses the watermark grid, so that parts are a function of the samples alone."""
    return [list(cell) for _, cell in itertools.groupby(samples, key=lambda one: one.end_ns // grid_ns)]
