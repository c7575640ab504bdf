"""A segment is what was sealed, or it is refused before anything of it is parsed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.codes import Codes
from memory.columns import Rows
from memory.disk import RealDisk, unfinished
from memory.segment import Batch, Segment, checksum_of, write_segment
from runtime.errors import IndexCorrupt
from tests.test_memory_index import NAMES, columns_of, random_vectors, segment_of

ROWS = 500


def written(path: Path, rows: int = ROWS) -> int:
    ids = np.arange(1, rows + 1, dtype=np.int64)
    return write_segment(RealDisk(), path, [Batch(vectors=random_vectors(rows), columns=columns_of(ids))], NAMES)[0]


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
    found, _ = codes.nearest(random_vectors(1)[0].astype(np.float32), rows, Rows.between(0, rows))
    assert 0 in found.tolist()
    again = Codes.from_bytes(codes.to_bytes())
    np.testing.assert_array_equal(again.to_bytes(), codes.to_bytes())
