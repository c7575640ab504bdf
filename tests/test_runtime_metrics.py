"""Counters and latencies: p50 and p95 over the newest values of each stage."""

import asyncio

import pytest

from runtime.bus import LOSSLESS, Delivery, drop_oldest
from runtime.errors import BusLost
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Message, Metrics
from runtime.metrics import KEPT, REPORT_S, Meter, report
from tests.fakes import SESSION, motion


def test_nothing_noted_is_nothing_told() -> None:
    assert Meter().latency_ms() == {}
    assert Meter().counters["frames"] == 0


def test_p50_and_p95_of_a_stage() -> None:
    meter = Meter()
    for latency_ms in range(100, -1, -1):
        meter.note_ms("encode", float(latency_ms))
    assert meter.latency_ms() == {"encode": (50.0, 95.0)}


def test_p99_is_there_for_who_asks() -> None:
    meter = Meter()
    for latency_ms in range(100):
        meter.note_ms("encode", float(latency_ms))
    assert meter.spread_ms() == {"encode": (50.0, 95.0, 99.0)}
    assert meter.latency_ms() == {"encode": (50.0, 95.0)}


def test_one_value_is_both() -> None:
    meter = Meter()
    meter.note_ms("encode", 1.23456)
    assert meter.latency_ms() == {"encode": (1.235, 1.235)}


def test_only_the_newest_values_count() -> None:
    meter = Meter()
    for latency_ms in [1000.0] * KEPT + [1.0] * KEPT:
        meter.note_ms("encode", latency_ms)
    assert meter.latency_ms() == {"encode": (1.0, 1.0)}


def test_stages_do_not_mix() -> None:
    meter = Meter()
    meter.note_ms("encode", 1.0)
    meter.note_ms("store", 2.0)
    assert meter.latency_ms() == {"encode": (1.0, 1.0), "store": (2.0, 2.0)}


def test_a_timed_block_counts_also_when_it_fails() -> None:
    meter = Meter()
    with pytest.raises(ZeroDivisionError), meter.timed("encode"):
        _ = 1 / 0
    p50_ms, p95_ms = meter.latency_ms()["encode"]
    assert 0 <= p50_ms <= p95_ms < 1000


class ForgetfulBus(LocalBus):
    """Has no broker for the first thing it is to publish."""

    was_away = False

    async def publish(self, message: Message, *, to: Delivery | None = None, retry: bool = True) -> None:
        if not self.was_away:
            self.was_away = True
            raise BusLost(message.kind, 30.0)
        await super().publish(message, to=to, retry=retry)


@pytest.mark.virtual_clock
async def test_a_service_reports_what_it_counted_and_what_was_lost_also_after_a_broker_was_away() -> None:
    hub = LocalHub()
    listener, bus = LocalBus(hub, "user"), ForgetfulBus(hub, "memory")
    heard = await listener.subscribe("heedful/v1/s/memory/metrics", rule=LOSSLESS)
    await bus.subscribe("heedful/v1/s/+/motion", rule=drop_oldest(1))
    for seq in range(3):
        await listener.publish(motion(seq))
    meter = Meter()
    meter.counters["frames"] += 7
    meter.note_ms("encode", 1.0)
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(report(bus, SESSION, meter, lambda: {"resent": 2}), name="metrics")
        start_s = asyncio.get_running_loop().time()
        told = (await anext(heard)).message
        assert asyncio.get_running_loop().time() - start_s == pytest.approx(2 * REPORT_S)
        reporting.cancel()
    assert told == Metrics(
        session=SESSION,
        stream="memory",
        counters={"frames": 7, "lost heedful/v1/s/+/motion": 2, "resent": 2},
        latency_ms={"encode": (1.0, 1.0)},
    )
