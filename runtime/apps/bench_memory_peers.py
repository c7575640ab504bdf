"""The same vectors, queries and windows in LanceDB, sqlite-vec and usearch, where they are installed.

Each runs in processes of its own and may try as hard as it takes: what counts is its fastest setting that finds as much
as ours, or else its most thorough. Nobody writes to theirs meanwhile, as somebody does to ours.
`python -m runtime.apps.bench_memory_peers NAME FOLDER VECTORS.npy [QUERIES]` builds one, or searches it.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import numpy as np
from numpy.typing import NDArray

from runtime.apps.bench_child import json_lines
from runtime.apps.bench_measure import Measure, percentile, progress
from runtime.apps.bench_memory_world import CHUNK, WIDTH, K, Query, make_queries, recall

Vectors: TypeAlias = NDArray[np.float16]
Search: TypeAlias = Callable[[Query, int], Sequence[int]]  # with so much effort -> rows

AS_MUCH = 0.005  # less recall than ours still counts as the same
LEAST_QUERIES, PATIENCE_S = 20, 20.0  # of each window with each effort
ONE_THREAD = {"LANCE_CPU_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RUST_LOG": "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What a peer is compared with, in one window."""

    recall: float
    p50_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another way to keep vectors, and the efforts with which it can search."""

    module: str
    efforts: Sequence[int]
    build: Callable[[Path, Vectors], None]
    open: Callable[[Path, int], Search]  # with how many rows there are


def measure_peers(
    path: Path, windows: dict[float, list[Query]], truth: dict[float, NDArray[np.int64]], ours: dict[float, Ours]
) -> list[Measure]:
    """Return p50 of each peer over ours in each window, for the vectors in the file at `path`."""
    measures = []
    for name, peer in PEERS.items():
        if find_spec(peer.module) is None:
            progress(f"{name} is not installed and left out: pip install 'heedful[peers]'")
            continue
        progress(f"building {name}")
        folder = path.with_name(peer.module)
        folder.mkdir()
        command = [sys.executable, "-m", "runtime.apps.bench_memory_peers", name, str(folder), str(path)]
        (built,) = json_lines(command)
        progress(f"searching {name}")
        count = len(next(iter(windows.values())))
        runs = json_lines([*command, str(count), *map(str, windows)], ONE_THREAD)
        shutil.rmtree(folder)
        for share in windows:
            tried = [run for run in runs if run["share"] == share]
            measures.append(compared(name, share, tried, truth[share], ours[share], built))
    return measures


def compared(
    name: str,
    share: float,
    tried: Sequence[dict[str, Any]],
    truth: NDArray[np.int64],
    ours: Ours,
    built: dict[str, Any],
) -> Measure:
    """Compare the fastest effort that finds as much as ours, or else the most thorough."""
    seen = [(percentile(run["times_ms"], 50), recall(run["rows"], truth), run) for run in tried]
    equals = [one for one in seen if one[1] >= ours.recall - AS_MUCH]
    p50_ms, found, run = min(equals, key=lambda one: one[0]) if equals else max(seen, key=lambda one: one[1])
    return Measure(
        name=f"search p50 in {100 * share:g} % of the time, {name} over ours",
        value=p50_ms / ours.p50_ms,
        unit="x",
        at_least=1.0 if equals else None,
        detail={
            f"recall@{K}": round(found, 4),
            "our_recall": round(ours.recall, 4),
            "p50_ms": round(p50_ms, 3),
            "p99_ms": round(percentile(run["times_ms"], 99), 3),
            "our_p50_ms": round(ours.p50_ms, 3),
            "effort": run["effort"],
            "searches": len(run["times_ms"]),
            **built,
        },
    )


def build_lancedb(folder: Path, vectors: Vectors) -> None:
    """Write a table with IVF_RQ on the vectors and a B-tree on time."""
    lancedb, index, arrow = (import_module(name) for name in ("lancedb", "lancedb.index", "pyarrow"))
    schema = arrow.schema([("row", arrow.int64()), ("vector", arrow.list_(arrow.float32(), WIDTH))])

    def batches() -> Iterator[Any]:
        for start, piece in _pieces(vectors):
            keys = arrow.FixedSizeListArray.from_arrays(arrow.array(piece.ravel()), WIDTH)
            rows = arrow.array(np.arange(start, start + len(piece)))
            yield arrow.RecordBatch.from_arrays([rows, keys], schema=schema)

    reader = arrow.RecordBatchReader.from_batches(schema, batches())
    table = lancedb.connect(folder).create_table("vectors", reader)
    table.create_index("vector", config=index.IvfRq(distance_type="l2", num_partitions=round(len(vectors) ** 0.5)))
    table.create_index("row", config=index.BTree())


def open_lancedb(folder: Path, count: int) -> Search:
    """Effort is how many partitions are looked into; 0 means an exact look at all allowed rows."""
    table = import_module("lancedb").connect(folder).open_table("vectors")

    def search(query: Query, effort: int) -> Sequence[int]:
        wanted = table.search(query.vector).where(f"row BETWEEN {query.first} AND {query.last}", prefilter=True)
        wanted = wanted.nprobes(effort).refine_factor(20) if effort else wanted.bypass_vector_index()
        rows: list[int] = wanted.limit(K).select(["row", "_distance"]).to_arrow()["row"].to_pylist()
        return rows

    return search


def build_sqlite_vec(folder: Path, vectors: Vectors) -> None:
    """Write a table whose partitions each hold a hundredth of the time."""
    db = _sqlite(folder)
    bucket = _bucket(len(vectors))
    columns = f"row integer primary key, bucket integer partition key, t integer, vector float[{WIDTH}]"
    db.execute(f"CREATE VIRTUAL TABLE keys USING vec0({columns})")
    insert = "INSERT INTO keys (row, bucket, t, vector) VALUES (?1, ?1 / ?2, ?1, ?3)"
    with db:
        for start, piece in _pieces(vectors):
            db.executemany(insert, ((row, bucket, one.tobytes()) for row, one in enumerate(piece, start)))
    db.close()


def open_sqlite_vec(folder: Path, count: int) -> Search:
    """Exact whatever the effort: partitions on the borders of a window are filtered by time."""
    db, bucket = _sqlite(folder), _bucket(count)
    sql = """SELECT row FROM keys WHERE vector MATCH ? AND k = ? AND bucket BETWEEN ? AND ? AND t BETWEEN ? AND ?"""

    def search(query: Query, effort: int) -> Sequence[int]:
        window = (query.first // bucket, query.last // bucket, query.first, query.last)
        return [row for (row,) in db.execute(sql, (query.vector.tobytes(), K, *window))]

    return search


def build_usearch(folder: Path, vectors: Vectors) -> None:
    """Write a graph over vectors of bfloat16."""
    graph = import_module("usearch.index").Index(ndim=WIDTH, metric="ip", dtype="bf16")
    for start, piece in _pieces(vectors):
        graph.add(np.arange(start, start + len(piece)), piece)
    graph.save(str(folder / "graph.usearch"))


def open_usearch(folder: Path, count: int) -> Search:
    """Effort is how many are fetched; those outside of the window are dropped then."""
    graph = import_module("usearch.index").Index.restore(str(folder / "graph.usearch"))

    def search(query: Query, effort: int) -> Sequence[int]:
        graph.expansion_search = effort
        rows = graph.search(query.vector, effort, threads=1).keys.astype(np.int64)
        found: list[int] = rows[(rows >= query.first) & (rows <= query.last)][:K].tolist()
        return found

    return search


PEERS = {
    "LanceDB": Peer(module="lancedb", efforts=(0, 16, 64, 256), build=build_lancedb, open=open_lancedb),
    "sqlite-vec": Peer(module="sqlite_vec", efforts=(0,), build=build_sqlite_vec, open=open_sqlite_vec),
    "usearch": Peer(module="usearch", efforts=(100, 400, 1_600, 6_400), build=build_usearch, open=open_usearch),
}


def _sqlite(folder: Path) -> apsw.Connection:
    db = apsw.Connection(str(folder / "keys.db"))
    db.enable_load_extension(True)
    db.load_extension(import_module("sqlite_vec").loadable_path())
    return db


def _bucket(count: int) -> int:
    return max(1, count // 100)


def _pieces(vectors: Vectors) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, len(vectors), CHUNK):
        yield start, vectors[start : start + CHUNK].astype(np.float32)


def build(peer: Peer, folder: Path, vectors: Vectors) -> dict[str, float]:
    """Build, and say how long it took and how much it fills."""
    start_s = time.perf_counter()
    peer.build(folder, vectors)
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"build_s": round(time.perf_counter() - start_s, 1), "disk_b": round(size_bytes / len(vectors), 1)}


def search_with(search: Search, queries: Sequence[Query], effort: int) -> dict[str, Any]:
    """Ask all queries, or as many as patience allows."""
    search(queries[0], effort)  # opens files, starts threads
    times_ms: list[float] = []
    rows: list[list[int]] = []
    begin_s = time.perf_counter()
    for query in queries:
        start_s = time.perf_counter()
        found = search(query, effort)
        times_ms.append(1e3 * (time.perf_counter() - start_s))
        rows.append(list(found))
        if len(rows) >= LEAST_QUERIES and time.perf_counter() - begin_s > PATIENCE_S:
            break
    return {"effort": effort, "times_ms": times_ms, "rows": rows}


def main(name: str, folder: Path, path: Path, *rest: str) -> None:
    """Be the process that builds a peer, or that searches it with every effort."""
    peer, vectors = PEERS[name], np.load(path, mmap_mode="r")
    if not rest:
        print(json.dumps(build(peer, folder, vectors)))
        return
    search = peer.open(folder, len(vectors))
    for share in map(float, rest[1:]):
        queries = make_queries(vectors, share, int(rest[0]))
        for effort in peer.efforts:
            print(json.dumps({"share": share} | search_with(search, queries, effort)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
