"""Replays for `heedful bench recording`, each in a process of its own: what they say first, what they weigh.

python -m runtime.apps.bench_recording_child first PATH STARTED_S   until the first frame is heard
python -m runtime.apps.bench_recording_child seek PATH AT_S ...     from each of these times on, until it goes on there
python -m runtime.apps.bench_recording_child play PATH LIMIT_S      at max, weighing itself
python -m runtime.apps.bench_recording_child alone PATH             each stream by itself, in one thread, without a bus

Each prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import config as configuration
from runtime.apps.bench_session_child import Watch
from runtime.apps.playlist import NS_PER_S, make_playlist, replay_session
from runtime.apps.replay import replay
from runtime.apps.wiring import BATCHES, DATA_BATCH, recorded_streams
from runtime.errors import MissingPart
from runtime.messages import Frame, Message, Watermark

CONFIG = "spine"
CLOCK = time.monotonic  # one for all processes of a machine


@dataclass(kw_only=True)
class Reached:
    """Listens until streams go on beyond `start_ns`; notes when the first of them did, and when all had."""

    start_ns: int
    clock: Callable[[], float] = CLOCK
    first_s: float | None = None
    all_s: float | None = None
    _waiting: set[str] = field(default_factory=set)

    def add(self, message: Message) -> bool:
        """Take a message; True once all have gone on. Every stream is announced before the first goes on."""
        if not isinstance(message, Watermark) or self.all_s is not None:
            return self.all_s is not None
        if message.t_ns < self.start_ns:
            self._waiting.add(message.stream)
            return False
        self._waiting.discard(message.stream)
        if self.first_s is None:
            self.first_s = self.clock()
        if not self._waiting:
            self.all_s = self.clock()
        return self.all_s is not None


async def play_until(path: Path, is_enough: Callable[[Message], bool], start_s: float = 0.0) -> None:
    """Play a recording at max until `is_enough` says so of a message; MissingPart where it never does."""
    enough = asyncio.Event()

    def listen(message: Message) -> None:
        if not enough.is_set() and is_enough(message):
            enough.set()

    playing = asyncio.create_task(replay([path], _settings(), [], listen=listen, start_s=start_s), name="replay")
    waiting = asyncio.create_task(enough.wait(), name="enough")
    await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    playing.cancel()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await playing
    if not enough.is_set():
        raise MissingPart(f"the replay of {path.name} ended without what was waited for", "report this")


async def first(path: Path, started_s: float) -> dict[str, float]:
    """Return how long the first frame takes from the call of replay, and from the start of the process."""
    begun_s = CLOCK()
    await play_until(path, lambda message: isinstance(message, Frame))
    heard_s = CLOCK()
    return {"replay_s": heard_s - begun_s, "process_s": heard_s - started_s}


async def seek(path: Path, at_s: list[float]) -> dict[str, list[float]]:
    """Return how long it takes until the first stream goes on at each of the times, and until all have."""
    firsts: list[float] = []
    alls: list[float] = []
    for one_s in at_s:
        reached = Reached(start_ns=round(one_s * NS_PER_S))
        begun_s = CLOCK()
        await play_until(path, reached.add, one_s)
        assert reached.first_s is not None
        assert reached.all_s is not None
        firsts.append(reached.first_s - begun_s)
        alls.append(reached.all_s - begun_s)
    return {"first_s": firsts, "all_s": alls}


async def play(path: Path, limit_s: float) -> dict[str, Any]:
    """Play to the end, or for so long; return what this process weighed from the first frame on."""
    watch, reached_ns, frames = Watch(), 0, 0
    begun_s = CLOCK()

    def look(message: Message) -> bool:
        nonlocal reached_ns, frames
        if isinstance(message, Watermark):
            reached_ns = max(reached_ns, message.t_ns)
        frames += isinstance(message, Frame)
        now_s = CLOCK() - begun_s
        if frames and (not watch.at_s or now_s >= watch.at_s[-1] + watch.every_s):
            watch.note(now_s)
        return now_s >= limit_s

    with suppress(MissingPart):  # it came to the end
        await play_until(path, look)
    watch.note(CLOCK() - begun_s)
    return {"at_s": watch.at_s, "rss_mib": watch.rss_mib, "reached_s": reached_ns / NS_PER_S, "frames": frames}


def alone(path: Path) -> dict[str, float]:
    """Return the seconds that reading and perceiving each stream takes from its first sample to its last record."""
    settings = _settings()
    playlist = make_playlist([path], settings.perception)
    streams = recorded_streams(playlist, settings, replay_session([path], settings))
    seconds: dict[str, float] = {}
    for played, (_, pipeline) in zip(playlist.streams, streams, strict=True):
        reader = played.open()
        begun_s = CLOCK()
        while samples := reader.read(BATCHES.get(played.sensor, DATA_BATCH)):
            pipeline.step(samples)
        pipeline.finish()
        seconds[played.name] = CLOCK() - begun_s
        reader.close()
    return seconds


def _settings() -> configuration.Config:
    return configuration.load(CONFIG)


def main(what: str, path: str, *more: str) -> dict[str, Any]:
    """Measure what the command line names."""
    match what:
        case "first":
            return asyncio.run(first(Path(path), float(more[0])))
        case "seek":
            return asyncio.run(seek(Path(path), [float(one) for one in more]))
        case "play":
            return asyncio.run(play(Path(path), float(more[0])))
        case _:
            return alone(Path(path))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
