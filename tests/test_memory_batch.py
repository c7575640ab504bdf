"""Many queries at once: what one scan each finds, to the last bit, whatever a device says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.batch import BLOCK_ROWS, COUNT_MAX, SPARE, nearest_each, proven
from memory.columns import Rows
from memory.device import Device, Gpu, has_gpu_build
from memory.exact import nearest
from tests.memory_devices import FaissDevice, FullDevice, MisplacingDevice, NumpyDevice
from tests.test_memory_index import random_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 24


def same_as_scans(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], count: int, rows: Rows, device: Device | None
) -> None:
    found = nearest_each(vectors, queries, count, rows, device)
    assert len(found) == len(queries)
    for (numbers, products), query in zip(found, queries, strict=True):
        true, scores = nearest(vectors, query, count, rows)
        np.testing.assert_array_equal(numbers, true)
        np.testing.assert_array_equal(products, scores)


@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 600),
    count=st.integers(0, 30),
    share=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    few=st.sampled_from([1, 3, 600]),
)
def test_on_any_device_it_finds_what_scans_find(seed: int, n: int, count: int, share: float, few: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random_vectors(few, seed, WIDTH)[np.arange(n) % few]  # few of them come again and again
    queries = random_vectors(7, seed + 1, WIDTH).astype(np.float32)
    mask = random.random(n) < share
    for rows in (Rows.of(mask), Rows.between(n // 3, n)):
        for device in (None, FaissDevice(), NumpyDevice()):
            same_as_scans(vectors, queries, count, rows, device)


def test_a_device_answers_what_it_can_prove_and_the_cpu_scans_the_rest() -> None:
    rows = Rows.between(0, 3_000)
    apart, queries = random_vectors(3_000, 3, WIDTH), random_vectors(20, 4, WIDTH).astype(np.float32)
    assert None not in proven(apart, queries, 10, rows, NumpyDevice())
    alike = apart.copy()
    alike[:] = apart[0]
    assert proven(alike, queries, 10, rows, NumpyDevice()) == [None] * 20
    same_as_scans(alike, queries, 10, rows, NumpyDevice())


def test_more_rows_than_a_device_holds_at_once_are_searched_in_blocks() -> None:
    n = 2 * BLOCK_ROWS + 50
    vectors, queries = random_vectors(n, 5, WIDTH), random_vectors(5, 6, WIDTH).astype(np.float32)
    for rows in (Rows.between(0, n), Rows.of(np.arange(n) % 4 > 0)):
        device = NumpyDevice()
        assert None not in proven(vectors, queries, 5, rows, device)
        assert device.searched == 5 * -(-rows.count // BLOCK_ROWS)
        same_as_scans(vectors, queries, 5, rows, device)


@pytest.mark.parametrize(("digits", "is_trusted"), [(6, True), (4, False)])
def test_a_device_that_rounds_more_than_float32_is_not_trusted(
    digits: int, is_trusted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def round_off(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        scores[:] = np.round(scores, digits)

    vectors, queries = random_vectors(2_000, 7, WIDTH), random_vectors(30, 8, WIDTH).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        same_as_scans(vectors, queries, 10, Rows.between(0, 2_000), NumpyDevice(round_off))
    assert [record.getMessage() for record in caplog.records] == (
        [] if is_trusted else ["NumPy cannot search (computes less precisely than float32): the CPU does"]
    )


def test_nothing_is_asked_of_a_device_where_nothing_can_be_found_or_too_much_is_wanted() -> None:
    vectors, queries = random_vectors(2_000, 7, WIDTH), random_vectors(3, 8, WIDTH).astype(np.float32)
    device = NumpyDevice()
    same_as_scans(vectors, queries, COUNT_MAX + 1, Rows.between(0, 2_000), device)
    same_as_scans(vectors, queries, 5, Rows.between(4, 4), device)
    same_as_scans(vectors, queries[:0], 5, Rows.between(0, 2_000), device)
    assert device.searched == 0
    same_as_scans(vectors, queries, COUNT_MAX, Rows.between(0, COUNT_MAX + SPARE), device)
    assert device.searched == 3


def test_where_a_device_fails_the_cpu_finds_the_same_and_one_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    vectors, queries = random_vectors(500, 1, WIDTH), random_vectors(4, 2, WIDTH).astype(np.float32)
    failing: list[tuple[Device, str]] = [
        (FullDevice(), "the full one cannot search (alloc fail (cudaMalloc error out of memory [2])): the CPU does"),
        (
            FullDevice(0, 0),
            "the full one cannot search (alloc fail (cudaMalloc error out of memory [2])): the CPU does",
        ),
        (MisplacingDevice(0), "the misplacing one cannot search (names rows that it was not given): the CPU does"),
    ]
    for device, said in failing:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            same_as_scans(vectors, queries, 10, Rows.between(0, 500), device)
        assert [record.getMessage() for record in caplog.records] == [said]


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu_build(), reason="this FAISS is built without GPU")
def test_a_gpu_finds_what_scans_find() -> None:
    vectors, queries = random_vectors(150_000, 11, 64), random_vectors(50, 12, 64).astype(np.float32)
    for rows in (Rows.between(0, 150_000), Rows.of(np.arange(150_000) % 3 == 1), Rows.between(70_000, 70_050)):
        assert None not in proven(vectors, queries, 10, rows, Gpu())
        same_as_scans(vectors, queries, 10, rows, Gpu())
