"""One session for `heedful bench session`, in a process of its own: it plays a recording and watches itself meanwhile.

Run as `python -m runtime.apps.bench_session_child PATH SPEED LENGTH_S`, it prints one line of JSON. Questions come
evenly over LENGTH_S, and once at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import config as configuration
from runtime.apps.replay import Question, ReplayResult, replay
from runtime.messages import Gap, Message

CONFIG = "spine"
QUESTIONS = (
    "When did something move?",
    "How often did something move?",
    "What did you hear?",
    "What happened?",
)
TIMED = 8  # questions on the way
SAMPLE_S = 0.5
SAMPLES = 240  # that are kept: of a longer session each second, third, ... one
MIB = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STATM, FILES, THREADS = Path("/proc/self/statm"), Path("/proc/self/fd"), Path("/proc/self/task")


@dataclass(kw_only=True)
class Watch:
    """What a process weighed while it ran, thinned out so that it does not grow with the time."""

    every_s: float = SAMPLE_S
    at_s: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def note(self, at_s: float) -> None:
        """Look at this process."""
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        self.add(at_s, pages * PAGE_BYTES / MIB, _entries(FILES), _entries(THREADS))

    def add(self, at_s: float, rss_mib: float, files: int, threads: int) -> None:
        """Add a sample; where there are too many, every other one goes and from now on half as many come."""
        self.at_s.append(round(at_s, 3))
        self.rss_mib.append(round(rss_mib, 2))
        self.files.append(files)
        self.threads.append(threads)
        if len(self.at_s) > SAMPLES:
            self.every_s *= 2
            for values in (self.at_s, self.rss_mib, self.files, self.threads):
                del values[1::2]


@dataclass(kw_only=True)
class Heard:
    """What the bus said, counted."""

    kinds: Counter[str] = field(default_factory=Counter)
    samples_lost: int = 0  # by sources

    def add(self, message: Message) -> None:
        """Take a message."""
        self.kinds[message.kind] += 1
        self.samples_lost += message.lost if isinstance(message, Gap) else 0


async def play(path: Path, speed: float, length_s: float) -> dict[str, Any]:
    """Play a recording and return all that was seen."""
    watch, heard = Watch(), Heard()
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    watching = asyncio.create_task(_watch(watch, start_s), name="watch")
    try:
        settings = configuration.load(CONFIG)
        result = await replay([path], settings, questions(length_s), speed=speed, listen=heard.add)
    finally:
        watching.cancel()
    used = {"cpu_s": time.process_time() - start_cpu_s, "wall_s": time.perf_counter() - start_s}
    return used | _told(result, watch, heard)


def questions(length_s: float) -> list[Question]:
    """Return the questions that are asked of a recording of this length; of an unknown one (0) only at its end."""
    at_s = [length_s * (number + 1) / (TIMED + 1) for number in range(TIMED)] if length_s > 0 else []
    timed = [Question(text=QUESTIONS[number % len(QUESTIONS)], at_s=one) for number, one in enumerate(at_s)]
    return [*timed, *(Question(text=text) for text in QUESTIONS)]


def _told(result: ReplayResult, watch: Watch, heard: Heard) -> dict[str, Any]:
    return {
        "streams": list(result.streams),
        "length_s": result.length_s,
        "playing_s": result.playing_s,
        "spread_ms": result.spread_ms,
        "counters": result.counters,
        "lost": result.lost,
        "heard": dict(heard.kinds),
        "samples_lost": heard.samples_lost,
        "answers_ms": [one.timing_ms.total for one in result.answers],
        "at_s": watch.at_s,
        "rss_mib": watch.rss_mib,
        "files": watch.files,
        "threads": watch.threads,
    }


async def _watch(watch: Watch, start_s: float) -> None:
    while True:
        watch.note(time.perf_counter() - start_s)
        await asyncio.sleep(watch.every_s)


def _entries(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def main() -> None:
    """Play what the command line names."""
    path, speed, length_s = sys.argv[1:]
    seen = asyncio.run(play(Path(path), float(speed), float(length_s)))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
