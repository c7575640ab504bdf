"""Fills a memory with days as the service would: records, clips as they close, vectors of both, and sealing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.clips import ClipBorders
from memory.describe import describe, has_own_vector
from memory.disk import RealDisk
from memory.embed import TextEmbedder
from memory.rows import Row, SessionRow, VectorRow, clip_key, clip_row, record_row, vector_row
from memory.sealing import Sealer
from memory.store import Store
from runtime.apps.bench_measure import progress
from runtime.apps.bench_needles_said import Needle
from runtime.apps.bench_needles_world import CAMERA, HOUR, MIC, NEEDLE_PICTURES, SESSION, YARD, Days, Hidden, Scenes
from runtime.messages import Clip, Frame, Record, Sensor, record_id

SENSORS: dict[str, Sensor] = {MIC: "audio", YARD: "audio", CAMERA: "video"}
SCENE_SPACE = "scene:made@1"
SEAL_HOURS = 24  # of event time


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What was seen once: the records of its pictures, their vectors (n, C), and when it ended."""

    record_ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Where the needles are, and what lies around them."""

    hidden: list[Hidden]
    scenes: list[Scene]
    records: int
    texts: int  # different ones, each embedded once
    end_ns: int


class Filler:
    """Writes records into a memory, in order; texts that come again are embedded once."""

    def __init__(self, folder: Path, embedder: TextEmbedder) -> None:
        self._store = Store.open(folder)
        self._embedder = embedder
        self._vectors: dict[str, bytes] = {}
        self._borders = {stream: ClipBorders(SESSION, stream, 0, sensor) for stream, sensor in SENSORS.items()}
        self._sealer = Sealer(folder, self._submit, RealDisk())
        self._store.append([SessionRow(SESSION, 0)])

    @property
    def texts(self) -> int:
        """How many different texts were embedded."""
        return len(self._vectors)

    def add(self, records: Sequence[Record], seen: dict[str, NDArray[np.float32]]) -> None:
        """Store records, the clips they close, and the vectors (C,) of what they say and of what is `seen` in them."""
        for _, some in groupby(records, lambda record: record.t_ns // HOUR):
            hour = list(some)
            clips = [clip for record in hour for clip in self._borders[record.stream].add(record)]
            texts = [(record_id(record), describe(record)) for record in hour if has_own_vector(record)]
            pictures = [record_id(record) for record in hour if isinstance(record, Frame)]
            self._store.append(
                [
                    *(record_row(record) for record in hour),
                    *(vector_row(key, SCENE_SPACE, seen[key]) for key in pictures),
                    *self._rows(clips, texts),
                ]
            )
        self._sealer.run()

    def close(self) -> None:
        """Close the open clips, and the memory."""
        clips = [clip for borders in self._borders.values() for clip in borders.end(0)]
        self._store.append(list(self._rows(clips, [])))
        self._sealer.close()
        self._store.close()

    def _rows(self, clips: Sequence[Clip], texts: Sequence[tuple[str, str]]) -> Iterator[Row]:
        yield from (clip_row(clip) for clip in clips)
        for key, text in (*texts, *((clip_key(clip), clip.text) for clip in clips)):
            if text not in self._vectors:
                self._vectors[text] = vector_row(key, "", self._embedder.encode([text])[0]).vector
            yield VectorRow(key, self._embedder.space, self._vectors[text])

    def _submit(self, rows: Sequence[Row]) -> Future[list[str]]:
        stored: Future[list[str]] = Future()
        stored.set_result(self._store.append(rows))
        return stored


def fill(
    folder: Path,
    embedder: TextEmbedder,
    days: Days,
    count: int,
    needle_day: int,
    needles: Sequence[Needle],
    scenes: int,
) -> Filled:
    """Let so many days pass, and on one of them all that happens once."""
    filler, world = Filler(folder, embedder), Scenes()
    hidden: list[Hidden] = []
    once: list[Scene] = []
    total, end_ns = 0, 0
    for day in range(count):
        progress(f"day {day + 1} of {count}, {filler.texts} texts")
        records, found = days.records(day, needles if day == needle_day else ())
        hidden += found
        pictures = [record for record in records if isinstance(record, Frame)]
        apart = len(pictures) // max(1, scenes)
        places = [number * apart for number in range(scenes)] if day == needle_day else []
        vectors = world.vectors(day, len(pictures), places)
        for first in places:
            run = pictures[first : first + NEEDLE_PICTURES]
            ids = tuple(map(record_id, run))
            once.append(Scene(record_ids=ids, vectors=vectors[first : first + len(run)], end_ns=run[-1].t_ns))
        filler.add(records, dict(zip(map(record_id, pictures), vectors, strict=True)))
        total, end_ns = total + len(records), records[-1].t_ns
    filler.close()
    return Filled(hidden=hidden, scenes=once, records=total, texts=filler.texts, end_ns=end_ns)
