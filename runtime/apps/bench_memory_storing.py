"""How long records wait until they are on disk, beside what a sync of the same disk takes alone."""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.rows import Row
from memory.writer import Writer
from runtime.apps.bench_measure import Measure, percentile, progress, spread
from runtime.apps.bench_memory_world import record

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES_HZ = (300, 2_000)
SYNCS, OVERHEAD_MS = 4, 10.0  # a record may take as long as so many syncs of the disk, and this
PAGE = bytes(4_096)
STAT = Path("/proc/stat")
FULL_S = 0.001  # until a full writer is asked again


def measure_storing(folder: Path, writer: Writer, seconds: float, syncs: int) -> list[Measure]:
    """Store records that come at fixed times, so that waiting counts, between syncs of the disk alone."""
    syncs_ms = sync_ms(folder, syncs)
    runs = {}
    for rate_hz in RATES_HZ:
        progress(f"storing {rate_hz} records a second")
        ticks = cpu_ticks()
        runs[rate_hz] = (*store_steadily(writer, rate_hz, seconds), stolen_since(ticks))
        syncs_ms += sync_ms(folder, syncs)
    disk_ms = percentile(syncs_ms, 99)
    stored = [
        Measure(
            name=f"stored at {rate_hz} records/s, p99",
            value=percentile(times_ms, 99),
            unit="ms",
            at_most=round(SYNCS * disk_ms + OVERHEAD_MS, 1),
            detail={
                "records": len(times_ms),
                **spread(times_ms),
                "submitted_late_p99": round(percentile(late_ms, 99), 3),
                **stolen,
            },
        )
        for rate_hz, (times_ms, late_ms, stolen) in runs.items()
    ]
    return [
        *stored,
        Measure(name="fdatasync of the disk alone, p99", value=disk_ms, unit="ms", detail=spread(syncs_ms)),
    ]


def store_steadily(writer: Writer, rate_hz: float, seconds: float) -> tuple[list[float], list[float]]:
    """Submit a record at each arrival; return how long after it each was on disk, and submitted, in ms."""
    count = round(rate_hz * seconds)
    session = f"load-{rate_hz:g}"
    submitted_s, done_s = np.zeros(count), np.zeros(count)
    start_s = time.perf_counter()
    under_way: deque[Future[list[str]]] = deque()  # no more: the collector would stop all to look through the others
    for number in range(count):
        row = record(number, session)
        time.sleep(max(0.0, start_s + number / rate_hz - time.perf_counter()))
        submitted_s[number] = time.perf_counter()
        stored = _submit(writer, row)
        stored.add_done_callback(partial(_note, done_s, number))
        under_way.append(stored)
        while under_way and under_way[0].done():
            under_way.popleft().result()
    for stored in under_way:
        stored.result()
    while not done_s.all():  # the last one's note is written after its result is there
        time.sleep(FULL_S)
    arrivals_s = start_s + np.arange(count) / rate_hz
    return (1e3 * (done_s - arrivals_s)).tolist(), (1e3 * (submitted_s - arrivals_s)).tolist()


def sync_ms(folder: Path, count: int) -> list[float]:
    """Append pages to a file, each brought to the disk alone; return how long each sync took, in ms."""
    sync = getattr(os, "fdatasync", os.fsync)
    times_ms = []
    path = folder / "sync.bench"
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(PAGE)
            start_s = time.perf_counter()
            sync(file.fileno())
            times_ms.append(1e3 * (time.perf_counter() - start_s))
    path.unlink()
    return times_ms


def cpu_ticks() -> list[int]:
    """Return what this machine's cores have done since it started, nothing where the system does not tell."""
    try:
        return [int(ticks) for ticks in STAT.read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    except OSError:
        return []


def stolen_since(before: Sequence[int]) -> dict[str, float]:
    """Return in percent how much of the cores' time other machines on the same host took: waiting that is not ours."""
    passed = [now - then for now, then in zip(cpu_ticks(), before, strict=True)]
    return {"stolen_percent": round(100 * passed[-1] / max(1, sum(passed)), 1)} if passed else {}


def _submit(writer: Writer, row: Row) -> Future[list[str]]:
    while True:
        try:
            return writer.submit([row])
        except queue.Full:
            time.sleep(FULL_S)


def _note(done_s: NDArray[np.float64], number: int, stored: Future[list[str]]) -> None:
    done_s[number] = time.perf_counter()
