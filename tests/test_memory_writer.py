"""Group commit: stored means on disk, whoever dies and whenever."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from memory.manifest import sealed_parts
from memory.rows import record_row
from memory.space import SpaceIndex
from memory.store import Store
from memory.writer import Writer
from tests.memory_records import LetterEmbedder, rows_of, tone, utterance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOW_WINDOW_S = 60.0  # longer than any test: only the end closes it


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "memory")
    yield opened
    opened.close()


def kept_keys(folder: Path) -> list[str]:
    reader = Store.open(folder, writable=False)
    keys = [key for (key,) in reader.connection().execute("SELECT key FROM record ORDER BY id")]
    reader.close()
    return keys


def test_a_future_resolves_when_its_rows_are_on_disk(store: Store) -> None:
    writer = Writer(store)
    keys = writer.submit(rows_of([tone(0, 0, 1), tone(1, 1, 2)])).result(5)
    assert keys == ["s/mic/0/sound-0", "s/mic/0/sound-1"] == kept_keys(store.folder)
    assert writer.close(5)


def test_close_commits_what_waits(store: Store) -> None:
    writer = Writer(store, window_s=SLOW_WINDOW_S)
    futures = [writer.submit(rows_of([tone(i, i, i + 1)])) for i in range(100)]
    assert writer.close(5)
    assert all(future.result(0) for future in futures)
    assert len(kept_keys(store.folder)) == 100
    with pytest.raises(RuntimeError, match="closed"):
        writer.submit(rows_of([tone(0, 0, 1)]))


def test_duplicates_are_reported_as_stored(store: Store) -> None:
    writer = Writer(store)
    for _ in range(2):
        assert writer.submit(rows_of([tone(0, 0, 1)])).result(5) == ["s/mic/0/sound-0"]
    assert writer.close(5)
    assert kept_keys(store.folder) == ["s/mic/0/sound-0"]


def test_an_impossible_row_fails_alone(store: Store) -> None:
    writer = Writer(store, window_s=SLOW_WINDOW_S)
    before = writer.submit(rows_of([tone(0, 0, 1)]))
    impossible = writer.submit([record_row(tone(1, 1, 2))._replace(t_ns=10**30)])
    after = writer.submit(rows_of([tone(2, 2, 3)]))
    assert writer.close(5)
    assert (before.result(0), after.result(0)) == (["s/mic/0/sound-0"], ["s/mic/0/sound-2"])
    assert isinstance(impossible.exception(0), OverflowError)


def test_a_full_queue_refuses(store: Store) -> None:
    writer = Writer(store, window_s=SLOW_WINDOW_S, queue_rows=2)
    futures = []
    with contextlib.suppress(queue.Full):
        for i in range(10_000):
            futures.append(writer.submit(rows_of([tone(i, i, i + 1)])))
    assert len(futures) < 10_000
    assert writer.close(5)
    assert len(kept_keys(store.folder)) == len(futures) == sum(len(future.result(0)) for future in futures)


async def test_whoever_stops_waiting_loses_nothing(store: Store) -> None:
    writer = Writer(store, window_s=SLOW_WINDOW_S)
    waiting = asyncio.wrap_future(writer.submit(rows_of([tone(0, 0, 1)])))
    waiting.cancel()
    await asyncio.sleep(0)
    assert writer.close(5)
    assert kept_keys(store.folder) == ["s/mic/0/sound-0"]


CHILD = """
import sys
from pathlib import Path
from memory.disk import RealDisk
from memory.sealing import Sealer
from memory.store import Store
from memory.upkeep import Upkeep
from memory.writer import Writer
from tests.memory_records import rows_with_vectors, utterance

first = int(sys.argv[2])
writer = Writer(Store.open(sys.argv[1]))
sealer = Sealer(Path(sys.argv[1]), writer.submit, RealDisk(), seal_rows=50)
upkeep = Upkeep([sealer])
upkeep.start()
for i in range(first, first + 1_000_000, 5):
    group = [utterance(max(0, i + k - (3 if k == 0 else 0)), i, i + 1, f"word {i}") for k in range(5)]  # some twice
    for key in writer.submit(rows_with_vectors(group)).result():
        sys.stdout.write(key + "\\n")
    sys.stdout.flush()
    upkeep.wake()
"""


def kill_rounds(folder: Path, rounds: int) -> None:
    """Kill a writing process again and again; every key that it called stored must be there, once."""
    rng = random.Random(7)
    called_stored: set[str] = set()
    sealed = 0
    for turn in range(rounds):
        command = [sys.executable, "-c", CHILD, str(folder), str(turn * 1_000_000)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = [child.stdout.readline()]  # it runs
        for _ in range(rng.randrange(0, 200)):
            lines.append(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
        child.stdout.close()
        child.wait()
        called_stored |= {line.strip() for line in lines if line.endswith("\n")}
        store = Store.open(folder)
        kept = [key for (key,) in store.connection().execute("SELECT key FROM record")]
        assert called_stored <= set(kept)
        assert len(kept) == len(set(kept))
        assert store.verify() == []
        index = SpaceIndex(store.path, LetterEmbedder.space, LetterEmbedder.width)
        index.follow(store.connection())
        assert index.damaged == []  # killed while it seals, or merges, or between a file and its name in the store
        assert len(index) == store.stats().vectors[LetterEmbedder.space] == len(kept)
        sealed = max(sealed, len(sealed_parts(store.connection(), LetterEmbedder.space)))
        store.close()
    assert len(called_stored) > rounds * 5
    assert sealed


@pytest.mark.slow
def test_kill_9_loses_nothing_that_was_called_stored(tmp_path: Path) -> None:
    kill_rounds(tmp_path / "memory", rounds=5)


@pytest.mark.soak
def test_kill_9_a_thousand_times(tmp_path: Path) -> None:
    for part in range(10):  # each on a new memory: all of it is read and compared after every kill
        kill_rounds(tmp_path / str(part), rounds=100)


def test_a_thousand_rows_share_few_commits(store: Store) -> None:
    writer = Writer(store, window_s=60.0, queue_rows=1_000)  # the window ends when the queue is full
    futures = [writer.submit([record_row(utterance(i, i, i + 1, "word"))]) for i in range(1_000)]
    assert sum(len(future.result(10)) for future in futures) == 1_000
    pages = (store.folder / "memory.db-wal").stat().st_size // 4096
    assert writer.close(5)
    assert pages < 1_000  # a commit writes every page it touched: one per row would take several thousand
