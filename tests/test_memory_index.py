"""Exact search against a plain scan, with the filter inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.index import GATHER_ROWS, VectorIndex
from memory.scope import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 8


def random_vectors(n: int, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def fill(index: VectorIndex, vectors: NDArray[np.float32], ids: NDArray[np.int64]) -> None:
    """Add vectors whose session, stream, kind and times follow from their id."""
    index.add(
        ids,
        vectors,
        sessions=[f"session{i % 2}" for i in ids],
        streams=[f"stream{i % 3}" for i in ids],
        kinds=["utterance" if i % 5 else "sound" for i in ids],
        start_ns=[int(i) * 10 for i in ids],
        end_ns=[int(i) * 10 + 15 for i in ids],
        t_ns=[int(i) * 10 + 20 for i in ids],
    )


def allows(scope: Scope, i: int) -> bool:
    """Say what `select` must say, one id at a time."""
    return (
        scope.session == f"session{i % 2}"
        and (not scope.streams or f"stream{i % 3}" in scope.streams)
        and (not scope.kinds or ("utterance" if i % 5 else "sound") in scope.kinds)
        and i * 10 <= scope.end_ns
        and i * 10 + 15 >= scope.start_ns
        and i * 10 + 20 <= scope.as_of_ns
    )


@settings(max_examples=60)
@given(
    n=st.integers(0, 60),
    k=st.integers(1, 20),
    seed=st.integers(0, 1000),
    scope=st.builds(
        Scope,
        session=st.sampled_from(["session0", "session1", "nowhere"]),
        as_of_ns=st.integers(0, 700),
        start_ns=st.integers(0, 700),
        end_ns=st.integers(0, 700),
        kinds=st.sampled_from([(), ("sound",), ("utterance", "sound"), ("motion",)]),
        streams=st.sampled_from([(), ("stream1",), ("stream0", "stream2")]),
    ),
)
def test_search_equals_a_scan_of_what_the_scope_allows(n: int, k: int, seed: int, scope: Scope) -> None:
    vectors, query = random_vectors(n, seed), random_vectors(1, seed + 1)[0]
    ids = np.arange(n, dtype=np.int64) * 3 + 1
    index = VectorIndex(WIDTH)
    fill(index, vectors, ids)
    allowed = [row for row, i in enumerate(ids) if allows(scope, int(i))]
    assert index.select(scope).tolist() == ids[allowed].tolist()
    found, scores = index.search(query, k, index.select(scope))
    best = sorted(allowed, key=lambda row: -float(vectors[row] @ query))[:k]
    assert found.tolist() == ids[best].tolist()  # min(k, allowed) of them, nothing from outside
    np.testing.assert_allclose(scores, vectors[best] @ query, atol=1e-6)


@pytest.mark.parametrize("step", [1, 3])
def test_large_scopes_search_through_faiss_and_find_the_same(step: int) -> None:
    n = (GATHER_ROWS + 50) * step
    vectors, query = random_vectors(n), random_vectors(1, 9)[0]
    ids = np.arange(1, n + 1, dtype=np.int64)
    index = VectorIndex(WIDTH)
    fill(index, vectors, ids)
    allowed = ids[::step]
    found, scores = index.search(query, 10, allowed)
    best = np.argsort(-(vectors[allowed - 1] @ query), kind="stable")[:10]
    assert found.tolist() == allowed[best].tolist()
    np.testing.assert_allclose(scores, (vectors[allowed - 1] @ query)[best], atol=1e-6)
    everything, _ = index.search(query, 1)
    assert everything.tolist() == [int(ids[np.argmax(vectors @ query)])]


def test_equal_scores_come_in_the_order_of_their_ids() -> None:
    index = VectorIndex(WIDTH)
    fill(index, np.repeat(random_vectors(1), 5, axis=0), np.arange(1, 6, dtype=np.int64))
    found, _ = index.search(random_vectors(1)[0], 5)
    assert found.tolist() == [1, 2, 3, 4, 5]


def test_added_in_pieces_is_added_at_once() -> None:
    vectors, query = random_vectors(3_000), random_vectors(1, 5)[0]
    ids = np.arange(1, 3_001, dtype=np.int64)
    whole, pieces = VectorIndex(WIDTH), VectorIndex(WIDTH)
    fill(whole, vectors, ids)
    for begin in range(0, 3_000, 700):
        fill(pieces, vectors[begin : begin + 700], ids[begin : begin + 700])
    assert pieces.last_id == 3_000
    for part in zip(whole.search(query, 20), pieces.search(query, 20), strict=True):
        np.testing.assert_array_equal(*part)


@pytest.mark.parametrize(
    ("vectors", "ids", "reason"),
    [
        (np.full((1, WIDTH), np.nan, np.float32), [5], "not finite"),
        (np.full((1, WIDTH), np.inf, np.float32), [5], "not finite"),
        (np.ones((1, WIDTH + 1), np.float32), [5], "shape"),
        (np.ones((2, WIDTH), np.float32), [5], "shape"),
        (np.ones((1, WIDTH), np.float32), [2], "count up"),
        (np.ones((2, WIDTH), np.float32), [5, 5], "count up"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    vectors: NDArray[np.float32], ids: list[int], reason: str
) -> None:
    index = VectorIndex(WIDTH)
    fill(index, random_vectors(2), np.array([1, 2]))
    with pytest.raises(ValueError, match=reason):
        fill(index, vectors, np.array(ids))
    assert len(index) == 2
    assert index.last_id == 2


def test_a_query_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        VectorIndex(WIDTH).search(np.ones(WIDTH + 1, np.float32), 1)
    with pytest.raises(ValueError, match="finite"):
        VectorIndex(WIDTH).search(np.full(WIDTH, np.nan, np.float32), 1)


def test_an_empty_index_finds_nothing() -> None:
    found, scores = VectorIndex(WIDTH).search(random_vectors(1)[0], 5)
    assert (len(found), len(scores)) == (0, 0)
