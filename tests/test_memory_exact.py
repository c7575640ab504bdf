"""The exact scan against an obvious one: which rows, in which order, and to the last bit what they score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memory.columns import Rows
from memory.exact import nearest, nearest_of
from tests.test_memory_index import query_of, random_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray


def by_hand(
    vectors: NDArray[np.float16], query: NDArray[np.float32], count: int, numbers: NDArray[np.int64]
) -> NDArray[np.int64]:
    scores = vectors[numbers].astype(np.float64) @ query.astype(np.float64)
    return numbers[np.lexsort((numbers, -scores))[:count]]


@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 300),
    count=st.integers(0, 40),
    ends=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    share=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
def test_it_finds_what_a_scan_finds_and_of_equals_the_first(
    seed: int, n: int, count: int, ends: tuple[int, int], share: float
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (n, 3)).astype(np.float16)  # most products come several times, and are exact
    query = random.integers(-2, 3, 3).astype(np.float32)
    mask = random.random(n) < share
    stretch = Rows.between(*sorted(min(end, n) for end in ends))
    for rows in (Rows.of(mask), stretch, Rows.of(mask[stretch.start : stretch.stop], stretch.start)):
        found, scores = nearest(vectors, query, count, rows)
        assert found.tolist() == by_hand(vectors, query, count, rows.numbers()).tolist()
        np.testing.assert_array_equal(scores, vectors[found].astype(np.float32) @ query)
        again, _ = nearest_of(vectors, query, count, rows.numbers())
        assert again.tolist() == found.tolist()


def test_every_half_counts_as_what_it_is() -> None:
    halves = np.arange(65_536, dtype=np.uint16).view(np.float16)
    vectors = halves[np.isfinite(halves)].reshape(-1, 8)  # those too that are too small for an exponent of their own
    for dimension in range(8):
        found, scores = nearest(
            vectors, np.eye(8, dtype=np.float32)[dimension], len(vectors), Rows.between(0, len(vectors))
        )
        assert len(found) == len(vectors)
        np.testing.assert_array_equal(scores, vectors[found, dimension].astype(np.float32))


@given(seed=st.integers(0, 1000), cut=st.integers(1, 199), width=st.sampled_from([1, 7, 64, 250]))
def test_a_product_does_not_depend_on_where_its_vector_lies(seed: int, cut: int, width: int) -> None:
    vectors, query = random_vectors(200, seed, width), query_of(seed + 1, width)
    found, scores = nearest(vectors, query, 200, Rows.between(0, 200))
    of_row = dict(zip(found.tolist(), scores.tolist(), strict=True))
    for first, part in ((0, vectors[:cut]), (cut, vectors[cut:].copy())):
        some, products = nearest(part, query, len(part), Rows.between(0, len(part)))
        assert [of_row[first + row] for row in some.tolist()] == products.tolist()
    alone, products = nearest_of(vectors, query, 1, np.array([cut]))
    assert [of_row[cut]] == products.tolist()
    assert alone.tolist() == [cut]
