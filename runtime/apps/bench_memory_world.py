"""A long stretch of recurring scenes, made from a seed: its records and vectors, queries, and what is truly nearest.

Whoever lives somewhere sees the same few thousand scenes again and again, each for a while: that is what makes search
keys lie in clumps, and a query find hundreds of vectors that are nearly as near as the nearest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.rows import RecordRow, Row, VectorRow, record_row
from memory.scope import LATEST_NS, Scope
from memory.sealing import seal_now
from memory.store import Store
from runtime.messages import Sound

SEED = 7
SCENES = 3_000
RUN_ROWS = (20, 400)  # how long a scene lasts
LATENT = 48  # dimensions in which scenes differ
WIDTH = 256
SCENE_NOISE = 0.3  # within a scene, of how far scenes lie apart
VECTOR_NOISE = 0.3
QUERY_NOISE = 0.3  # of a vector's length
CHUNK = 16_384  # rows that are made at once
APART_NS = 20_000_000
SESSION = "bench"
STREAMS = ("camera", "microphone", "radar")
SPACE = "bench@1"
K = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for, and in which rows."""

    vector: NDArray[np.float32]  # (C,) of length 1
    first: int
    last: int

    @property
    def scope(self) -> Scope:
        """Return the stretch of time of these rows."""
        first_ns, last_ns = self.first * APART_NS, self.last * APART_NS
        return Scope(session=SESSION, as_of_ns=LATEST_NS, start_ns=first_ns, end_ns=last_ns, kinds=("sound",))


class World:
    """Vectors without end; row i came at i times 20 ms."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)
        self._scenes = random.standard_normal((SCENES, LATENT), np.float32)
        self._projection = random.standard_normal((LATENT, WIDTH), np.float32) / np.float32(LATENT**0.5)

    def chunk(self, number: int) -> NDArray[np.float16]:
        """Return the vectors (CHUNK, C) from row CHUNK times `number` on."""
        random = np.random.default_rng((SEED, number))
        lasting = random.integers(RUN_ROWS[0], RUN_ROWS[1] + 1, -(-CHUNK // RUN_ROWS[0]))
        seen = np.repeat(random.integers(0, SCENES, len(lasting)), lasting)[:CHUNK]
        latent = self._scenes[seen] + SCENE_NOISE * random.standard_normal((CHUNK, LATENT), np.float32)
        vectors = latent @ self._projection + VECTOR_NOISE * random.standard_normal((CHUNK, WIDTH), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        halves: NDArray[np.float16] = vectors.astype(np.float16)
        return halves

    def vectors(self, path: Path, count: int) -> NDArray[np.float16]:
        """Write the first vectors (count, C) into a file and return them from there."""
        vectors = np.lib.format.open_memmap(path, "w+", np.float16, (count, WIDTH))
        for start in range(0, count, CHUNK):
            vectors[start : start + CHUNK] = self.chunk(start // CHUNK)[: count - start]
        vectors.flush()
        return vectors

    def rows_from(self, first: int) -> Iterator[list[Row]]:
        """Yield the record and the vector of row `first` and of those behind it, without end."""
        while True:
            vectors = self.chunk(first // CHUNK)[first % CHUNK :]
            yield from ([*rows_of(number, vector[None])] for number, vector in enumerate(vectors, first))
            first += len(vectors)


def record(number: int, session: str = SESSION) -> RecordRow:
    """Return the record of a row."""
    t_ns = number * APART_NS
    return record_row(
        Sound(
            session=session, stream=STREAMS[number % len(STREAMS)], epoch=0, seq=number // len(STREAMS), t_ns=t_ns,
            start_ns=t_ns, end_ns=t_ns, label="tone", level_db=-20.0, rise_db=30.0, pitch_hz=100.0 + 10 * (number % 50),
        )
    )  # fmt: skip


def rows_of(first: int, vectors: NDArray[np.float16]) -> list[Row]:
    """Return what is stored for vectors (n, C) from row `first` on; row i then gets id i + 1 in its space."""
    records = [record(number) for number in range(first, first + len(vectors))]
    keys = [VectorRow(row.key, SPACE, vector.tobytes()) for row, vector in zip(records, vectors, strict=True)]
    return [*records, *keys]


def fill(folder: Path, vectors: NDArray[np.float16]) -> None:
    """Store vectors (n, C) with their records."""
    store = Store.open(folder)
    for start in range(0, len(vectors), CHUNK):
        store.append(rows_of(start, vectors[start : start + CHUNK]))
    store.close()


def seal(folder: Path) -> None:
    """Seal what is due."""
    store = Store.open(folder)
    seal_now(store)
    store.close()


def make_queries(vectors: NDArray[np.float16], share: float, count: int) -> list[Query]:
    """Return queries in windows that hold a share of all rows, half of them about what lies in their window."""
    random = np.random.default_rng((SEED, round(1_000 * share), count))
    rows = max(K, round(share * len(vectors)))
    queries = []
    for number in range(count):
        first = int(random.integers(0, len(vectors) - rows + 1))
        meant = int(random.integers(first, first + rows) if number % 2 else random.integers(0, len(vectors)))
        noise = random.standard_normal(WIDTH, np.float32) * np.float32(QUERY_NOISE / WIDTH**0.5)
        vector = vectors[meant].astype(np.float32) + noise
        queries.append(Query(vector=vector / np.linalg.norm(vector), first=first, last=first + rows - 1))
    return queries


def nearest(vectors: NDArray[np.float16], queries: Sequence[Query]) -> NDArray[np.int64]:
    """Return the K rows (Q, K) of each window that are truly nearest, in any order."""
    asked = np.stack([query.vector for query in queries])
    first, last = (np.array([getattr(query, end) for query in queries])[:, None] for end in ("first", "last"))
    scores = np.full((len(queries), K), -np.inf, np.float32)
    rows = np.full((len(queries), K), -1)
    for start in range(0, len(vectors), CHUNK):
        piece = vectors[start : start + CHUNK].astype(np.float32)
        some = np.flatnonzero((first < start + len(piece)) & (last >= start))
        here = np.arange(start, start + len(piece))
        products = asked[some] @ piece.T
        products[(here < first[some]) | (here > last[some])] = -np.inf
        all_scores = np.concatenate((scores[some], products), axis=1)
        all_rows = np.concatenate((rows[some], np.broadcast_to(here, products.shape)), axis=1)
        best = np.argpartition(-all_scores, K - 1, axis=1)[:, :K]
        scores[some] = np.take_along_axis(all_scores, best, 1)
        rows[some] = np.take_along_axis(all_rows, best, 1)
    return rows


def recall(found: Sequence[Sequence[int]], truth: NDArray[np.int64]) -> float:
    """Return which share of what is truly nearest (Q, K) was found; where fewer queries were asked, of the first."""
    hits = [len(set(some) & set(true)) / K for some, true in zip(found, truth.tolist(), strict=False)]
    return sum(hits) / len(hits)
