"""What a device of FAISS changes: building a segment, and searching for many queries at once, beside the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from memory.batch import nearest_each, proven
from memory.codes import Codes
from memory.columns import Rows
from memory.device import FAILED, reason_of
from runtime.apps.bench_measure import Measure, progress, ratio, rounded
from runtime.apps.bench_memory_world import K

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.device import Device

BUILT_ROWS = 262_144  # at most: a segment of a quarter of the largest
ROUNDS = 3
QUERIES = 256


def measure_device(vectors: NDArray[np.float16], device: Device | None) -> list[Measure]:
    """Measure a device on vectors (n, C), nothing where none is or it fails. FAISS's threads are those that are set."""
    if device is None:
        progress("no device of FAISS: the CPU's numbers stand alone")
        return []
    progress(f"building and searching on {device.name} and on the CPU")
    try:
        return _measured(vectors, device)
    except FAILED as error:
        progress(f"{device.name} failed: {reason_of(error)}")
        return []


def _measured(vectors: NDArray[np.float16], device: Device) -> list[Measure]:
    some = np.ascontiguousarray(vectors[:BUILT_ROWS])
    random = np.random.default_rng(3)
    queries = some[random.integers(0, len(some), QUERIES)].astype(np.float32)
    rows = Rows.between(0, len(some))
    built = _paired(lambda: Codes.build_on(some, device), lambda: Codes.build(some))
    searched = _paired(
        lambda: nearest_each(some, queries, K, rows, device), lambda: nearest_each(some, queries, K, rows)
    )
    on_device, on_cpu = nearest_each(some, queries, K, rows, device), nearest_each(some, queries, K, rows)
    same = sum(np.array_equal(one, other) for (one, _), (other, _) in zip(on_device, on_cpu, strict=True))
    without_scan = sum(one is not None for one in proven(some, queries, K, rows, device))
    more = {"rows": len(some), "device": device.name}
    return [
        Measure(
            name="building a segment on a device", value=ratio(built[1], built[0]), unit="x the CPU's speed",
            detail={"device_s": rounded(built[0]), "cpu_s": rounded(built[1]), **more},
        ),
        Measure(
            name=f"{QUERIES} exact searches on a device", value=ratio(searched[1], searched[0]),
            unit="x the CPU's speed",
            detail={
                "device_s": rounded(searched[0]), "cpu_s": rounded(searched[1]), "proven": without_scan, **more
            },
        ),
        Measure(
            name="batches that a device answers as the CPU does", value=same / QUERIES, unit="of the queries",
            at_least=1.0,
        ),
    ]  # fmt: skip


def _paired(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Return how long each takes, in turn, after one round that is not counted."""
    times_s: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS + 1):
        for job, taken_s in zip((ours, theirs), times_s, strict=True):
            begin_s = time.perf_counter()
            job()
            taken_s.append(time.perf_counter() - begin_s)
    return times_s[0][1:], times_s[1][1:]
