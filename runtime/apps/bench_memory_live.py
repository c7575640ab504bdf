"""An open memory while records come: how long it takes until one is found, and to find others meanwhile."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.rows import Row, VectorRow
from memory.scope import LATEST_NS, Scope
from memory.space import SpaceIndex
from memory.store import Store
from memory.writer import Writer
from runtime.apps.bench_measure import Measure, percentile, progress, spread
from runtime.apps.bench_memory_storing import cpu_ticks, stolen_since
from runtime.apps.bench_memory_world import SESSION, SPACE, WIDTH, K, Query, World

RATE_HZ = 50
EVERYTHING = Scope(session=SESSION, as_of_ns=LATEST_NS)
SEARCHABLE_MS = 200.0
CLOSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A record on its way to disk, and the vector that came with it."""

    stored: Future[list[str]]
    id: int
    vector: NDArray[np.float32]  # (C,)


@dataclass(slots=True)
class Searched:
    """What came of searching in one window."""

    found: list[list[int]] = field(default_factory=list)  # rows, of each query once
    times_ms: list[float] = field(default_factory=list)  # of all searches


class Memory:
    """An open memory as the service has it: a writer, and a reader's index that follows it."""

    def __init__(self, folder: Path) -> None:
        self.writer = Writer(Store.open(folder))
        self._reader = Store.open(folder, writable=False)
        self.index = SpaceIndex(self._reader.path, SPACE, WIDTH)
        self.follow()

    def follow(self) -> None:
        """Take over what is stored by now."""
        self.index.follow(self._reader.connection())

    def close(self) -> None:
        """Store what waits."""
        self._reader.close()
        assert self.writer.close(CLOSE_S)


class Feed:
    """Goes on with the records of the world: one at a time, or at a steady rate from a thread."""

    def __init__(self, writer: Writer, first: int) -> None:
        self.stored = 0
        self._next = first
        self._writer = writer
        rows = World().rows_from(first)
        self._rows = itertools.chain([next(rows)], rows)  # the first costs far more than those behind it
        self._lock = threading.Lock()

    def submit(self) -> Sent:
        """Submit the next record with its vector."""
        with self._lock:
            rows, self._next = next(self._rows), self._next + 1
            stored = self._writer.submit(rows)
            sent = Sent(stored, self._next, _vector_of(rows))
        stored.add_done_callback(self._count)
        return sent

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Submit 50 records a second while this block runs."""
        is_over = threading.Event()

        def flow() -> None:
            start_s = time.perf_counter()
            for count in itertools.count(1):
                self.submit()
                if is_over.wait(max(0.0, start_s + count / RATE_HZ - time.perf_counter())):
                    return

        thread = threading.Thread(target=flow, name="feed")
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _count(self, stored: Future[list[str]]) -> None:
        self.stored += len(stored.result())


def search_all(
    memory: Memory, feed: Feed, windows: dict[float, list[Query]], seconds: float
) -> tuple[dict[float, Searched], list[float]]:
    """Ask every query once, and again until the time is over; also return how long each following took, in ms."""
    searched = {share: Searched() for share in windows}
    follow_ms: list[float] = []
    followed, end_s = -1, time.perf_counter() + seconds
    for number in itertools.count():
        if number >= max(map(len, windows.values())) and time.perf_counter() > end_s:
            break
        for share, queries in windows.items():
            if feed.stored != followed:
                followed, start_s = feed.stored, time.perf_counter()
                memory.follow()
                follow_ms.append(1e3 * (time.perf_counter() - start_s))
            query = queries[number % len(queries)]
            start_s = time.perf_counter()
            ids, _ = memory.index.search(query.vector, K, query.scope)
            searched[share].times_ms.append(1e3 * (time.perf_counter() - start_s))
            if number < len(queries):
                searched[share].found.append((ids - 1).tolist())
    return searched, follow_ms


def measure_searchable(memory: Memory, feed: Feed, probes: int) -> Measure:
    """Submit records and search for each until it is found, while others come."""
    progress(f"storing and finding {probes} records")
    random = np.random.default_rng(0)
    times_ms = []
    ticks = cpu_ticks()
    with feed.flowing():
        for pause_s in random.uniform(0.0, 2 / RATE_HZ, probes).tolist():
            time.sleep(pause_s)
            start_s = time.perf_counter()
            sent = feed.submit()
            found: Sequence[int] = ()
            while sent.id not in found:
                sent.stored.result()
                memory.follow()
                found = memory.index.search(sent.vector, K, EVERYTHING)[0].tolist()
            times_ms.append(1e3 * (time.perf_counter() - start_s))
    return Measure(
        name="from storing a record to finding it, p99",
        value=percentile(times_ms, 99),
        unit="ms",
        at_most=SEARCHABLE_MS,
        detail={"records": probes, **spread(times_ms), **stolen_since(ticks)},
    )


def _vector_of(rows: Sequence[Row]) -> NDArray[np.float32]:
    vector = rows[-1]
    assert isinstance(vector, VectorRow)
    return np.frombuffer(vector.vector, np.float16).astype(np.float32)
