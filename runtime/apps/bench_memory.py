"""What a large memory costs: searching while it is written to, storing, becoming searchable, opening, and its size.

Vectors are made up, scenes that come again and again; others search the same ones in bench_memory_peers.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import faiss

from memory.manifest import FOLDER, sealed_parts
from memory.probe import find_device
from memory.store import FILE_NAME, Store
from runtime.apps.bench_measure import Measure, Plan, percentile, progress, spread
from runtime.apps.bench_memory_child import measure_ram, measure_ready
from runtime.apps.bench_memory_device import measure_device
from runtime.apps.bench_memory_live import Feed, Memory, Searched, measure_searchable, search_all
from runtime.apps.bench_memory_peers import Ours, measure_peers
from runtime.apps.bench_memory_storing import cpu_ticks, measure_storing, stolen_since
from runtime.apps.bench_memory_world import SPACE, WIDTH, K, World, fill, make_queries, nearest, recall, seal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARES = (0.01, 0.1, 1.0)  # of all time: the windows
RECALL, SEARCH_P50_MS, SEARCH_P99_MS = 0.98, 1.5, 10.0
BYTES_PER_VECTOR = 300 + 4.3 * WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How much to measure."""

    vectors: int
    queries: int  # a window
    search_s: float
    probes: int  # records that are stored and then searched for
    store_s: float  # at each rate
    syncs: int  # of the disk alone, before and after each rate
    kills: int
    has_goals: bool  # those for opening were written for a full memory


def measure_memory(plan: Plan) -> list[Measure]:
    """Fill a memory, seal it, and measure it and its peers."""
    return measure_amounts(
        Amounts(
            vectors=plan.rounds(20_000, 200_000, 1_000_000),
            queries=plan.rounds(100, 200, 400),
            search_s=plan.rounds(3, 15, 30),
            probes=plan.rounds(100, 200, 500),
            store_s=plan.rounds(2, 10, 30),
            syncs=plan.rounds(100, 300, 1_000),
            kills=plan.rounds(1, 3, 5),
            has_goals=plan.length == "full",
        )
    )


def measure_amounts(amounts: Amounts) -> list[Measure]:
    """Measure so much."""
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch, one_thread():
        folder, path = Path(scratch) / "memory", Path(scratch) / "vectors.npy"
        progress(f"making {amounts.vectors} vectors and finding what is nearest")
        vectors = World().vectors(path, amounts.vectors)
        windows = {share: make_queries(vectors, share, amounts.queries) for share in SHARES}
        truth = {share: nearest(vectors, queries) for share, queries in windows.items()}
        size = measure_size(folder, vectors)
        memory = Memory(folder)
        feed = Feed(memory.writer, len(vectors))
        progress("searching while records come")
        ticks = cpu_ticks()
        with feed.flowing():
            searched, follow_ms = search_all(memory, feed, windows, amounts.search_s)
        beside = {f"follow_{name}_ms": value for name, value in spread(follow_ms).items()} | stolen_since(ticks)
        ours = {
            share: Ours(recall=recall(one.found, truth[share]), p50_ms=percentile(one.times_ms, 50))
            for share, one in searched.items()
        }
        live = [
            measure_searchable(memory, feed, amounts.probes),
            *measure_storing(folder, memory.writer, amounts.store_s, amounts.syncs),
        ]
        memory.close()
        ready = measure_ready(folder, amounts.kills, has_goals=amounts.has_goals)
        peers = measure_peers(path, windows, truth, ours)
        device = measure_device(vectors, find_device("auto"))
    return [*_searches(searched, ours, beside), *peers, *live, *ready, *size, *device]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let FAISS use the calling thread only."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def measure_size(folder: Path, vectors: NDArray[np.float16]) -> list[Measure]:
    """Fill a memory, seal it, and weigh it on disk and opened."""
    progress("storing and sealing them")
    times_s = [time.perf_counter()]
    fill(folder, vectors)
    times_s.append(time.perf_counter())
    seal(folder)
    times_s.append(time.perf_counter())
    store = Store.open(folder, writable=False)
    parts = sealed_parts(store.connection(), SPACE)
    store.close()
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    index_bytes = sum(size for path, size in sizes.items() if path.parent.name == FOLDER)
    whole = Measure(
        name="disk per vector with its record",
        value=sum(sizes.values()) / len(vectors),
        unit="B",
        at_most=BYTES_PER_VECTOR,
        detail={
            FILE_NAME: round(sizes[folder / FILE_NAME] / len(vectors), 1),
            FOLDER: round(index_bytes / len(vectors), 1),
            "segments": [part.units for part in parts],
            "fill_s": round(times_s[1] - times_s[0], 1),
            "seal_s": round(times_s[2] - times_s[1], 1),
        },
    )
    unsealed = 1 - (parts[-1].last_id if parts else 0) / len(vectors)
    return [whole, *measure_ram(folder, unsealed)]


def _searches(searched: dict[float, Searched], ours: dict[float, Ours], beside: dict[str, float]) -> list[Measure]:
    measures = []
    for share, one in searched.items():
        name = f"in {100 * share:g} % of the time"
        detail = {"searches": len(one.times_ms), **spread(one.times_ms), **beside}
        p99_ms = percentile(one.times_ms, 99)
        measures += [
            Measure(name=f"recall@{K} {name}", value=ours[share].recall, unit="of the nearest", at_least=RECALL),
            Measure(name=f"search p50 {name}", value=ours[share].p50_ms, unit="ms", at_most=SEARCH_P50_MS),
            Measure(name=f"search p99 {name}", value=p99_ms, unit="ms", at_most=SEARCH_P99_MS, detail=detail),
        ]
    return measures
