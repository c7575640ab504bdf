"""Counters and latencies: p50 and p95 over the newest values of each stage."""

import pytest

from runtime.metrics import KEPT, Meter


def test_nothing_noted_is_nothing_told() -> None:
    assert Meter().latency_ms() == {}
    assert Meter().counters["frames"] == 0


def test_p50_and_p95_of_a_stage() -> None:
    meter = Meter()
    for latency_ms in range(100, -1, -1):
        meter.note_ms("encode", float(latency_ms))
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
