"""The benchmark of memory, tiny: its reference against a scan in Python, its open loop, and one run of all of it."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memory.rows import VectorRow, keys_of
from memory.store import Store
from memory.writer import Writer
from runtime.apps.bench_memory import SHARES, Amounts, measure_amounts
from runtime.apps.bench_memory_child import kill_writer, run_child
from runtime.apps.bench_memory_device import QUERIES, ROUNDS, measure_device
from runtime.apps.bench_memory_peers import PEERS, Ours, compared, measure_peers
from runtime.apps.bench_memory_storing import store_steadily, sync_ms
from runtime.apps.bench_memory_world import (
    APART_NS,
    CHUNK,
    SPACE,
    WIDTH,
    K,
    World,
    fill,
    make_queries,
    nearest,
    recall,
    rows_of,
)
from tests.memory_devices import FaissDevice, FullDevice

if TYPE_CHECKING:
    from numpy.typing import NDArray

TINY = Amounts(
    vectors=9_000, queries=20, search_s=0.2, probes=5, store_s=0.1, syncs=20, kills=1, has_goals=False
)  # one segment, and a tail


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float16]:
    return World().chunk(0)[:3_000]


def test_a_world_is_the_same_every_time_and_its_vectors_have_length_one() -> None:
    chunk = World().chunk(1)
    assert chunk.shape == (CHUNK, WIDTH)
    assert np.allclose(np.linalg.norm(chunk.astype(np.float32), axis=1), 1, atol=1e-3)
    assert (chunk == World().chunk(1)).all()
    assert (chunk != World().chunk(0)).any()


def test_neighbours_in_time_show_the_same_scene() -> None:
    chunk = World().chunk(0).astype(np.float32)
    apart, together = (chunk[: CHUNK // 2] * chunk[CHUNK // 2 :]).sum(1), (chunk[1:] * chunk[:-1]).sum(1)
    assert np.median(together) > 0.7
    assert np.median(apart) < 0.3


def test_rows_go_on_where_chunks_meet() -> None:
    world = World()
    both = np.concatenate((world.chunk(0), world.chunk(1)))
    for number, rows in enumerate(islice(world.rows_from(CHUNK - 3), 6), CHUNK - 3):
        assert rows == rows_of(number, both[number : number + 1])
    assert len(set(keys_of(rows_of(0, both[:1_000])))) == 1_000


def test_vectors_in_a_file_are_those_of_the_world(tmp_path: Path) -> None:
    kept = World().vectors(tmp_path / "vectors.npy", CHUNK + 5)
    assert (kept == np.concatenate((World().chunk(0), World().chunk(1)[:5]))).all()
    assert (np.load(tmp_path / "vectors.npy", mmap_mode="r") == kept).all()


def test_row_i_gets_id_i_plus_one(tmp_path: Path, vectors: NDArray[np.float16]) -> None:
    fill(tmp_path / "m", vectors[:100])
    store = Store.open(tmp_path / "m", writable=False)
    found = list(store.connection().execute("SELECT id, start_ns, end_ns, t_ns, vector FROM vec ORDER BY id"))
    store.close()
    times = ((row * APART_NS,) * 3 for row in range(100))
    assert found == [(row + 1, *t, vectors[row].tobytes()) for row, t in enumerate(times)]


@pytest.mark.parametrize("share", SHARES)
def test_the_reference_is_what_a_scan_finds(vectors: NDArray[np.float16], share: float) -> None:
    queries = make_queries(vectors, share, 12)
    truth = nearest(vectors, queries)
    for query, rows in zip(queries, truth.tolist(), strict=True):
        window = range(query.first, query.last + 1)
        assert len(window) == round(share * len(vectors))
        scores = {row: float(np.dot(vectors[row].astype(np.float32), query.vector)) for row in window}
        assert set(rows) == set(sorted(scores, key=lambda row: -scores[row])[:K])


def test_the_reference_is_right_where_pieces_meet() -> None:
    vectors = np.concatenate((World().chunk(0), World().chunk(1)))
    queries = make_queries(vectors, 0.9, 4)
    scores = np.stack([query.vector for query in queries]) @ vectors.astype(np.float32).T
    for query, some, rows in zip(queries, scores, nearest(vectors, queries), strict=True):
        best = np.argsort(-some[query.first : query.last + 1])[:K] + query.first
        assert set(rows) == set(best)


def test_half_of_the_queries_mean_what_lies_in_their_window(vectors: NDArray[np.float16]) -> None:
    queries = make_queries(vectors, 0.01, 100)
    products = vectors.astype(np.float32) @ np.stack([query.vector for query in queries]).T
    meant = products.argmax(0)
    inside = [query.first <= row <= query.last for query, row in zip(queries, meant, strict=True)]
    assert all(inside[1::2])
    assert sum(inside[::2]) < 10


def test_recall_is_the_share_of_what_is_nearest() -> None:
    truth = np.arange(2 * K).reshape(2, K)
    assert recall([list(range(K)), list(range(K, 2 * K))], truth) == 1.0
    assert recall([list(range(K)), list(range(K))], truth) == 0.5
    assert recall([list(range(0, K, 2))], truth) == 0.5  # the second was not asked


def test_waiting_for_a_commit_counts_from_the_arrival_on(tmp_path: Path) -> None:
    writer = Writer(Store.open(tmp_path), window_s=0.4)
    times_ms, late_ms = store_steadily(writer, 50, 0.2)
    assert writer.close(10.0)
    assert len(times_ms) == len(late_ms) == 10
    assert all(0 <= late < time for late, time in zip(late_ms, times_ms, strict=True))
    assert times_ms[0] > 350  # the first waits for the whole window


def test_syncing_leaves_nothing_behind(tmp_path: Path) -> None:
    assert len(sync_ms(tmp_path, 3)) == 3
    assert list(tmp_path.iterdir()) == []


def run(effort: int, p50_ms: float, rows: list[int]) -> dict[str, object]:
    return {"effort": effort, "times_ms": [p50_ms] * 3, "rows": [rows]}


def test_a_peer_counts_with_its_fastest_setting_that_finds_as_much() -> None:
    truth, rows = np.arange(K)[None], list(range(K))
    tried = [run(0, 9.0, rows), run(1, 1.0, rows[:5]), run(2, 4.0, rows)]
    measure = compared("peer", 0.1, tried, truth, Ours(recall=1.0, p50_ms=2.0), {"build_s": 1.0})
    assert (measure.value, measure.goal, measure.detail["effort"]) == (2.0, ">= 1 x", 2)
    assert measure.detail["recall@10"] == 1.0


def test_a_peer_that_never_finds_as_much_has_no_goal_and_counts_with_its_most_thorough_setting() -> None:
    truth, rows = np.arange(K)[None], list(range(K))
    tried = [run(0, 0.5, rows[:3]), run(1, 1.0, rows[:9])]
    measure = compared("peer", 0.1, tried, truth, Ours(recall=1.0, p50_ms=2.0), {})
    assert (measure.value, measure.goal, measure.detail["recall@10"]) == (0.5, "", 0.9)


@pytest.mark.slow
def test_peers_find_what_is_nearest(tmp_path: Path) -> None:
    installed = [name for name, peer in PEERS.items() if find_spec(peer.module) is not None]
    if not installed:
        pytest.skip("no peer is installed: pip install 'heedful[peers]'")
    vectors = World().vectors(tmp_path / "vectors.npy", 2_000)
    windows = {share: make_queries(vectors, share, 10) for share in (0.1, 1.0)}
    truth = {share: nearest(vectors, queries) for share, queries in windows.items()}
    ours = dict.fromkeys(windows, Ours(recall=0.95, p50_ms=1.0))
    measures = measure_peers(tmp_path / "vectors.npy", windows, truth, ours)
    assert len(measures) == 2 * len(installed)
    for measure in measures:
        assert measure.detail["recall@10"] >= 0.9
        assert measure.value > 0
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.npy"]


@pytest.mark.slow
def test_whoever_writes_is_killed_and_what_it_called_stored_is_there(tmp_path: Path) -> None:
    fill(tmp_path / "m", World().chunk(0)[:100])
    acknowledged = kill_writer(tmp_path / "m")
    assert acknowledged >= 200
    opened = run_child("open", tmp_path / "m", 0)
    assert opened["rows"] >= acknowledged
    assert 0 < opened["search_ms"] < opened["ready_ms"]
    rows = rows_of(150, World().chunk(0)[150:151])
    assert isinstance(rows[1], VectorRow)
    store = Store.open(tmp_path / "m", writable=False)
    kept = store.connection().execute("SELECT vector FROM vec WHERE id = 151").get
    assert store.stats().vectors == {SPACE: opened["rows"]}
    store.close()
    assert kept == rows[1].vector


def test_a_device_is_measured_beside_the_cpu_and_without_one_nothing_is_claimed(vectors: NDArray[np.float16]) -> None:
    assert measure_device(vectors, None) == measure_device(vectors, FullDevice()) == []
    building, searching, same = measure_device(vectors, FaissDevice())
    for one in (building, searching):
        assert one.value > 0
        assert one.detail["rows"] == len(vectors)
        assert len(one.detail["device_s"]) == len(one.detail["cpu_s"]) == ROUNDS
    assert 0 < searching.detail["proven"] <= QUERIES
    assert (same.value, same.passed) == (1.0, True)


@pytest.mark.slow
def test_everything_is_measured() -> None:
    measures = {one.name: one for one in measure_amounts(TINY)}
    values = {name: one.value for name, one in measures.items()}
    for share in ("1 %", "10 %", "100 %"):
        assert 0.9 <= values[f"recall@10 in {share} of the time"] <= 1.0
        assert 0 < values[f"search p50 in {share} of the time"] <= values[f"search p99 in {share} of the time"]
        assert measures[f"search p99 in {share} of the time"].detail["searches"] >= 20
    assert measures["disk per vector with its record"].detail["segments"] == [1]
    assert 1_000 < values["disk per vector with its record"] < 3_000
    assert values["records acknowledged and lost by kill -9"] == 0
    assert measures["ready after kill -9"].detail["vectors"] >= 9_000 + 5 + 100
    assert measures["ready after kill -9"].at_most is None
    assert measures["stored at 2000 records/s, p99"].detail["records"] == 200
    later = (
        "from storing a record to finding it, p99",
        "fdatasync of the disk alone, p99",
        "ready after kill -9 without",
    )
    assert all(value > 0 for name, value in values.items() if name.startswith(later))
