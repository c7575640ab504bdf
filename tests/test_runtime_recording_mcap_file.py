"""MCAP files, whole, cut and damaged anywhere: what can be read is read, in order, and the rest is told of."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.reader import NonSeekingReader, make_reader
from mcap.writer import CompressionType

from runtime.errors import InputError
from runtime.recording.mcap_file import McapFile
from tests.bags import Line, is_part, lines, seen, write_mcap

COMPRESSIONS = [CompressionType.NONE, CompressionType.LZ4, CompressionType.ZSTD]


def read(path: Path, **wanted: int) -> tuple[list[Line], list[str]]:
    file = McapFile(path)
    try:
        return seen(file, list(file.entries(None, **wanted))), file.faults
    finally:
        file.close()


def records(data: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Return (opcode, begin, end) of each record of a whole file."""
    found, position = [], 8
    while position < len(data) - 8:
        opcode, length = struct.unpack_from("<BQ", data, position)
        found.append((opcode, position, position + 9 + length))
        position += 9 + length
    return found


def chunks(data: bytes | bytearray) -> list[tuple[int, int]]:
    return [(begin, end) for opcode, begin, end in records(data) if opcode == Opcode.CHUNK]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("chunk_bytes", [1, 200, 1 << 20])
def test_a_whole_file_is_read_as_the_library_reads_it(
    tmp_path: Path, compression: CompressionType, chunk_bytes: int
) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50, 3), chunk_bytes, compression=compression)
    file = McapFile(path)
    with path.open("rb") as stream:
        theirs = [
            (channel.topic, schema.name if schema else "", one.sequence, one.log_time, one.publish_time, one.data)
            for schema, channel, one in make_reader(stream).iter_messages()
        ]
    assert [
        (
            file.channels[one.channel].topic,
            file.channels[one.channel].schema,
            one.seq,
            one.log_ns,
            one.publish_ns,
            one.data,
        )
        for one in file.entries()
    ] == theirs
    assert len(theirs) == 50
    assert file.faults == []
    assert [one.count for one in file.channels.values()] == [17, 17, 16]
    assert [one.metadata for one in file.channels.values()] == [{"of": f"/topic{at}"} for at in range(3)]
    assert file.metadata == {"about": {"who": "tests"}}
    file.close()


@pytest.mark.parametrize(
    "options",
    [
        {"use_chunking": False},
        {"use_chunking": False, "use_statistics": False, "use_summary_offsets": False},
        {"use_statistics": False},
        {"repeat_channels": False},
        {"repeat_schemas": False},
        {"enable_crcs": False},
        {"enable_data_crcs": True},
    ],
    ids=str,
)
def test_a_file_without_some_of_its_index_is_read_alike(tmp_path: Path, options: dict[str, bool]) -> None:
    whole = lines(50, 3)
    assert read(write_mcap(tmp_path / "a.mcap", whole, **options)) == (whole, [])


def test_an_empty_recording_holds_nothing(tmp_path: Path) -> None:
    assert read(write_mcap(tmp_path / "a.mcap", [])) == ([], [])


@pytest.mark.parametrize("use_chunking", [True, False])
def test_entries_come_by_log_time_though_chunks_overlap(tmp_path: Path, *, use_chunking: bool) -> None:
    mixed = sorted(lines(60, 3), key=lambda one: (one.log_ns * 7919) % 1_300_000_001)
    path = write_mcap(tmp_path / "a.mcap", mixed, use_chunking=use_chunking)
    assert read(path) == (lines(60, 3), [])


def test_entries_of_one_time_stay_as_they_were_written(tmp_path: Path) -> None:
    same = [Line(7, "/a", bytes([at])) for at in range(100)]
    assert read(write_mcap(tmp_path / "a.mcap", same, 100))[0] == same


@given(start=st.integers(0, 60), topics=st.sets(st.integers(0, 2)))
def test_a_start_and_some_channels_give_the_rest_of_them(
    tmp_path_factory: pytest.TempPathFactory, start: int, topics: set[int]
) -> None:
    whole = lines(50, 3)
    path = tmp_path_factory.getbasetemp() / "some.mcap"
    if not path.exists():
        write_mcap(path, whole)
    file = McapFile(path)
    wanted = {number for number, one in file.channels.items() if one.topic in {f"/topic{at}" for at in topics}}
    found = seen(file, list(file.entries(wanted, start * 10**8)))
    assert found == [
        one for one in whole if one.log_ns >= start * 10**8 and one.topic[-1] in {str(at) for at in topics}
    ]
    file.close()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_within_a_chunk_leaves_the_whole_messages_before_it(tmp_path: Path, compression: CompressionType) -> None:
    whole = lines(400, 3, size_bytes=4_000)  # so large that no compressor holds a chunk back as one block
    path = write_mcap(tmp_path / "a.mcap", whole, 600_000, compression=compression)
    data = path.read_bytes()
    begin, end = chunks(data)[1]
    before = len([one for one in whole if one.log_ns < read_start(path, 1)])
    path.write_bytes(data[: begin + (end - begin) * 9 // 10])
    found, faults = read(path)
    assert found == whole[: len(found)]
    assert len(found) > before + 20
    assert faults == [f"breaks off at byte {path.stat().st_size}"]


def read_start(path: Path, number: int) -> int:
    file = McapFile(path)
    start_ns = file.spans[number][0]
    file.close()
    return start_ns


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_at_the_end_of_any_record_leaves_all_chunks_before_it(
    tmp_path: Path, compression: CompressionType
) -> None:
    whole = lines(50, 3)
    data = write_mcap(tmp_path / "a.mcap", whole, compression=compression).read_bytes()
    path = tmp_path / "cut.mcap"
    for _, _, end in records(data):
        path.write_bytes(data[:end])
        found, faults = read(path)
        file_chunks = len([1 for _, chunk_end in chunks(data) if chunk_end <= end])
        assert found == whole[: len(found)]
        assert bool(found) == bool(file_chunks)
        assert (found == whole) == (file_chunks == len(chunks(data)))
        assert faults in ([], [f"breaks off at byte {end}"])


@given(data=st.data())
def test_a_file_cut_anywhere_gives_a_part_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    compression = data.draw(st.sampled_from(COMPRESSIONS))
    use_chunking = data.draw(st.booleans())
    whole = lines(30, 3)
    path = tmp_path_factory.getbasetemp() / "cut-anywhere.mcap"
    bytes_ = write_mcap(path, whole, compression=compression, use_chunking=use_chunking).read_bytes()
    path.write_bytes(bytes_[: data.draw(st.integers(0, len(bytes_) - 1))])
    if path.stat().st_size < 8:
        with pytest.raises(InputError, match="is not an MCAP file"):
            read(path)
        return
    found, faults = read(path)
    assert found == whole[: len(found)]
    assert faults or found == whole  # of a file cut in its index nothing is lost


@given(data=st.data())
def test_a_file_damaged_anywhere_raises_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    compression = data.draw(st.sampled_from(COMPRESSIONS))
    options = {"use_chunking": data.draw(st.booleans()), "enable_crcs": data.draw(st.booleans())}
    path = tmp_path_factory.getbasetemp() / "damaged-anywhere.mcap"
    damaged = bytearray(write_mcap(path, lines(30, 3), compression=compression, **options).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    with suppress(InputError):
        assert len(read(path)[0]) <= 30


@pytest.mark.parametrize("has_summary", [True, False])
def test_a_damaged_chunk_in_the_middle_is_left_out_and_told_of(tmp_path: Path, *, has_summary: bool) -> None:
    whole = lines(50, 3)
    path = write_mcap(tmp_path / "a.mcap", whole, chunk_bytes=500)
    data = bytearray(path.read_bytes())
    begin, end = chunks(data)[1]
    data[(begin + end) // 2] ^= 0xFF
    path.write_bytes(data if has_summary else data[:-8])
    found, faults = read(path)
    assert is_part(found, whole)
    assert found[0] == whole[0]
    assert found[-1] == whole[-1]
    assert 0 < len(found) < len(whole)
    (damage,) = [one for one in faults if "chunk" in one]
    assert damage.startswith(f"the chunk at byte {begin} is damaged (")
    assert damage.endswith(") and was left out")


def test_damage_is_told_of_once(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50))
    data = bytearray(path.read_bytes())
    _, end = chunks(data)[1]
    data[end - 1] ^= 0xFF
    path.write_bytes(data)
    file = McapFile(path)
    assert len(list(file.entries())) == len(list(file.entries())) < 50
    assert len(file.faults) == 1
    file.close()


def test_messages_of_a_channel_without_a_name_are_left_out_and_told_of(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50), use_chunking=False)
    data = bytearray(path.read_bytes())
    begins = [begin for opcode, begin, _ in records(data) if opcode == Opcode.MESSAGE]
    struct.pack_into("<H", data, begins[7] + 9, 999)
    path.write_bytes(data)
    found, faults = read(path)
    assert found == lines(50)[:7] + lines(50)[8:]
    assert faults == ["holds messages of channels that it does not name, which were left out"]


def test_an_unknown_compression_is_told_of(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50))
    data = path.read_bytes()
    begin, _ = chunks(data)[0]
    path.write_bytes(data[:begin] + data[begin:].replace(b"\4\0\0\0zstd", b"\4\0\0\0zst9", 1))
    found, faults = read(path)
    assert is_part(found, lines(50))
    assert 0 < len(found) < 50
    assert faults == [f"the chunk at byte {begin} is damaged (its compression 'zst9' is unknown) and was left out"]


def test_a_chunk_that_claims_too_much_is_not_unpacked(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50), compression=CompressionType.LZ4)
    data = bytearray(path.read_bytes())
    begin, _ = chunks(data)[0]
    struct.pack_into("<Q", data, begin + 9 + 16, 1 << 40)
    path.write_bytes(data)
    _, faults = read(path)
    assert faults == [f"the chunk at byte {begin} is damaged (it claims {1 << 40} bytes) and was left out"]


@pytest.mark.parametrize("data", [b"", b"\x89MCAP0\r", b"no recording at all", b"\x89MCAP1\r\n"])
def test_what_is_no_mcap_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(data)
    with pytest.raises(InputError, match="is not an MCAP file"):
        McapFile(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        McapFile(tmp_path / "a.mcap")


def test_nothing_but_the_header_holds_nothing_and_says_so(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50))
    path.write_bytes(path.read_bytes()[: records(path.read_bytes())[0][2]])
    found, faults = read(path)
    assert (found, faults) == ([], [f"breaks off at byte {path.stat().st_size}"])


@pytest.mark.data
def test_the_sample_holds_every_message(data_dir: Path) -> None:
    path = data_dir / "recordings" / "rosbag2_wbag_0.mcap"
    found, faults = read(path)
    with path.open("rb") as stream:
        reader = NonSeekingReader(stream)
        theirs = [(channel.topic, one.log_time) for _, channel, one in reader.iter_messages()]
    assert len(found) == len(theirs) == 1246
    assert sorted((one.topic, one.log_ns) for one in found) == sorted(theirs)
    assert faults == []


@pytest.mark.data
def test_the_sample_cut_in_two_gives_its_first_half(data_dir: Path, tmp_path: Path) -> None:
    whole = (data_dir / "events" / "event_camera_test_events_2_0.mcap").read_bytes()
    path = tmp_path / "cut.mcap"
    path.write_bytes(whole[: len(whole) // 2])
    found, faults = read(path)
    assert found == read(data_dir / "events" / "event_camera_test_events_2_0.mcap")[0][: len(found)]
    assert 20 < len(found) < 80
    assert faults == [f"breaks off at byte {len(whole) // 2}"]


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_chunk_that_holds_more_than_it_claims_is_not_unpacked(
    tmp_path: Path, compression: str, *, is_cut: bool
) -> None:
    packed = {"zstd": zstandard.compress, "lz4": lz4.frame.compress}[compression](bytes(64 << 20))
    body = struct.pack("<QQQII", 1, 2, 100, 0, len(compression)) + compression.encode()
    body += struct.pack("<Q", len(packed)) + packed
    path = tmp_path / "a.mcap"
    path.write_bytes(b"\x89MCAP0\r\n" + struct.pack("<BQ", Opcode.CHUNK, len(body) + 100 * is_cut) + body)
    tracemalloc.start()
    try:
        entries, faults = read(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not entries
    assert faults
    assert peak_bytes < 8 << 20


@pytest.mark.parametrize("place", [(1 << 64) - 1, 1 << 63, 1 << 40])
@pytest.mark.parametrize("field", [0, 1])
def test_an_index_that_names_impossible_places_is_told_of(tmp_path: Path, place: int, field: int) -> None:
    path = write_mcap(tmp_path / "a.mcap", lines(50, 3), 200)
    data = bytearray(path.read_bytes())
    begin = next(begin for opcode, begin, _ in records(data) if opcode == Opcode.CHUNK_INDEX)
    struct.pack_into("<Q", data, begin + 9 + 16 + 8 * field, place)  # after the times: where it is, how long
    footer = next(begin for opcode, begin, _ in records(data) if opcode == Opcode.FOOTER)
    struct.pack_into("<I", data, footer + 9 + 16, 0)  # nobody checked
    path.write_bytes(data)
    entries, faults = read(path)
    assert 0 < len(entries) < 50
    assert faults
