"""What a broker's death costs: mosquitto is killed with -9 in the middle of 5,000 lossless records.

Perception's own outbox sends, a real memory service stores, the private broker starts again by itself; the baseline is
the same without the kill. What counts is what stands in the SQLite file at the end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from memory.service import MemoryService
from memory.store import Store
from runtime.apps.bench_broker import SESSION, over_broker
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.broker import PrivateBroker
from runtime.bus import LOSSLESS, Bus, Subscription, filter_of
from runtime.messages import Sound, Stored, Watermark
from runtime.mqtt_bus import MqttBus
from runtime.outbox import Outbox
from runtime.service import Worker

RECORDS = 5_000
APART_NS = 20_000_000  # event time between two records
PER_WATERMARK = 25
RESUMED_S = 5.0
PITCHES = 50  # a few sounds that come again and again: what is measured is storing, not the text model
GIVE_UP_S = 300.0
STREAM = "microphone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of records gave."""

    took_s: float  # from the first record sent to the last one confirmed
    resumed_s: float  # from the kill to the first record confirmed over the new connection; 0 without a kill
    resent: int
    stored: int  # distinct records in the file
    problems: int  # that the memory's own check found


class Confirmations:
    """Hands `stored` to the outbox and notes when the first one came over a new connection."""

    def __init__(self, bus: Bus, outbox: Outbox) -> None:
        self.resumed_at_s: float | None = None
        self.confirmed = 0
        self._more = asyncio.Condition()
        self._bus = bus
        self._outbox = outbox
        self._generation = bus.generation

    async def take(self, inbox: Subscription) -> None:
        """Confirm until cancelled."""
        async for delivery in inbox:
            message = delivery.message
            assert isinstance(message, Stored)
            if self.resumed_at_s is None and self._bus.generation > self._generation:
                self.resumed_at_s = time.perf_counter()
            await self._outbox.confirm(message.ids)
            async with self._more:
                self.confirmed += len(message.ids)
                self._more.notify_all()

    async def reach(self, count: int) -> None:
        """Wait until so many records are confirmed."""
        async with self._more:
            await self._more.wait_for(lambda: self.confirmed >= count)


def measure_outbox(plan: Plan) -> list[Measure]:
    """Alternate runs with and without the kill."""
    records = plan.rounds(600, RECORDS, RECORDS)
    rounds = plan.rounds(1, 3, 10)
    killed, calm = [], []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {records} records, without and with a kill")
        calm.append(send_records(records, kill_after=None))
        killed.append(send_records(records, kill_after=records // 2))
    worst = max(abs(one.stored - records) for one in (*killed, *calm))
    detail = {"resumed_s": rounded(one.resumed_s for one in killed), "resent": [one.resent for one in killed]}
    times = ratio([one.took_s for one in killed], [one.took_s for one in calm])
    return [
        Measure(
            name="records missing or twice on disk",
            value=worst + sum(one.problems for one in (*killed, *calm)),
            unit="records",
            at_most=0,
            detail={"sent": records, "stored": [one.stored for one in killed], "kills": rounds},
        ),
        Measure(
            name="from the kill to the next record confirmed",
            value=max(one.resumed_s for one in killed),
            unit="s",
            at_most=RESUMED_S,
            detail=detail,
        ),
        Measure(
            name="time with a kill over time without",
            value=times,
            unit="x",
            detail={"records_per_s": round(records / statistics.median(one.took_s for one in calm), 1)},
        ),
    ]


def send_records(count: int, kill_after: int | None) -> Run:
    """Send records to a fresh memory; kill the broker once when `kill_after` of them are confirmed."""
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        folder = Path(scratch)
        took_s, resumed_s, resent = over_broker(
            ("perception", "memory"), lambda at, buses: _course(at, buses, folder, count, kill_after)
        )
        store = Store.open(folder, writable=False)
        stored, problems = store.stats().records.get("sound", 0), store.verify()
        store.close()
    return Run(took_s=took_s, resumed_s=resumed_s, resent=resent, stored=stored, problems=len(problems))


async def _course(
    broker: PrivateBroker, buses: dict[str, MqttBus], folder: Path, count: int, kill_after: int | None
) -> tuple[float, float, int]:
    bus = buses["perception"]
    loader = Worker("loader")  # the model loads beside the event loop, or the connections starve
    memory = await loader.call(
        partial(MemoryService, buses["memory"], SESSION, folder, text_model=None, is_replay=False, session_start_ns=0)
    )
    loader.close()
    outbox = Outbox(bus)
    confirmations = Confirmations(bus, outbox)
    stored = await bus.subscribe(filter_of(SESSION, "stored", "memory"), rule=LOSSLESS)
    async with asyncio.timeout(GIVE_UP_S), asyncio.TaskGroup() as group:
        remembering = group.create_task(memory.run(), name="memory")
        await memory.ready.wait()
        beside = [
            group.create_task(confirmations.take(stored), name="stored"),
            group.create_task(outbox.keep_sending(), name="outbox"),
        ]
        start_s = time.perf_counter()
        sending = group.create_task(_send_all(outbox, count), name="producer")
        killed_s = await _kill(broker, confirmations, kill_after) if kill_after is not None else None
        await sending
        await outbox.drained()
        took_s = time.perf_counter() - start_s
        for task in beside:
            task.cancel()
        memory.stop()
        await remembering
    resumed_s = (confirmations.resumed_at_s or start_s + GIVE_UP_S) - killed_s if killed_s is not None else 0.0
    return took_s, resumed_s, outbox.resent


async def _send_all(outbox: Outbox, count: int) -> None:
    for number in range(1, count + 1):
        await outbox.send(_sound(number))
        if number % PER_WATERMARK == 0 or number == count:
            outbox.send_watermark(_watermark(number, ended=number == count))


async def _kill(broker: PrivateBroker, confirmations: Confirmations, kill_after: int) -> float:
    """Kill the broker once so many records are confirmed, and return when that was."""
    await confirmations.reach(kill_after)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    return time.perf_counter()


def _sound(number: int) -> Sound:
    t_ns = number * APART_NS
    return Sound(
        session=SESSION, stream=STREAM, epoch=0, seq=number, t_ns=t_ns, start_ns=t_ns - APART_NS, end_ns=t_ns,
        label="tone", level_db=-20.0, rise_db=30.0, pitch_hz=100.0 + 10 * (number % PITCHES),
    )  # fmt: skip


def _watermark(number: int, *, ended: bool) -> Watermark:
    return Watermark(session=SESSION, stream=STREAM, epoch=0, t_ns=number * APART_NS, sensor="audio", ended=ended)
