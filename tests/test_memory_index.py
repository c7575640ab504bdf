"""One space in parts against a plain scan, with the filter inside."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.columns import NAMES as COLUMNS_OF_NAMES
from memory.columns import Columns, Rows
from memory.disk import RealDisk
from memory.index import EXACT_ROWS, VectorIndex
from memory.scope import Scope
from memory.segment import Batch, Segment, write_segment
from memory.tail import Tail
from tests.memory_devices import FaissDevice, FullDevice, NumpyDevice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory.device import Device

WIDTH = 8
NAMES = ["session0", "session1", "stream0", "stream1", "stream2", "utterance", "sound", "scene", "operator"]
EVERYTHING = Scope(session="session0", as_of_ns=2**62)


def random_vectors(n: int, seed: int = 0, width: int = WIDTH) -> NDArray[np.float16]:
    vectors = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    unit: NDArray[np.float16] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    return unit


def query_of(seed: int, width: int = WIDTH) -> NDArray[np.float32]:
    query: NDArray[np.float32] = random_vectors(1, seed, width)[0].astype(np.float32)
    return query


def columns_of(ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return columns in which session, stream, kind and times follow from the id."""
    return {
        "id": ids,
        "start_ns": ids * 10,
        "end_ns": ids * 10 + 15,
        "t_ns": ids * 10 + 20,
        "session": ids % 2,
        "stream": 2 + ids % 3,
        "kind": np.where(ids % 5, 5, 6),
        "trust": np.where(ids % 7, 7, 8),
    }


def named(ids: NDArray[np.int64]) -> dict[str, list[int] | list[str]]:
    """Return the same columns as a tail takes them."""
    return {
        name: [NAMES[code] for code in values] if name in COLUMNS_OF_NAMES else values.tolist()
        for name, values in columns_of(ids).items()
    }


def tail_of(vectors: NDArray[np.float16], ids: NDArray[np.int64]) -> Tail:
    tail = Tail(vectors.shape[1])
    tail.add(vectors, named(ids))  # type: ignore[arg-type]
    return tail


def segment_of(path: Path, vectors: NDArray[np.float16], ids: NDArray[np.int64]) -> Segment:
    checksum, rows = write_segment(RealDisk(), path, [Batch(vectors=vectors, columns=columns_of(ids))], NAMES)
    assert rows == len(ids)
    return Segment.open(path, checksum)


def allows(scope: Scope, i: int) -> bool:
    """Say what a scope allows, one id at a time."""
    return (
        scope.session == f"session{i % 2}"
        and (not scope.streams or f"stream{i % 3}" in scope.streams)
        and (not scope.trusts or ("scene" if i % 7 else "operator") in scope.trusts)
        and (not scope.kinds or ("utterance" if i % 5 else "sound") in scope.kinds)
        and i * 10 <= scope.end_ns
        and i * 10 + 15 >= scope.start_ns
        and i * 10 + 20 <= scope.as_of_ns
    )


SCOPES = st.builds(
    Scope,
    session=st.sampled_from(["session0", "session1", "nowhere"]),
    as_of_ns=st.integers(0, 700),
    start_ns=st.integers(0, 700),
    end_ns=st.integers(0, 700),
    kinds=st.sampled_from([(), ("sound",), ("utterance", "sound"), ("motion",)]),
    streams=st.sampled_from([(), ("stream1",), ("stream0", "stream2")]),
    trusts=st.sampled_from([(), ("operator",), ("local", "scene")]),
)


@settings(max_examples=200)
@given(n=st.integers(0, 60), scope=SCOPES, block=st.integers(1, 20), gone=st.sets(st.integers(0, 200)))
def test_columns_allow_what_the_scope_allows_row_by_row(n: int, scope: Scope, block: int, gone: set[int]) -> None:
    ids = np.arange(n, dtype=np.int64) * 3 + 1
    columns = Columns(columns_of(ids), NAMES, block)
    columns.hide(np.array(sorted(gone), np.int64))
    rows = columns.allowed(scope)
    expected = [row for row, i in enumerate(ids) if allows(scope, int(i)) and int(i) not in gone]
    assert rows.numbers().tolist() == expected
    assert rows.count == len(expected)


def test_more_names_than_bits_hide_nothing_and_let_nothing_through() -> None:
    ids = np.arange(1, 201, dtype=np.int64)
    columns = Columns({**columns_of(ids), "session": ids % 100}, [f"s{code}" for code in range(100)], 7)
    for code in (0, 3, 36, 67, 99):
        allowed = columns.allowed(Scope(session=f"s{code}", as_of_ns=2**62)).numbers()
        assert ids[allowed].tolist() == [one for one in ids.tolist() if one % 100 == code]


@given(
    steps=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    scope=SCOPES,
    block=st.integers(1, 20),
    gone=st.sets(st.integers(0, 100)),
)
def test_columns_that_grew_allow_what_those_made_at_once_do(
    steps: list[int], scope: Scope, block: int, gone: set[int]
) -> None:
    ids = np.arange(sum(steps), dtype=np.int64) * 3 + 1
    grown = Columns(columns_of(ids[: steps[0]]), NAMES, block)
    hidden = np.array(sorted(gone & set(ids[: steps[0]].tolist())), np.int64)
    grown.hide(hidden)
    for some in np.cumsum(steps).tolist()[1:]:
        grown.grow(columns_of(ids[:some]), NAMES)
    at_once = Columns(columns_of(ids), NAMES, block)
    at_once.hide(hidden)
    assert grown.allowed(scope).numbers().tolist() == at_once.allowed(scope).numbers().tolist()


@settings(max_examples=60)
@given(
    n=st.integers(0, 60),
    k=st.integers(1, 20),
    seed=st.integers(0, 1000),
    scope=SCOPES,
    cuts=st.lists(st.integers(0, 60), max_size=3),
)
def test_search_over_parts_equals_a_scan_of_what_the_scope_allows(
    n: int, k: int, seed: int, scope: Scope, cuts: list[int]
) -> None:
    vectors, query = random_vectors(n, seed), query_of(seed + 1)
    ids = np.arange(n, dtype=np.int64) * 3 + 1
    edges = sorted({0, n, *(cut for cut in cuts if cut < n)})
    index = VectorIndex(WIDTH)
    *sealed, last = [slice(a, b) for a, b in itertools.pairwise(edges)] or [slice(0, 0)]
    index.use([tail_of(vectors[one], ids[one]) for one in sealed])
    index.tail.add(vectors[last], named(ids[last]))  # type: ignore[arg-type]
    assert len(index) == n
    allowed = [row for row, i in enumerate(ids) if allows(scope, int(i))]
    found, scores = index.search(query, k, scope)
    best = sorted(allowed, key=lambda row: -float(vectors[row].astype(np.float32) @ query))[:k]
    assert found.tolist() == ids[best].tolist()  # min(k, allowed) of them, nothing from outside
    np.testing.assert_allclose(scores, vectors[best].astype(np.float32) @ query, atol=1e-6)


def test_results_do_not_depend_on_where_vectors_lie(tmp_path: Path) -> None:
    n, width = 4_000, 48
    vectors, ids = random_vectors(n, 1, width), np.arange(1, n + 1, dtype=np.int64)
    vectors[2_000:2_600] = vectors[1_000:1_600]  # what is said again has the same vector
    vectors[3_900:] = vectors[100]
    one, other = VectorIndex(width), VectorIndex(width)
    one.tail.add(vectors, named(ids))  # type: ignore[arg-type]
    other.use([segment_of(tmp_path / f"{a}", vectors[a:b], ids[a:b]) for a, b in ((0, 1_500), (1_500, 3_950))])
    other.tail.add(vectors[3_950:], named(ids[3_950:]))  # type: ignore[arg-type]
    for scope in (EVERYTHING, Scope(session="session1", as_of_ns=2**62, start_ns=9_000, streams=("stream1",))):
        for row in (100, *range(0, n, 250)):
            query = vectors[row].astype(np.float32)
            for found, same in zip(one.search(query, 17, scope), other.search(query, 17, scope), strict=True):
                np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize(
    "scope", [EVERYTHING, Scope(session="session0", as_of_ns=2**62, streams=("stream1", "stream2"))]
)
def test_large_scopes_search_the_tail_through_faiss_and_find_the_same(scope: Scope) -> None:
    n = (EXACT_ROWS + 50) * 4
    vectors, query = random_vectors(n), query_of(9)
    ids = np.arange(1, n + 1, dtype=np.int64)
    index = VectorIndex(WIDTH)
    index.tail.add(vectors, named(ids))  # type: ignore[arg-type]
    allowed = np.array([i for i in ids if allows(scope, int(i))])
    found, scores = index.search(query, 10, scope)
    exact = vectors[allowed - 1].astype(np.float32) @ query
    best = np.argsort(-exact, kind="stable")[:10]
    assert found.tolist() == allowed[best].tolist()
    np.testing.assert_allclose(scores, exact[best], atol=1e-6)


def test_sealed_parts_and_tail_together_find_nearly_what_a_scan_finds(tmp_path: Path) -> None:
    n, width = 30_000, 64
    scenes = random_vectors(150, 1, width).astype(np.float32)
    near = scenes[np.arange(n) // 200] + 0.6 * random_vectors(n, 2, width).astype(np.float32)
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float16)
    ids = np.arange(1, n + 1, dtype=np.int64)
    index = VectorIndex(width)
    index.use([segment_of(tmp_path / f"{a}", vectors[a:b], ids[a:b]) for a, b in ((0, 16_000), (16_000, 28_000))])
    index.tail.add(vectors[28_000:], named(ids[28_000:]))  # type: ignore[arg-type]
    for scope in (EVERYTHING, Scope(session="session0", as_of_ns=2**62, start_ns=30_000, end_ns=270_000)):
        assert EXACT_ROWS < sum(allows(scope, int(i)) for i in ids)
        allowed = np.array([i for i in ids if allows(scope, int(i))])
        right = 0
        for number in range(0, n, 1_000):
            query = vectors[number].astype(np.float32)
            found, scores = index.search(query, 10, scope)
            assert set(found.tolist()) <= set(allowed.tolist())
            assert scores.tolist() == sorted(scores.tolist(), reverse=True)
            exact = vectors[allowed - 1].astype(np.float32) @ query
            right += len(set(allowed[np.argsort(-exact)[:10]].tolist()) & set(found.tolist()))
        assert right / (10 * n / 1_000) >= 0.98


def test_many_queries_at_once_find_what_is_nearest_in_every_part_on_any_device(tmp_path: Path) -> None:
    n = 24_000
    vectors, ids = random_vectors(n, 1, 32), np.arange(1, n + 1, dtype=np.int64)
    queries = random_vectors(12, 2, 32).astype(np.float32)
    index = VectorIndex(32)
    index.use([segment_of(tmp_path / f"{a}", vectors[a:b], ids[a:b]) for a, b in ((0, 16_000), (16_000, 20_000))])
    index.tail.add(vectors[20_000:], named(ids[20_000:]))  # type: ignore[arg-type]
    for scope in (EVERYTHING, Scope(session="session0", as_of_ns=2**62, start_ns=150_000, streams=("stream1",))):
        allowed = np.array([i for i in ids if allows(scope, int(i))])
        on_cpu = index.find_all(queries, 10, scope)
        for query, found in zip(queries, on_cpu, strict=True):
            exact = vectors[allowed - 1].astype(np.float32) @ query
            assert set(found.ids.tolist()) == set(allowed[np.argsort(-exact)[:10]].tolist())
            assert (found.allowed, found.is_exact) == (len(allowed), True)
        devices: list[Device] = [FaissDevice(), NumpyDevice(), FullDevice(1, 0)]
        for device in devices:
            for found, true in zip(index.find_all(queries, 10, scope, device), on_cpu, strict=True):
                np.testing.assert_array_equal(found.ids, true.ids)
                np.testing.assert_array_equal(found.scores, true.scores)
    few = Scope(session="session0", as_of_ns=2**62, start_ns=150_000, end_ns=200_000)
    for query, found in zip(
        queries, index.find_all(queries, 7, few), strict=True
    ):  # as one by one, where few are allowed
        np.testing.assert_array_equal(found.ids, index.find(query, 7, few).ids)


def test_many_queries_are_refused_and_answered_as_one_is() -> None:
    index = VectorIndex(WIDTH)
    queries = random_vectors(3).astype(np.float32)
    assert [len(found.ids) for found in index.find_all(queries, 5, EVERYTHING, FaissDevice())] == [0, 0, 0]
    assert index.find_all(queries[:0], 5, EVERYTHING) == []
    index.tail.add(random_vectors(9), named(np.arange(1, 10)))  # type: ignore[arg-type]
    assert [len(found.ids) for found in index.find_all(queries, 0, EVERYTHING, FaissDevice())] == [0, 0, 0]
    for wrong in (queries[0], queries[:, 1:], queries * np.nan):
        with pytest.raises(ValueError, match="finite and of shape"):
            index.find_all(wrong, 5, EVERYTHING)


def test_rows_that_come_again_and_again_do_not_seem_near_to_every_question(tmp_path: Path) -> None:
    again, once = random_vectors(60, 1, width=64), random_vectors(4_000, 2, width=64)
    vectors = np.concatenate((once, np.repeat(again, 300, axis=0)))
    ids = np.arange(1, 1 + len(vectors))
    index = VectorIndex(64)
    index.use([segment_of(tmp_path / "a.segment", vectors, ids)])
    scope = Scope(session="session1", as_of_ns=2**62)
    assert ids[ids % 2 == 1].size > EXACT_ROWS
    for number in range(0, 200, 2):  # all of ids that are odd
        found = index.find(vectors[number].astype(np.float32) + 0.05 * query_of(number, 64), 5, scope)
        assert found.ids[0] == ids[number]


def test_a_window_far_from_the_question_still_gives_as_many_as_were_asked_for(tmp_path: Path) -> None:
    n, width = 60_000, 32
    places = np.repeat(np.eye(width, dtype=np.float32), n // width + 1, axis=0)[:n]
    vectors = (places + 0.02 * random_vectors(n, 2, width).astype(np.float32)).astype(np.float16)
    ids = np.arange(1, n + 1, dtype=np.int64)
    index = VectorIndex(width)
    index.use([segment_of(tmp_path / "s", vectors, ids)])
    scope = Scope(session="session0", as_of_ns=2**62, start_ns=10_000, end_ns=240_000)
    assert EXACT_ROWS < sum(allows(scope, int(i)) for i in ids)
    for place in range(0, width, 3):
        found, _ = index.search(places[place * n // width], 10, scope)
        assert len(found) == 10


def test_what_is_sealed_leaves_the_tail_and_is_found_once(tmp_path: Path) -> None:
    vectors, ids = random_vectors(300), np.arange(1, 301, dtype=np.int64)
    index = VectorIndex(WIDTH)
    index.tail.add(vectors, named(ids))  # type: ignore[arg-type]
    before = index.search(query_of(5), 20, EVERYTHING)
    index.use([segment_of(tmp_path / "s", vectors[:200], ids[:200])])
    assert (len(index), len(index.tail), index.last_id) == (300, 100, 300)
    for one, other in zip(before, index.search(query_of(5), 20, EVERYTHING), strict=True):
        np.testing.assert_array_equal(one, other)
    index.use([segment_of(tmp_path / "t", vectors, ids)])
    assert (len(index), len(index.tail), index.last_id) == (300, 0, 300)


def test_equal_scores_come_in_the_order_of_their_ids() -> None:
    index = VectorIndex(WIDTH)
    index.tail.add(np.repeat(random_vectors(1), 9, axis=0), named(np.arange(2, 20, 2)))  # type: ignore[arg-type]
    found, _ = index.search(query_of(0), 5, EVERYTHING)
    assert found.tolist() == [2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("vectors", "ids", "reason"),
    [
        (np.full((1, WIDTH), np.nan, np.float16), [5], "not finite"),
        (np.full((1, WIDTH), np.inf, np.float16), [5], "not finite"),
        (np.ones((1, WIDTH + 1), np.float16), [5], "shape"),
        (np.ones((2, WIDTH), np.float16), [5], "shape"),
        (np.ones((1, WIDTH), np.float16), [2], "count up"),
        (np.ones((2, WIDTH), np.float16), [5, 5], "count up"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    vectors: NDArray[np.float16], ids: list[int], reason: str
) -> None:
    tail = tail_of(random_vectors(2), np.array([1, 2]))
    with pytest.raises(ValueError, match=reason):
        tail.add(vectors, named(np.array(ids)))  # type: ignore[arg-type]
    assert len(tail) == 2
    assert tail.last_id == 2


def test_a_query_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        VectorIndex(WIDTH).search(np.ones(WIDTH + 1, np.float32), 1, EVERYTHING)
    with pytest.raises(ValueError, match="finite"):
        VectorIndex(WIDTH).search(np.full(WIDTH, np.nan, np.float32), 1, EVERYTHING)


def test_an_empty_index_finds_nothing() -> None:
    found, scores = VectorIndex(WIDTH).search(query_of(0), 5, EVERYTHING)
    assert (len(found), len(scores)) == (0, 0)
    assert Rows.of(np.zeros(4, bool)).count == 0
