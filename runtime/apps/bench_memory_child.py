"""What becomes of a memory whose process is killed, and what an open one weighs: measured in processes of their own.

Run as `python -m runtime.apps.bench_memory_child WHAT FOLDER NUMBER`, it is one of those processes.
"""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.manifest import FOLDER
from memory.space import SpaceIndex
from memory.store import Store
from memory.writer import Writer
from runtime.apps.bench_child import json_lines
from runtime.apps.bench_measure import Measure, progress, rounded
from runtime.apps.bench_memory_live import EVERYTHING, RATE_HZ
from runtime.apps.bench_memory_world import SPACE, WIDTH, K, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACKNOWLEDGED = 100  # records, then the kill
SEARCHES = 100
READY_S, REBUILT_S = 2.0, 10.0
RAM_BYTES = 60.0
UNSEALED = 0.05  # of all vectors at most, where memory per vector has a goal
STATUS = Path("/proc/self/status")


def measure_ready(folder: Path, kills: int, *, has_goals: bool) -> list[Measure]:
    """Kill who writes into a memory, and open it again; afterwards without the files of its index, which then lack."""
    lost, opened = 0, []
    for number in range(kills):
        progress(f"kill -9 and opening, {number + 1} of {kills}")
        acknowledged = kill_writer(folder)
        opened.append(run_child("open", folder, time.monotonic()))
        lost = max(lost, acknowledged - opened[-1]["rows"])
    progress("kill -9 and opening without index files")
    kill_writer(folder)
    shutil.rmtree(folder / FOLDER)
    rebuilt = [run_child("open", folder, time.monotonic()) for _ in range(kills)]
    return [
        Measure(name="records acknowledged and lost by kill -9", value=max(0, lost), unit="records", at_most=0),
        _ready("ready after kill -9", opened, READY_S if has_goals else None),
        _ready("ready after kill -9 without index files", rebuilt, REBUILT_S if has_goals else None),
    ]


def measure_ram(folder: Path, unsealed: float) -> list[Measure]:
    """Open a memory's index in a fresh process and search; nothing where the system does not tell."""
    if not STATUS.exists():
        return []
    seen = run_child("ram", folder, SEARCHES)
    grown = seen["after_bytes"] - seen["before_bytes"]
    return [
        Measure(
            name="private memory of an open index per vector",
            value=grown / seen["rows"],
            unit="B",
            at_most=RAM_BYTES if unsealed <= UNSEALED else None,
            detail={"grown_mib": round(grown / 2**20, 1), "unsealed": round(unsealed, 4)},
        )
    ]


def kill_writer(folder: Path) -> int:
    """Let a child write 50 records a second, kill it with SIGKILL, and return how many vectors it called stored."""
    acknowledged = []
    with subprocess.Popen(_command("write", folder, 0), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            acknowledged.append(int(line))
            if len(acknowledged) == ACKNOWLEDGED:
                child.kill()
    return max(acknowledged)


def run_child(what: str, folder: Path, number: float) -> dict[str, Any]:
    """Run this file to its end and return what it printed."""
    return json_lines(_command(what, folder, number))[0]


def _command(what: str, folder: Path, number: float) -> list[str]:
    return [sys.executable, "-m", "runtime.apps.bench_memory_child", what, str(folder), str(number)]


def _ready(name: str, opened: Sequence[dict[str, Any]], at_most: float | None) -> Measure:
    ready_s = [one["ready_ms"] / 1e3 for one in opened]
    detail = {"s": rounded(ready_s), "vectors": opened[-1]["rows"]}
    for step in ("start_and_imports_ms", "open_ms", "follow_ms", "search_ms"):
        detail[step] = rounded((one[step] for one in opened), 1)
    return Measure(name=name, value=statistics.median(ready_s), unit="s", at_most=at_most, detail=detail)


def _write(folder: Path) -> None:
    """Store 50 records a second until killed; print how many vectors there are after each."""
    store = Store.open(folder)
    first = store.stats().vectors[SPACE]
    writer = Writer(store)
    start_s = time.perf_counter()
    for count, rows in enumerate(World().rows_from(first)):
        time.sleep(max(0.0, start_s + count / RATE_HZ - time.perf_counter()))
        writer.submit(rows).add_done_callback(partial(_acknowledge, first + count + 1))


def _acknowledge(count: int, stored: Future[list[str]]) -> None:
    stored.result()
    print(count, flush=True)


def _open(folder: Path, started_s: float) -> dict[str, Any]:
    """Do what the service does before its first answer; `started_s` is when this process was started."""
    imported_s = time.monotonic()
    query = _queries(1)[0]
    times_s = [time.perf_counter()]
    store = Store.open(folder)
    reader = Store.open(folder, writable=False)
    for _ in itertools.islice(store.unembedded(SPACE), K):
        pass
    times_s.append(time.perf_counter())
    index = SpaceIndex(store.path, SPACE, WIDTH)
    index.follow(reader.connection())
    times_s.append(time.perf_counter())
    ids, _ = index.search(query, K, EVERYTHING)
    times_s.append(time.perf_counter())
    assert len(ids) == K
    steps_ms = [1e3 * (end_s - start_s) for start_s, end_s in itertools.pairwise(times_s)]
    return {
        "start_and_imports_ms": 1e3 * (imported_s - started_s),
        "ready_ms": 1e3 * (times_s[-1] - times_s[0]),
        "rows": len(index),
    } | dict(zip(("open_ms", "follow_ms", "search_ms"), steps_ms, strict=True))


def _ram(folder: Path, searches: int) -> dict[str, Any]:
    """Open an index and search; say how the memory grew that no file lies behind."""
    queries = _queries(searches)
    reader = Store.open(folder, writable=False)
    db = reader.connection()
    before_bytes = _private_bytes()
    index = SpaceIndex(reader.path, SPACE, WIDTH)
    index.follow(db)
    for query in queries:
        index.search(query, K, EVERYTHING)
    return {"rows": len(index), "before_bytes": before_bytes, "after_bytes": _private_bytes()}


def _private_bytes() -> int:
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1_024 for line in lines if line.startswith("RssAnon"))


def _queries(count: int) -> NDArray[np.float32]:
    """Return vectors (count, C) of length 1, made without leaving freed memory that would be used again."""
    queries = np.random.default_rng(0).standard_normal((count, WIDTH), np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries


def main(what: str, folder: Path, number: float) -> None:
    """Be the process that is killed, that opens, or that is weighed."""
    match what:
        case "write":
            _write(folder)
        case "open":
            print(json.dumps(_open(folder, number)))
        case _:
            print(json.dumps(_ram(folder, int(number))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
