"""A segment is what was sealed, or it is refused before anything of it is parsed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.codes import SHRUNK, Codes
from memory.columns import Rows
from memory.device import Device, Gpu, has_gpu_build
from memory.disk import RealDisk, unfinished
from memory.scope import Scope
from memory.segment import MAGIC, Batch, Segment, checksum_of, write_segment
from runtime.errors import IndexCorrupt
from tests.memory_devices import BreakingDevice, FaissDevice, FullDevice, MisplacingDevice
from tests.test_memory_index import NAMES, columns_of, random_vectors, segment_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 500


def written(path: Path, rows: int = ROWS, device: Device | None = None) -> int:
    ids = np.arange(1, rows + 1, dtype=np.int64)
    batch = Batch(vectors=random_vectors(rows), columns=columns_of(ids))
    return write_segment(RealDisk(), path, [batch], NAMES, device)[0]


def test_it_holds_what_was_written_in_batches(tmp_path: Path) -> None:
    vectors, ids = random_vectors(ROWS), np.arange(1, ROWS + 1, dtype=np.int64) * 7
    parts = [slice(0, 200), slice(200, 499), slice(499, ROWS)]
    batches = [Batch(vectors=vectors[one], columns=columns_of(ids[one])) for one in parts]
    checksum, rows = write_segment(RealDisk(), tmp_path / "s", batches, NAMES)
    segment = Segment.open(tmp_path / "s", checksum)
    assert rows == len(segment) == ROWS
    np.testing.assert_array_equal(segment.vectors, vectors)
    for name, values in columns_of(ids).items():
        np.testing.assert_array_equal(segment.columns.values[name], values)
    assert not unfinished(tmp_path / "s").exists()


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    assert written(tmp_path / "a") == written(tmp_path / "b")


@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, place: float, bit: int) -> None:
    path = tmp_path_factory.mktemp("bit") / "s"
    checksum = written(path, 60)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(IndexCorrupt, match="is damaged: its checksum is another"):
        Segment.open(path, checksum)


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, -1, -18])
def test_a_torn_file_and_a_tail_of_zeros_are_found(tmp_path: Path, kept: int) -> None:
    checksum = written(tmp_path / "s", 60)
    data = (tmp_path / "s").read_bytes()
    for torn in (data[:kept], data[:kept] + bytes(len(data) - len(data[:kept]))):
        (tmp_path / "s").write_bytes(torn)
        with pytest.raises(IndexCorrupt):
            Segment.open(tmp_path / "s", checksum)


def test_a_file_that_is_gone_or_of_another_store_is_refused(tmp_path: Path) -> None:
    checksum = written(tmp_path / "s", 60)
    with pytest.raises(IndexCorrupt, match="cannot be read"):
        Segment.open(tmp_path / "other", checksum)
    (tmp_path / "s").unlink()
    written(tmp_path / "s", 61)
    assert checksum_of(tmp_path / "s") != checksum
    with pytest.raises(IndexCorrupt, match="checksum"):
        Segment.open(tmp_path / "s", checksum)


def test_an_old_file_may_go_while_somebody_reads_it(tmp_path: Path) -> None:
    segment = segment_of(tmp_path / "s", random_vectors(ROWS), np.arange(1, ROWS + 1))
    RealDisk().remove(tmp_path / "s")
    RealDisk().remove(tmp_path / "s")
    assert np.isfinite(segment.vectors).all()


@pytest.mark.parametrize("rows", [1, 2, 39, 40, 81])
def test_few_rows_are_encoded_too(rows: int) -> None:
    codes = Codes.build(random_vectors(rows))
    search = codes.search(random_vectors(1)[0].astype(np.float32), rows, Rows.between(0, rows))
    search.look_for(-np.inf)
    assert sorted(search.rows.tolist()) == list(range(rows))


def test_codes_in_a_file_find_what_they_found_in_memory_even_once_it_is_removed(tmp_path: Path) -> None:
    vectors, queries = random_vectors(3_000, 1, 64), random_vectors(20, 2, 64).astype(np.float32)
    segment = segment_of(tmp_path / "s", vectors, np.arange(1, 3_001, dtype=np.int64))
    (tmp_path / "s").unlink()
    in_memory = Codes.build(vectors)
    for rows in (Rows.between(0, 3_000), Rows.between(700, 1_900), Rows.of(np.arange(3_000) % 3 == 1)):
        for query in queries:
            searches = [codes.search(query, 40, rows) for codes in (segment.codes, in_memory)]
            for least in (0.9, 0.3, -np.inf):
                for search in searches:
                    search.look_for(least)
                np.testing.assert_array_equal(searches[0].rows, searches[1].rows)
                np.testing.assert_array_equal(searches[0].scores, searches[1].scores)
            assert set(searches[0].rows.tolist()) <= set(rows.numbers().tolist())


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "s", 60)
    data = (tmp_path / "s").read_bytes().replace(MAGIC, b"HEEDFUL SEGMENT 1\n")
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(IndexCorrupt, match="of another format"):
        Segment.open(tmp_path / "s", checksum_of(tmp_path / "s"))


@pytest.mark.parametrize("names", [1, 255, 256, 70_000])
def test_columns_are_kept_for_any_number_of_names(tmp_path: Path, names: int) -> None:
    vectors, ids = random_vectors(ROWS), np.arange(1, ROWS + 1, dtype=np.int64)
    columns = columns_of(ids) | dict.fromkeys(("session", "stream", "kind", "trust"), names - 1 - ids % min(names, 300))
    checksum, _ = write_segment(
        RealDisk(), tmp_path / "s", [Batch(vectors=vectors, columns=columns)], [*map(str, range(names))]
    )
    kept = Segment.open(tmp_path / "s", checksum).columns
    for name, values in columns.items():
        np.testing.assert_array_equal(kept.values[name], values)
    seen = kept.allowed(Scope(session=str(names - 1 - 7 % min(names, 300)), as_of_ns=2**62)).numbers()
    assert ids[seen].tolist() == ids[columns["session"] == columns["session"][6]].tolist()


def built_by_faiss(vectors: NDArray[np.float16], lists: int) -> Any:
    """Return the index that FAISS alone makes, in its own steps."""
    index: Any = faiss.index_factory(vectors.shape[1], f"IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.min_points_per_centroid = 10, 1
    index.train(vectors.astype(np.float32))
    quantizer: Any = faiss.downcast_index(index.quantizer)
    centres = faiss.rev_swig_ptr(quantizer.get_xb(), lists * vectors.shape[1])
    centres *= SHRUNK
    index.add(vectors.astype(np.float32))
    return index


def test_codes_are_faisss_own_on_the_cpu_and_on_a_device() -> None:
    vectors = random_vectors(2_000, 5, 32)
    true = Codes(built_by_faiss(vectors, 45), 0.0).kept()
    for codes in (Codes.build(vectors), Codes.build_on(vectors, FaissDevice())):
        kept = codes.kept()
        for name in ("trained", "sizes", "lists"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(true, name))


@pytest.mark.parametrize("rows", [1, 2, 39, 40, 81, ROWS])
def test_a_device_that_computes_as_the_cpu_does_makes_the_same_file(tmp_path: Path, rows: int) -> None:
    device = FaissDevice()
    assert written(tmp_path / "a", rows) == written(tmp_path / "b", rows, device)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert device.made == 2  # to gather around centres, and to put into lists


def test_where_a_device_fails_in_the_middle_the_cpu_makes_the_same_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checksum = written(tmp_path / "cpu")
    failing: list[Device] = [FullDevice(0), FullDevice(1), FullDevice(1, 0), FullDevice(1, 1)]
    failing += [BreakingDevice(), MisplacingDevice(1)]
    for number, device in enumerate(failing):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert written(tmp_path / str(number), device=device) == checksum
        (said,) = [record.getMessage() for record in caplog.records]
        assert said.startswith(f"{device.name} cannot build (")
        assert said.endswith("): the CPU does")


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu_build(), reason="this FAISS is built without GPU")
def test_codes_that_a_gpu_builds_find_what_those_of_the_cpu_find() -> None:
    vectors, queries = random_vectors(70_000, 5, 64), random_vectors(40, 6, 64).astype(np.float32)
    rows = Rows.between(0, len(vectors))
    found = []
    for codes in (Codes.build(vectors), Codes.build_on(vectors, Gpu())):
        found.append(0)
        for query in queries:
            search = codes.search(query, 250, rows)
            search.look_for(-np.inf)
            best = np.argsort(-(vectors.astype(np.float32) @ query))[:10]
            found[-1] += int(np.isin(best, search.rows).sum())
    assert found[1] >= 0.98 * found[0]
