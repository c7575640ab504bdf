"""Perception: each stream's samples in, records out, with watermarks that say how far event time has come.

    source -> batch -> pipeline.step (its own thread) -> records -> outbox or bus -> watermark

In a replay everything is lossless; live streams follow the drop rules of the message table. What memory must keep waits
in the outbox until `stored` names it. After a broker's crash nothing goes out before memory and reasoning listen again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from perception.calibrations import Calibrations
from perception.follow import Follower, Pipeline
from perception.sources import Source
from runtime.bus import LOSSLESS, Bus, Subscription, dead_letter, filter_of
from runtime.gate import ReplayGate
from runtime.messages import CalibrationInput, Progress, Stored, Watermark
from runtime.metrics import Meter, report
from runtime.order import END_NS
from runtime.outbox import Outbox
from runtime.steady_bus import SteadyBus
from runtime.wire import Packet, to_json

LAST_WORD_S = 0.3  # for the watermark that says a stream has ended: without a broker it reaches nobody
FOLLOWERS = ("memory", "reasoning")


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
        calibrations: Calibrations | None = None,
    ) -> None:
        """Perceive `streams` once the services behind `after` listen; with a `gate` this is a replay."""
        self.meter = Meter()
        self.go = asyncio.Event()  # set by whoever wants to have everything in place first
        self.started = asyncio.Event()  # the first sample is next
        self.done = asyncio.Event()  # every stream has ended and everything is stored
        self._bus = bus
        self._session = session
        self._gate = gate
        self._after = after
        self._steady = SteadyBus(bus, FOLLOWERS, self._roll_call)
        self._outbox = Outbox(self._steady, is_replay=gate is not None)
        self._progress_ns = dict.fromkeys(FOLLOWERS, -1)
        self._moved = asyncio.Condition()
        self._stopping = asyncio.Event()
        self.calibrations = calibrations or Calibrations()
        self.streams = {
            source.stream: Follower(
                bus,
                self._outbox,
                session,
                source,
                pipeline,
                epoch=epoch,
                stale_s=stale_s,
                gate=gate,
                meter=self.meter,
                start_ns=gate.start_ns if gate is not None else None,
            )
            for source, pipeline in streams
        }

    async def run(self) -> None:
        """Perceive until every stream has ended or `stop`; then wait for memory to have stored it all."""
        stored = await self._bus.subscribe(filter_of(self._session, "stored", "memory"), rule=LOSSLESS)
        progress = await self._bus.subscribe(filter_of(self._session, "progress"), rule=LOSSLESS)
        calibrated = await self._bus.subscribe(filter_of(self._session, "calibration"), rule=LOSSLESS)
        self._steady.generation = self._bus.generation  # each later connection begins with a roll call
        for ready in (*self._after, self.go):
            await ready.wait()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._confirm(stored), name="stored"),
                group.create_task(self._note_progress(progress), name="progress"),
                group.create_task(self._calibrate(calibrated), name="calibration"),
                group.create_task(self._steady.run(), name="roll call"),
                group.create_task(self._outbox.keep_sending(), name="outbox"),
                group.create_task(report(self._bus, self._session, self.meter, self._counters), name="metrics"),
            ]
            for follower in self.streams.values():
                await follower.announce()
            await self._outbox.sent()  # each stream is known before its first record
            self.started.set()
            await self._follow_all()
            await self._outbox.drained()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await self._outbox.sent()
            if self._gate is not None:
                await self._handled()
            self.done.set()
            await self._stopping.wait()
            for task in beside:
                task.cancel()

    def stop(self) -> None:
        """Stop reading; what is perceived is still published and stored."""
        self._stopping.set()

    async def _follow_all(self) -> None:
        """Follow every stream to its end, or until `stop`."""
        async with asyncio.TaskGroup() as group:
            followers = [
                group.create_task(follower.run(), name=f"stream {name}") for name, follower in self.streams.items()
            ]
            stopping = group.create_task(self._stopping.wait(), name="stop")
            ended = group.create_task(_all_of(followers), name="streams")
            await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
            for task in (*followers, stopping, ended):
                task.cancel()

    async def _confirm(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Stored)
            await self._outbox.confirm(message.ids)

    async def _note_progress(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Progress)
            await self._steady.heard(message)
            async with self._moved:
                self._progress_ns[message.stream] = message.t_ns
                self._moved.notify_all()
            if self._gate is not None:
                await self._gate.progress(message.stream, message.t_ns)

    async def _calibrate(self, inbox: Subscription) -> None:
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, CalibrationInput)
            if fault := self.calibrations.take(message):
                packet = Packet(topic=delivery.topic, payload=to_json(message).encode())
                self._bus.refuse(dead_letter(packet, fault, self.name))

    async def _handled(self) -> None:
        """Wait until everybody knows that all streams have ended: the last clips are closed."""
        async with self._moved:
            await self._moved.wait_for(lambda: min(self._progress_ns.values()) >= END_NS)

    def _roll_call(self) -> Watermark | None:
        """Return a watermark that everybody knows."""
        return next((follower.first_watermark() for follower in self.streams.values()), None)

    def _counters(self) -> dict[str, int]:
        outbox = self._outbox
        counted = {"outbox": len(outbox), "resent": outbox.resent, "refused": outbox.refused}
        for follower in self.streams.values():
            counted |= follower.counters
        return counted


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
