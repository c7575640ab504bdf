"""ROS 1 bags: as rosbags reads them, and past cuts and damage."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag1 import Reader as Reader1

from runtime.errors import InputError
from runtime.recording.ros1_bag import Ros1Bag
from tests.bags import Line, is_part, lines, read, write_bag

WHOLE = lines(50, 3)
COMPRESSIONS = ["none", "bz2", "lz4"]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_bag_is_read_as_the_library_reads_it(tmp_path: Path, compression: str) -> None:
    path = write_bag(tmp_path / "a.bag", WHOLE, compression)
    with Reader1(path) as reader:
        theirs = [Line(t_ns, one.topic, data) for one, t_ns, data in reader.messages()]
    assert read(path)[0] == theirs


@given(cut=st.integers(0, 10_000), compression=st.sampled_from(COMPRESSIONS))
def test_a_bag_cut_anywhere_gives_the_beginning(
    tmp_path_factory: pytest.TempPathFactory, cut: int, compression: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / f"whole-{compression}.bag"
    if not whole.exists():
        write_bag(whole, WHOLE, compression)
    data = whole.read_bytes()
    path = folder / "cut.bag"
    path.write_bytes(data[: min(cut, len(data) - 1)])
    if path.stat().st_size < len("#ROSBAG V2.0\n"):
        with pytest.raises(InputError, match=r"is no recording|is a ROS bag before"):
            read(path)
        return
    found, faults = read(path)
    assert found == WHOLE[: len(found)]
    assert faults


def test_a_bag_cut_within_a_chunk_leaves_the_whole_messages_before_it(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", WHOLE, chunk_bytes=100_000)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(WHOLE[20].data) + 10])
    assert read(path) == (WHOLE[:20], [f"breaks off at byte {path.stat().st_size}"])


def test_a_bag_that_was_not_closed_is_read(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", WHOLE)
    data = path.read_bytes()
    with Reader1(path) as reader:
        end = max(reader.chunk_infos, key=lambda one: one.pos).pos
    at = data.index(b"index_pos=")
    zeros = data[:at] + b"index_pos=" + bytes(8) + data[at + 18 :]
    path.write_bytes(zeros)
    assert read(path) == (WHOLE, ["has no index: it was not closed"])
    path.write_bytes(zeros[:end])
    found, faults = read(path)
    assert found == WHOLE[: len(found)]
    assert len(found) > 40
    assert faults == ["has no index: it was not closed"]


@pytest.mark.parametrize("has_index", [True, False])
def test_a_damaged_chunk_of_a_bag_is_left_out_and_told_of(tmp_path: Path, *, has_index: bool) -> None:
    path = write_bag(tmp_path / "a.bag", WHOLE, "bz2", 400)
    data = bytearray(path.read_bytes())
    with Reader1(path) as reader:
        begin = sorted(one.pos for one in reader.chunk_infos)[2]
    data[data.index(b"BZh9", begin) + 20] ^= 0xFF
    path.write_bytes(data if has_index else data[:-1])
    found, faults = read(path)
    assert is_part(found, WHOLE)
    assert (found[0], found[-1]) == (WHOLE[0], WHOLE[-1])
    assert 20 < len(found) < 50
    (damage,) = [one for one in faults if "chunk" in one]
    assert damage.startswith(f"the chunk at byte {begin} is damaged (")


def test_a_chunk_of_a_bag_that_claims_too_much_is_not_made_room_for(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", WHOLE, "none", 400)
    data = bytearray(path.read_bytes())
    with Reader1(path) as reader:
        begin = sorted(one.pos for one in reader.chunk_infos)[2]
    (head_bytes,) = struct.unpack_from("<I", data, begin)
    struct.pack_into("<I", data, begin + 4 + head_bytes, 0xFFFFFFFF)
    path.write_bytes(data)
    tracemalloc.start()
    try:
        found, faults = read(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert is_part(found, WHOLE)
    assert 20 < len(found) < 50
    assert any("it claims" in one for one in faults)
    assert peak_bytes < 64 << 20


def test_an_encrypted_bag_is_refused(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", [])
    data = path.read_bytes()
    assert data.count(b"chunk_count=") == 1
    path.write_bytes(data.replace(b"chunk_count=", b"encryptor=me", 1))
    with pytest.raises(InputError, match="is encrypted"):
        Ros1Bag(path)
