"""A day of records, as fast as the disk takes them: memory's own memory, its open files and its threads stay flat.

The parts that the service runs live are put together here as it does (writer, sealer in its thread, recaller) with an
embedder that costs nothing: MiniLM would need 20 ms for each text, and keeps nothing but a bounded cache. Time is
simulated. `HEEDFUL_SOAK_HOURS` (24) and `HEEDFUL_SOAK_PER_S` (50) say how many hours and how many records a simulated
second; 24 hours at 50 are 4.3 million records.
"""

from __future__ import annotations

import gc
import logging
import os
import queue
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

from memory.clips import ClipBorders
from memory.describe import has_own_vector
from memory.disk import RealDisk
from memory.manifest import FOLDER
from memory.recall import Recaller
from memory.rows import VectorRow, clip_key, clip_row, record_row, vector_row
from memory.sealing import Sealer
from memory.store import Store
from memory.upkeep import Upkeep
from memory.writer import Writer
from runtime.apps.bench_measure import slope
from runtime.messages import Recall
from tests.memory_records import LetterEmbedder, frame, motion, ns, tone, utterance

if TYPE_CHECKING:
    from concurrent.futures import Future

    from memory.rows import Row
    from runtime.messages import Record

logger = logging.getLogger(__name__)

HOURS = float(os.environ.get("HEEDFUL_SOAK_HOURS", "24"))
PER_S = float(os.environ.get("HEEDFUL_SOAK_PER_S", "50"))
PROC = Path("/proc/self")
CAMERAS = 8
SEGMENTS_MAX = 24  # one of each size, and what is being made
BATCH_S, RECALL_S = 60, 180  # of simulated time
SAMPLES_AN_HOUR = 4
WARM_SHARE = 0.25  # of the time, before which nothing counts
WORDS = ("kettle", "train", "london", "keys", "drawer", "rain", "piano", "doctor", "meteor", "violin")


class TinyEmbedder(LetterEmbedder):
    """Few dimensions."""

    space = "text:tiny"
    width = 64


@dataclass(slots=True)
class Seen:
    """What the process held, sample by sample."""

    hours: list[float] = field(default_factory=list)
    private_mib: list[float] = field(default_factory=list)  # what no file lies behind
    resident_mib: list[float] = field(default_factory=list)  # with pages of segments that were looked at
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)  # in the index: it is meant to grow with them

    def sample(self, hour: float, folder: Path, vectors: int) -> None:
        gc.collect()
        status = dict(line.split(":\t", 1) for line in (PROC / "status").read_text().splitlines() if ":\t" in line)
        self.hours.append(hour)
        self.private_mib.append(int(status["RssAnon"].split()[0]) / 1_024)
        self.resident_mib.append(int(status["VmRSS"].split()[0]) / 1_024)
        self.files.append(len(list((PROC / "fd").iterdir())))
        self.threads.append(threading.active_count())
        self.vectors.append(vectors)
        self.segments.append(len(list((folder / FOLDER).iterdir())))

    def warm(self) -> slice:
        return slice(int(WARM_SHARE * len(self.hours)), None)


class Day:
    """A live memory, to which records come in simulated time."""

    def __init__(self, folder: Path) -> None:
        self._embedder = TinyEmbedder()
        self._writer = Writer(Store.open(folder))
        self._recaller = Recaller(folder, self._embedder)
        self._sealer = Sealer(folder, self._writer.submit, RealDisk())
        self._upkeep = Upkeep([self._sealer])
        self._upkeep.start()
        self._borders = {f"cam{n}": ClipBorders("s", f"cam{n}", 0, "video") for n in range(CAMERAS)}
        self._borders["mic"] = ClipBorders("s", "mic", 0, "audio")
        self._waiting: deque[Future[list[str]]] = deque()
        self._random = random.Random(1)
        self._seq = 0
        self.vectors = 0

    def pass_time(self, from_s: int, per_s: float) -> None:
        """Let a batch of records come."""
        rows: list[Row] = []
        count = round(BATCH_S * per_s)
        for number in range(count):
            record = self._record(from_s + BATCH_S * number / count)
            clips = self._borders[record.stream].add(record)
            row = record_row(record)
            texts = [(row.key, row.text)] * has_own_vector(record) + [(clip_key(clip), clip.text) for clip in clips]
            rows += [row, *map(clip_row, clips)]
            rows += [vector_row(key, self._embedder.space, self._embedder.encode([text])[0]) for key, text in texts]
        self.vectors += sum(isinstance(row, VectorRow) for row in rows)
        self._submit(rows)
        self._recaller.refresh()
        self._sealer.note(self._embedder.space, self._recaller.damaged)
        self._upkeep.wake()

    def ask(self, at_s: int) -> int:
        """Ask for something; return how many records were told."""
        word = self._random.choice(WORDS)
        query = Recall(
            session="s", query_id="q", as_of_ns=ns(at_s), text=f"when was the {word}", start_ns=ns(at_s - 3_600)
        )
        found = self._recaller.recall(query)
        return len(found.hits)

    def close(self) -> None:
        self._recaller.close()
        self._upkeep.close()
        assert self._writer.close(60.0)

    def _record(self, at_s: float) -> Record:
        """Return one of 50 as words or a sound, else a picture or a movement of one of the cameras."""
        self._seq += 1
        seq = self._seq
        if seq % 50 == 0:
            return utterance(seq, at_s, at_s + 0.5, " ".join(self._random.choices(WORDS, k=4)))
        if seq % 50 == 25:
            return tone(seq, at_s, at_s + 0.1)
        stream = f"cam{seq % CAMERAS}"
        return motion(seq, at_s, at_s, stream=stream) if seq % 3 else frame(seq, at_s, stream=stream)

    def _submit(self, rows: list[Row]) -> None:
        while True:
            try:
                self._waiting.append(self._writer.submit(rows))
                break
            except queue.Full:
                time.sleep(0.01)
        while len(self._waiting) > 4:
            self._waiting.popleft().result()


def live(folder: Path, hours: float, per_s: float) -> Seen:
    """Let so many hours pass, and look at the process a few times in each."""
    day, seen = Day(folder), Seen()
    told = 0
    for at_s in range(0, round(3_600 * hours), BATCH_S):
        day.pass_time(at_s, per_s)
        if at_s % RECALL_S == 0:
            told += day.ask(at_s)
        if at_s % (3_600 // SAMPLES_AN_HOUR) == 0:
            seen.sample(at_s / 3_600, folder, day.vectors)
            logger.info("%.2f h: %.1f MiB private", seen.hours[-1], seen.private_mib[-1])
    day.close()
    assert told > 0
    return seen


def check_flat(seen: Seen) -> None:
    """At the end as many files and threads as in the middle; a sample may lie in a sealing, which holds some."""
    warm = seen.warm()
    for counts in (seen.files[warm], seen.threads[warm]):
        half = len(counts) // 2
        assert median(counts[half:]) <= median(counts[:half]) + 1
    assert max(seen.segments) <= SEGMENTS_MAX


needs_proc = pytest.mark.skipif(not (PROC / "status").exists(), reason="the system has no /proc")


@needs_proc
@pytest.mark.slow  # on a busy machine
def test_files_and_threads_stay_as_many(tmp_path: Path) -> None:
    seen = live(tmp_path / "m", 4, 0.3)
    check_flat(seen)


@needs_proc
@pytest.mark.soak
@pytest.mark.timeout(6 * 3_600)
def test_a_day_leaves_the_process_as_large_as_it_was(tmp_path: Path) -> None:
    seen = live(tmp_path / "m", HOURS, PER_S)
    warm = seen.warm()
    grown = {
        name: slope(seen.hours[warm], getattr(seen, name)[warm]) for name in ("private_mib", "resident_mib", "vectors")
    }
    shown = {name: getattr(seen, name)[warm][::SAMPLES_AN_HOUR] for name in ("private_mib", "files", "threads")}
    print(f"{HOURS:g} h at {PER_S:g}/s: per simulated hour {grown}; each hour {shown}")
    check_flat(seen)
    assert grown["private_mib"] < 1.0
