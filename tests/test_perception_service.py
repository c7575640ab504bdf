"""Perception keeps its word: records before watermarks, nothing past a question, a broken sensor harms nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from perception.blocks import AudioBlock
from perception.follow import FIRST_S, HEARTBEAT_S
from perception.service import PerceptionService
from runtime.apps.cli import first_known
from runtime.bus import LOSSLESS, Delivery
from runtime.errors import BusLost, InputError, MissingPart
from runtime.gate import ReplayGate
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Gap, Message, Progress, Record, Sensor, Stored, Utterance, Watermark, record_id
from runtime.order import END_NS, EventOrder
from runtime.wire import ROOT
from tests.fakes import PATIENCE_S

SESSION = "s"
MS = 1_000_000
S = 1_000 * MS


def blocks(count: int, start_ns: int = 0, step_ns: int = 100 * MS) -> list[AudioBlock]:
    import numpy as np

    silence = np.zeros(512, np.float32)
    return [AudioBlock(t_ns=start_ns + n * step_ns, seq=n, samples=silence, count=512) for n in range(count)]


class FakeSource:
    """Gives what the test feeds it; an exception in the feed is raised, None ends it."""

    sensor: Sensor = "audio"
    truncated = False

    def __init__(self, stream: str, *feed: Sequence[AudioBlock] | Exception | None, is_live: bool = False) -> None:
        self.stream = stream
        self.is_live = is_live
        self.feed: asyncio.Queue[Sequence[AudioBlock] | Exception | None] = asyncio.Queue()
        for one in (*feed, *(() if is_live else (None,))):
            self.feed.put_nowait(one)
        self.opened_s: list[float] = []
        self.fails_to_open = 0
        self.closed = 0

    async def open(self) -> None:
        self.opened_s.append(time.monotonic())
        if self.fails_to_open:
            self.fails_to_open -= 1
            raise MissingPart("no microphone", "connect one")

    async def batches(self) -> AsyncIterator[Sequence[AudioBlock]]:
        while (one := await self.feed.get()) is not None:
            if isinstance(one, Exception):
                raise one
            yield one

    async def close(self) -> None:
        self.closed += 1


class FakePipeline:
    """Makes one utterance of every sample, and one more at the end."""

    blind = ""
    blind_since_ns: int | None = None
    active_ns: int | None = None

    def __init__(self, stream: str, epoch: int = 0) -> None:
        self._stream = stream
        self._epoch = epoch
        self._count = 0
        self._t_ns = 0

    def step(self, samples: Sequence[AudioBlock]) -> list[Record]:
        return [self._say(sample.end_ns) for sample in samples]

    def finish(self) -> list[Record]:
        return [self._say(self._t_ns)]

    def _say(self, t_ns: int) -> Utterance:
        self._count += 1
        self._t_ns = t_ns
        return Utterance(
            session=SESSION,
            stream=self._stream,
            epoch=self._epoch,
            seq=self._count,
            t_ns=t_ns,
            start_ns=t_ns,
            end_ns=t_ns,
            text="",
            model="",
        )


class CoveredPipeline(FakePipeline):
    """Sees nothing from 3 s on, which it says from 5 s on."""

    def step(self, samples: Sequence[AudioBlock]) -> list[Record]:
        self.blind_since_ns = 3 * S if samples[-1].t_ns >= 3 * S else None
        self.blind = "covered" if samples[-1].t_ns >= 5 * S else ""
        return []


class Others:
    """Memory and reasoning as perception knows them, and the order in which they hear everything."""

    def __init__(self, hub: LocalHub) -> None:
        self.heard: list[Message] = []
        self.is_storing = asyncio.Event()
        self.is_storing.set()
        self._bus = LocalBus(hub, "memory", is_lossless=True)
        self._order = EventOrder()
        self._more = asyncio.Condition()

    async def run(self) -> None:
        async for delivery in await self._bus.subscribe(f"{ROOT}/{SESSION}/+/+", rule=LOSSLESS):
            message = delivery.message
            if isinstance(message, Stored | Progress):
                continue
            async with self._more:
                self.heard.append(message)
                self._more.notify_all()
            if isinstance(message, Watermark):
                self._order.advance(message)
                for name in ("memory", "reasoning"):
                    t_ns = max(0, self._order.low_ns)
                    await self._bus.publish(Progress(session=SESSION, stream=name, t_ns=t_ns, call=message.call))
            elif isinstance(message, Record):
                await self.is_storing.wait()
                await self._bus.publish(Stored(session=SESSION, ids=(record_id(message),)))

    def told(self, kind: type[Any], stream: str = "mic") -> list[Any]:
        found = [one for one in self.heard if isinstance(one, kind) and one.stream == stream]
        return [one for one in found if not getattr(one, "call", 0)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(condition)


class DroppingBus(LocalBus):
    """Loses its broker at the first publication and is back at once."""

    def __init__(self, hub: LocalHub, name: str, *, is_lossless: bool = False) -> None:
        super().__init__(hub, name, is_lossless=is_lossless)
        self._back = asyncio.Event()

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        if self.generation == 1:
            self.generation = 2
            self._back.set()
            raise BusLost(message.kind, 0.0)
        await super().publish(message, to=to, retry=retry)

    async def reconnected(self, generation: int) -> int:
        if generation == 1:
            await self._back.wait()
            return 2
        return await super().reconnected(generation)


@asynccontextmanager
async def perceiving(
    *sources: FakeSource,
    gate: ReplayGate | None = None,
    stale_s: float = 60.0,
    epoch: int = 0,
    make_bus: type[LocalBus] = LocalBus,
    make_pipeline: type[FakePipeline] = FakePipeline,
) -> AsyncIterator[tuple[PerceptionService, Others]]:
    """Run perception over sources, with the others listening."""
    hub = LocalHub()
    others = Others(hub)
    streams = [(source, make_pipeline(source.stream, epoch)) for source in sources]
    bus = make_bus(hub, "perception", is_lossless=gate is not None)
    service = PerceptionService(bus, SESSION, streams, stale_s=stale_s, gate=gate, epoch=epoch)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(others.run(), name="others")
        running = group.create_task(service.run(), name="perception")
        service.go.set()
        yield service, others
        service.stop()
        async with asyncio.timeout(PATIENCE_S):
            await running
        listening.cancel()


def in_step() -> ReplayGate:
    return ReplayGate(None, ("memory", "reasoning"))


async def test_a_watermark_comes_after_every_record_it_vouches_for() -> None:
    async with perceiving(FakeSource("mic", blocks(40)), FakeSource("far", blocks(17)), gate=in_step()) as (
        service,
        others,
    ):
        await service.done.wait()
    for stream, count in (("mic", 41), ("far", 18)):
        records, marks = others.told(Utterance, stream), others.told(Watermark, stream)
        assert [one.seq for one in records] == list(range(1, count + 1))
        assert [mark.t_ns for mark in marks] == sorted(mark.t_ns for mark in marks)
        assert [mark.ended for mark in marks] == [False] * (len(marks) - 1) + [True]
        for mark in marks:
            later = others.heard[others.heard.index(mark) :]
            assert not [
                one for one in later if isinstance(one, Utterance) and one.stream == stream and one.t_ns <= mark.t_ns
            ]


async def test_every_stream_is_announced_before_the_first_record() -> None:
    async with perceiving(FakeSource("mic", blocks(3)), FakeSource("far", blocks(3)), gate=in_step()) as (
        service,
        others,
    ):
        await service.done.wait()
    assert {one.stream for one in others.heard[:2]} == {"mic", "far"}
    assert all(isinstance(one, Watermark) and one.t_ns == -1 for one in others.heard[:2])


async def test_a_broker_that_drops_at_the_start_is_survived() -> None:
    async with perceiving(FakeSource("mic", blocks(3)), gate=in_step(), make_bus=DroppingBus) as (service, others):
        async with asyncio.timeout(PATIENCE_S):
            await service.done.wait()
    assert [one.seq for one in others.told(Utterance)] == [1, 2, 3, 4]
    assert isinstance(others.heard[0], Watermark)
    assert others.heard[0].call  # nothing goes out before it is known that the others are there
    assert others.told(Watermark)[0].t_ns == -1


async def test_it_is_done_only_when_memory_has_stored_everything() -> None:
    async with perceiving(FakeSource("mic", blocks(3)), gate=in_step()) as (service, others):
        others.is_storing.clear()
        await others.until(lambda: len(others.told(Utterance)) == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await service.done.wait()
        others.is_storing.set()
        async with asyncio.timeout(PATIENCE_S):
            await service.done.wait()
    assert len(others.told(Utterance)) == 4


async def test_nothing_passes_a_question_before_it_is_answered() -> None:
    gate = in_step()
    gate.barrier_ns = S
    async with perceiving(FakeSource("mic", blocks(30)), gate=gate) as (service, others):
        await others.until(lambda: bool(others.told(Watermark)) and others.told(Watermark)[-1].t_ns == S)
        assert all(one.t_ns <= S for one in others.told(Utterance))
        assert len(others.told(Utterance)) == 10  # block 9 ends at 0.932 s, block 10 after the question
        await gate.move_barrier(END_NS)
        await service.done.wait()
    assert len(others.told(Utterance)) == 31


async def test_a_recording_that_fails_ends_everything() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with perceiving(FakeSource("mic", blocks(3), InputError("x.mp4", "is damaged")), gate=in_step()) as (
            service,
            _,
        ):
            await service.done.wait()
    assert str(first_known(caught.value)) == "x.mp4: is damaged"


async def test_a_silent_live_source_is_blind_and_stalls_nobody() -> None:
    epoch = time.time_ns()
    silent, lively = (FakeSource(name, blocks(1, epoch), is_live=True) for name in ("mic", "far"))
    async with perceiving(silent, lively, stale_s=0.5, epoch=epoch) as (_, others):
        await others.until(lambda: any(one.blind for one in others.told(Watermark)))
        blind = next(one for one in others.told(Watermark) if one.blind)
        assert blind.blind == "no sample for 0.5 s"
        assert blind.t_ns - epoch > S // 10
        silent.feed.put_nowait(blocks(3, time.time_ns()))
        await others.until(lambda: len(others.told(Utterance)) >= 4)
        await others.until(lambda: any(one.stream == "mic" for one in others.told(Gap)))
    gap = next(one for one in others.told(Gap) if one.stream == "mic")
    assert gap.reason == "no sample for 0.5 s"
    assert gap.start_ns == blocks(1, epoch)[-1].end_ns  # when it fell silent, not when that was noticed
    assert gap.start_ns < gap.end_ns


async def test_each_time_samples_stay_away_what_is_open_is_closed() -> None:
    source = FakeSource("mic", is_live=True)
    async with perceiving(source, stale_s=0.3, epoch=time.time_ns()) as (_, others):
        await others.until(lambda: len(others.told(Utterance)) == 1)  # closed before anything came
        source.feed.put_nowait(blocks(1, time.time_ns()))
        await others.until(lambda: len(others.told(Utterance)) == 3)  # the sample's, and what was open behind it


async def test_a_long_blindness_is_told_in_pieces_and_begins_before_it_was_believed() -> None:
    source = FakeSource("mic", *([block] for block in blocks(30, step_ns=S)))
    async with perceiving(source, gate=in_step(), make_pipeline=CoveredPipeline) as (service, others):
        await service.done.wait()
    gaps = [(round(one.start_ns / S), round(one.end_ns / S)) for one in others.told(Gap)]
    assert gaps == [(3, 13), (13, 23), (23, 29)]


async def test_a_hole_in_a_recording_is_told_to_its_very_ends() -> None:
    first, second = blocks(10, 2 * S), blocks(10, 20 * S)
    source = FakeSource("mic", first, second)
    async with perceiving(source, gate=in_step()) as (service, others):
        await service.done.wait()
    gaps = [(one.start_ns, one.end_ns, one.reason) for one in others.told(Gap)]
    assert gaps[0] == (0, 2 * S, "no sample")
    assert gaps[1][0] == first[-1].end_ns
    assert gaps[-1][1] == second[0].t_ns
    assert [end for _, end, _ in gaps[1:-1]] == [start for start, _, _ in gaps[2:]]
    marks = others.told(Watermark)
    assert marks[-1].blind == ""
    since = {(one.start_ns, one.end_ns) for one in others.told(Gap)}
    assert all(any(a == one.blind_ns <= one.t_ns <= b for a, b in since) for one in marks if one.blind)
    assert all(one.blind_ns is None for one in marks if not one.blind)


async def test_a_pause_shorter_than_a_hole_is_none() -> None:
    source = FakeSource("mic", blocks(10), blocks(10, 1_900 * MS))
    async with perceiving(source, gate=in_step()) as (service, others):
        await service.done.wait()
    assert not others.told(Gap)


@pytest.mark.virtual_clock
async def test_a_live_source_that_never_gave_a_sample_soon_says_so() -> None:
    async with perceiving(FakeSource("mic", is_live=True), epoch=time.time_ns()) as (_, others):
        start_s = asyncio.get_running_loop().time()
        await others.until(lambda: any(one.blind for one in others.told(Watermark)))
        assert others.told(Watermark)[-1].blind == "no sample yet"
        assert asyncio.get_running_loop().time() - start_s == pytest.approx(FIRST_S, abs=2 * HEARTBEAT_S)


async def test_a_broken_device_is_opened_again_with_growing_pauses_and_one_gap() -> None:
    source = FakeSource("mic", blocks(2, time.time_ns()), MissingPart("mic is unplugged", "plug it in"), is_live=True)
    source.fails_to_open = 1
    async with perceiving(source, epoch=time.time_ns()) as (_, others):
        await others.until(lambda: len(others.told(Utterance)) == 2)
        source.feed.put_nowait(MissingPart("mic is unplugged", "plug it in"))  # the first attempt finds it still gone
        await others.until(lambda: "unplugged" in others.told(Watermark)[-1].blind)
        source.feed.put_nowait(blocks(2, time.time_ns() + 4 * S))
        await others.until(lambda: len(others.told(Utterance)) == 4)
        await others.until(lambda: others.told(Watermark)[-1].blind == "")
    first_s, second_s = source.opened_s[:2]
    assert second_s - first_s >= 1.2  # twice the first pause, give or take; on a busy machine more
    assert len(others.told(Gap)) == 1
    assert "unplugged" in others.told(Gap)[0].reason


async def test_stop_publishes_what_is_open_and_closes_the_source() -> None:
    source = FakeSource("mic", blocks(5, time.time_ns()), is_live=True)
    async with perceiving(source, epoch=time.time_ns()) as (_, others):
        await others.until(lambda: len(others.told(Utterance)) == 5)
    assert len(others.told(Utterance)) == 6  # finish() had one more
    last = others.told(Watermark)[-1]
    assert (last.ended, last.blind) == (True, "ended")
    assert source.closed == 1
