"""Recordings written: parts, sticky channels, and what is left when the process is killed or the disk is full."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from runtime.errors import ConfigError, MissingPart
from runtime.recording.mcap_cut import end_early
from runtime.recording.mcap_index import MAGIC
from runtime.recording.mcap_writer import (
    CHUNK_BYTES,
    LIBRARY,
    RECORDING,
    ChannelInfo,
    RecordingWriter,
    part_path,
    parts_of,
)
from tests.recorded import Row, library_rows, metadata_of, our_rows

BYTES = ChannelInfo(topic="/bytes", schema="", schema_encoding="", schema_data=b"", encoding="raw")
WORDS = ChannelInfo(
    topic="/words", schema="words", schema_encoding="jsonschema", schema_data=b'{"type": "object"}', encoding="json",
    metadata={"who": "me"},
)  # fmt: skip
STICKY = ChannelInfo(topic="/sticky", schema="", schema_encoding="", schema_data=b"", encoding="raw", is_sticky=True)

CHILD = """
import sys, time
from pathlib import Path
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter
writer = RecordingWriter(Path(sys.argv[1]), {})
info = ChannelInfo(topic="/n", schema="", schema_encoding="", schema_data=b"", encoding="raw")
channel, began_s, number = writer.channel(info), time.monotonic(), 0
while True:
    writer.write(channel, log_ns=time.time_ns(), publish_ns=0, seq=number, data=bytes(100))
    number += 1
    if number % 10 == 0:
        print(number, time.time_ns(), flush=True)
    time.sleep(0.001)
"""

LIMITED = """
import os, resource, signal, sys
from pathlib import Path
from runtime.errors import MissingPart
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
writer = RecordingWriter(Path(sys.argv[1]), {})
channel = writer.channel(ChannelInfo(topic="/n", schema="", schema_encoding="", schema_data=b"", encoding="raw"))
written = 0
try:
    while True:
        written += 1
        writer.write(channel, log_ns=written, publish_ns=0, seq=written - 1, data=os.urandom(50_000))
except MissingPart:
    print(written, writer.abandon(), writer.messages)
"""


def write(writer: RecordingWriter, channel: int, number: int, data: bytes = b"x") -> None:
    writer.write(channel, log_ns=1000 + number, publish_ns=number, seq=number, data=data)


def test_what_was_written_is_read_by_the_library_with_its_checksums(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {"session": "s"})
    raw, words = writer.channel(BYTES), writer.channel(WORDS)
    for number in range(100):
        write(writer, raw, number, bytes([number]))
        write(writer, words, number, b"{}")
    writer.close()
    rows = library_rows(path)
    assert [one for one in rows if one.topic == "/bytes"] == [
        Row("/bytes", 1000 + number, number, number, bytes([number])) for number in range(100)
    ]
    assert our_rows(path) == (rows, [])
    assert writer.messages == 200
    assert writer.written_bytes == path.stat().st_size
    with path.open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().library == LIBRARY
        summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    assert summary.statistics.message_count == 200
    assert [(one.topic, dict(one.metadata)) for one in summary.channels.values()] == [
        ("/bytes", {}),
        ("/words", {"who": "me"}),
    ]
    assert [(one.name, one.encoding, one.data) for one in summary.schemas.values()] == [
        ("words", "jsonschema", b'{"type": "object"}')
    ]
    assert {one.compression for one in summary.chunk_indexes} == {"zstd"}


def test_a_channel_without_entries_is_not_written(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", {})
    writer.channel(WORDS)
    write(writer, writer.channel(BYTES), 1)
    writer.close()
    assert {row.topic for row in library_rows(tmp_path / "a.mcap")} == {"/bytes"}


def test_parts_begin_at_the_size_and_each_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {"session": "s"}, part_bytes=2 * CHUNK_BYTES)
    raw, sticky = writer.channel(BYTES), writer.channel(STICKY)
    write(writer, sticky, 0, b"old")
    write(writer, sticky, 1, b"new")
    noise = [bytes(range(number, number + 4)) for number in range(120)]
    for number, seed in enumerate(noise, 2):
        write(writer, raw, number, _noise(seed))
    writer.close()
    parts = [path, *parts_of(path)]
    assert parts == [part_path(path, number) for number in range(1, writer.parts + 1)]
    assert [one.name for one in parts[:3]] == ["a.mcap", "a.0002.mcap", "a.0003.mcap"]
    rows = [library_rows(one) for one in parts]
    assert [row.data for part in rows for row in part if row.topic == "/bytes"] == [_noise(seed) for seed in noise]
    assert [[row.data for row in part if row.topic == "/sticky"] for part in rows] == [
        [b"old", b"new"],
        *[[b"new"]] * (len(parts) - 1),
    ]
    assert all(part[0].topic == "/sticky" for part in rows)
    assert all(part[0].log_ns == part[1].log_ns for part in rows[1:])  # no part begins before what is new in it
    told = [metadata_of(one)[RECORDING] for one in parts]
    assert [one["part"] for one in told] == [str(number) for number in range(1, len(parts) + 1)]
    assert {one["session"] for one in told} == {"s"}
    assert [one["last"] for one in told] == ["false"] * (len(parts) - 1) + ["true"]
    assert len({one["id"] for one in told}) == 1
    assert writer.written_bytes == sum(one.stat().st_size for one in parts)


def _noise(seed: bytes) -> bytes:
    """Return bytes that do not get smaller, always the same for a seed."""
    return hashlib.shake_128(seed).digest(100_000)


def test_parts_are_found_in_their_order_beyond_four_digits(tmp_path: Path) -> None:
    parts = [part_path(tmp_path / "a.mcap", number) for number in (2, 9_999, 10_000, 99_999)]
    others = [tmp_path / name for name in ("a.mcap", "a.002.mcap", "a.0002x.mcap", "b.0002.mcap", "a.0002.mcap.bak")]
    for one in (*parts, *others):
        one.touch()
    assert parts_of(tmp_path / "a.mcap") == parts


def test_parts_begin_after_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {}, part_s=0.0)
    channel = writer.channel(BYTES)
    for number in range(3):
        write(writer, channel, number)
    writer.close()
    assert [len(library_rows(one)) for one in [path, *parts_of(path)]] == [0, 1, 1, 1]


def test_a_chunk_ends_with_time_also_while_nothing_comes(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {})
    write(writer, writer.channel(BYTES), 1)
    deadline_s = time.monotonic() + 20
    while not our_rows(path)[0]:
        assert time.monotonic() < deadline_s
        writer.tick()
    rows, faults = our_rows(path)
    assert [row.seq for row in rows] == [1]
    assert faults == [f"breaks off at byte {path.stat().st_size}"]
    writer.close()


def test_metadata_can_be_added_later_and_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {})
    write(writer, writer.channel(BYTES), 1)
    writer.note("about", {"a": "1", "b": "1"})
    writer.note("about", {"b": "2"})
    writer.close()
    assert metadata_of(path)["about"] == {"a": "1", "b": "2"}
    assert len(library_rows(path)) == 1


def test_a_file_that_is_there_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_text("mine")
    with pytest.raises(ConfigError, match=r"a\.mcap: is there already; name a new file$"):
        RecordingWriter(path, {})
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_a_missing_part(tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match=r"a\.mcap: No such file or directory; name a file that can be written$"):
        RecordingWriter(tmp_path / "none" / "a.mcap", {})


def test_what_was_written_a_second_before_kill_9_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        began_s, told = time.monotonic(), []
        for line in child.stdout:
            told.append([int(word) for word in line.split()])
            if time.monotonic() - began_s > 2.0:
                child.kill()
                break
    rows, _ = our_rows(path)
    numbers = [row.seq for row in rows]
    assert numbers == list(range(len(numbers)))
    last_ns = told[-1][1]
    due = [number for number, t_ns in told if t_ns <= last_ns - 1_000_000_000]
    assert due
    assert len(numbers) >= due[-1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("mounting a small disk needs mount")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "none", disk], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"mounting a small disk is not allowed here: {made.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("part_bytes", [None, 1_000_000])
@pytest.mark.parametrize("more", [b"", b"and some more than the chunk before"])
def test_on_a_full_disk_a_file_ends_at_its_last_whole_chunk(
    small_disk: Path, part_bytes: int | None, more: bytes
) -> None:
    path = small_disk / "a.mcap"
    writer = RecordingWriter(path, {}, part_bytes=part_bytes)
    sticky = writer.channel(STICKY)
    write(writer, sticky, 0, b"calibration")
    channel, number = writer.channel(BYTES), 0
    with pytest.raises(MissingPart, match=r"a(\.000\d)?\.mcap: No space left on device; "):  # noqa: PT012
        while True:
            number += 1
            write(writer, channel, number, _noise(number.to_bytes(4, "big")) + more)
    lost = writer.abandon()
    parts = [path, *parts_of(path)]
    rows = [row for one in parts for row in library_rows(one) if row.topic == BYTES.topic]
    assert [row.data for row in rows] == [_noise(seq.to_bytes(4, "big")) + more for seq in range(1, len(rows) + 1)]
    assert 15 <= len(rows) <= number
    assert len(rows) + lost == number
    assert writer.messages == 1 + len(rows)
    assert our_rows(parts[-1])[1] in ([], ["ends early: No space left on device"])
    assert writer.written_bytes == sum(one.stat().st_size for one in parts)
    assert writer.parts == len(parts)


def test_a_recording_that_cannot_begin_leaves_no_file(small_disk: Path) -> None:
    fill(small_disk / "other")
    with pytest.raises(MissingPart, match="No space left on device"):
        RecordingWriter(small_disk / "a.mcap", {})
    assert [one.name for one in small_disk.iterdir()] == ["other"]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_file_that_is_gone_when_the_disk_is_full_is_given_up(small_disk: Path) -> None:
    writer = RecordingWriter(small_disk / "a.mcap", {})
    channel, number = writer.channel(BYTES), 0
    (small_disk / "a.mcap").unlink()
    with pytest.raises(MissingPart, match="No space left on device"):  # noqa: PT012
        while True:
            number += 1
            write(writer, channel, number, _noise(number.to_bytes(4, "big")))
    assert 0 < writer.abandon() <= number
    assert not list(small_disk.iterdir())


def unfinished(path: Path, count: int) -> bytes:
    """Return a file of chunks of one entry each as it is before its end."""
    writer = RecordingWriter(path, {"id": "the same"}, chunk_s=0.0)
    channel = writer.channel(BYTES)
    for number in range(count):
        write(writer, channel, number, _noise(bytes([number]))[:300])
    writer.tick()
    data = path.read_bytes()
    writer.close()
    path.unlink()
    return data


@given(st.integers(0, 2_500), st.integers(0, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_wherever_it_is_torn_what_is_whole_stays(tmp_path: Path, torn_at: int, sure: int) -> None:
    path, other = tmp_path / "a.mcap", tmp_path / "other.mcap"
    sure_at = len(unfinished(other, sure))
    path.write_bytes(unfinished(other, 8)[: sure_at + torn_at])
    before = [row for row in our_rows(path)[0] if row.data == _noise(bytes([row.seq]))[:300]]
    size_bytes, whole = end_early(path, sure_at, "torn")
    assert size_bytes == path.stat().st_size
    rows = library_rows(path)
    assert rows == our_rows(path)[0] == before[: len(rows)]
    assert len(before) - len(rows) <= 1  # which our reader finds in a chunk that is not whole
    assert our_rows(path)[1] == ["ends early: torn"]
    assert whole.messages == len(rows) - sure


def test_where_only_the_index_is_torn_nothing_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {})
    channel = writer.channel(BYTES)
    for number in range(3):
        write(writer, channel, number)
    writer.close()
    rows = library_rows(path)
    path.write_bytes(path.read_bytes()[:-20])
    _, whole = end_early(path, len(MAGIC), "torn")
    assert (whole.has_all, whole.messages) == (True, 3)
    assert library_rows(path) == rows
    assert our_rows(path) == (rows, [])


def test_a_limit_of_the_size_of_files_is_like_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    child = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    rows = library_rows(path)
    assert [row.seq for row in rows] == list(range(len(rows)))
    written, lost, messages = (int(word) for word in child.stdout.split())
    assert 0 < len(rows) == messages == written - lost
    assert our_rows(path)[1] == ["ends early: File too large"]


def test_a_next_part_that_is_there_already_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.0002.mcap").write_text("mine")
    writer = RecordingWriter(tmp_path / "a.mcap", {}, part_s=0.0)
    with pytest.raises(ConfigError, match=r"a\.0002\.mcap: is there already"):
        write(writer, writer.channel(BYTES), 1)
    writer.abandon()
    assert writer.parts == 1
    assert library_rows(tmp_path / "a.mcap") == []
    assert (tmp_path / "a.0002.mcap").read_text() == "mine"
