"""Bags of both ROS versions and folders of parts: opened by what is in them, read past what is damaged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InputError
from runtime.messages import EventsInput
from runtime.recording.bags import is_container, open_container, open_parts, undescribed
from runtime.recording.container import Container
from runtime.recording.contents import Pcm
from runtime.recording.mcap_writer import RECORDING, ChannelInfo, RecordingWriter, parts_of
from runtime.recording.readers import decoders_of
from tests import ros_messages as ros
from tests.bags import STRING, Line, S, counts, db3, execute, lines, read, seen, write_bag, write_bag2, write_mcap

WHOLE = lines(50, 3)


WRITERS: dict[str, Callable[[Path, list[Line]], Path]] = {
    "bag-none": lambda path, whole: write_bag(path / "a.bag", whole),
    "bag-bz2": lambda path, whole: write_bag(path / "a.bag", whole, "bz2"),
    "bag-lz4": lambda path, whole: write_bag(path / "a.bag", whole, "lz4"),
    "db3": lambda path, whole: db3(write_bag2(path / "a", whole)),
    "db3-folder": lambda path, whole: write_bag2(path / "a", whole),
    "db3-packed": lambda path, whole: db3(write_bag2(path / "a", whole, compression="message")),
    "mcap": lambda path, whole: write_mcap(path / "a.mcap", whole),
    "mcap-folder": lambda path, whole: write_bag2(path / "a", whole, "mcap"),
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Callable[[Path, list[Line]], Path]:
    return WRITERS[request.param]


def test_every_kind_is_read_as_it_was_written(tmp_path: Path, write: Callable[[Path, list[Line]], Path]) -> None:
    path = write(tmp_path, WHOLE)
    assert is_container(path)
    with closing(open_container(path)) as container:
        assert seen(container) == WHOLE
        assert container.faults == []
        assert counts(container) == {"/topic0": 17, "/topic1": 17, "/topic2": 16}
        assert container.spans[0][0] == WHOLE[0].log_ns
        assert max(end_ns for _, end_ns in container.spans) == WHOLE[-1].log_ns
        assert {one.schema.replace("/msg", "") for one in container.channels.values()} == {"std_msgs/String"}
        assert all(b"string data" in one.schema_data for one in container.channels.values())


def test_entries_come_by_log_time(tmp_path: Path, write: Callable[[Path, list[Line]], Path]) -> None:
    mixed = sorted(WHOLE, key=lambda one: (one.log_ns * 7919) % 1_300_000_001)
    assert read(write(tmp_path, mixed)) == (WHOLE, [])


def test_some_channels_from_a_start_on(tmp_path: Path, write: Callable[[Path, list[Line]], Path]) -> None:
    with closing(open_container(write(tmp_path, WHOLE))) as container:
        wanted = {number for number, one in container.channels.items() if one.topic != "/topic1"}
        found = seen(container, list(container.entries(wanted, 3 * S)))
        assert found == [one for one in WHOLE if one.log_ns >= 3 * S and one.topic != "/topic1"]
        assert list(container.entries(wanted, 100 * S)) == []
        assert list(container.entries(set())) == []


def test_an_empty_recording_holds_nothing(tmp_path: Path, write: Callable[[Path, list[Line]], Path]) -> None:
    with closing(open_container(write(tmp_path, []))) as container:
        assert seen(container) == []
        assert container.spans == []


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 255)), min_size=1, max_size=3), st.data())
def test_a_bag_damaged_anywhere_raises_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]], data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["bag-none", "bag-bz2", "bag-lz4", "db3", "db3-packed"]))
    folder = tmp_path_factory.getbasetemp() / f"damaged-{kind}"
    if not folder.exists():
        folder.mkdir()
        WRITERS[kind](folder, WHOLE).rename(folder / "whole")
    damaged = bytearray((folder / "whole").read_bytes())
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(100, len(damaged))) :]
    for at, change in places:
        damaged[at % len(damaged)] ^= change
    path = folder / "damaged"
    path.write_bytes(damaged)
    with suppress(InputError):
        assert len(read(path)[0]) <= len(WHOLE)


# What cannot be read, in one line.


def sqlite_file(path: Path) -> None:
    execute(path, "CREATE TABLE anything (at)")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b""), "is no recording: neither MCAP, nor a bag of ROS 1 or ROS 2"),
        (lambda path: path.write_bytes(b"anything else"), "is no recording: neither MCAP, nor a bag of ROS 1 or ROS 2"),
        (lambda path: path.write_bytes(b"#ROSBAG V1.2\n...."), "is a ROS bag before version 2.0: convert it with"),
        (lambda path: path.write_bytes(zstandard.compress(b"bag")), "is compressed: unpack it with `zstd -d`"),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), "is no SQLite file"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" * 100), "is an SQLite file, but no bag of ROS 2"),
        (sqlite_file, "is an SQLite file, but no bag of ROS 2"),
        (lambda path: None, "cannot be read (No such file or directory)"),
        (lambda path: path.mkdir(), "is a folder without metadata.yaml and without recordings"),
    ],
    ids=range(9),
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path, make: Callable[[Path], Any], why: str) -> None:
    path = tmp_path / "a.db3"
    make(path)
    with pytest.raises(InputError) as caught:
        open_container(path)
    assert caught.value.reason.startswith(why)
    assert "\n" not in str(caught.value)
    assert caught.value.path == str(path)


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", b"\0\0\0 ftypisom", b"OggS"])
def test_media_files_are_no_recordings_of_streams(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip"
    path.write_bytes(data)
    assert not is_container(path)
    assert not is_container(tmp_path / "nothing")
    assert not is_container(tmp_path)


# Folders, and several parts.


def split(folder: Path, storage: str = "sqlite3") -> Path:
    """Return a folder with one recording in three files, which metadata.yaml names."""
    suffix = "db3" if storage == "sqlite3" else storage
    folder.mkdir()
    for at, begin in enumerate((0, 20, 40)):
        part = write_bag2(folder / "part", WHOLE[begin : begin + 20], storage)
        next(part.glob(f"*.{suffix}")).rename(folder / f"rec_{at}.{suffix}")
        shutil.rmtree(part)
    about(folder, storage, [f"rec_{at}.{suffix}" for at in range(3)])
    return folder


def about(folder: Path, storage: str, names: list[str], **more: str) -> None:
    text = f"""rosbag2_bagfile_information:
  version: 9
  storage_identifier: {storage}
  relative_file_paths: {names}
  something_of_later_versions: {{}}
  topics_with_message_count:
"""
    for at, count in enumerate((17, 17, 16)):
        named = f"{{name: /topic{at}, type: {STRING}}}"
        text += f"  - {{topic_metadata: {named}, message_count: {count}}}\n"
    text += "".join(f"  {name}: {value}\n" for name, value in more.items())
    (folder / "metadata.yaml").write_text(text)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_split_bag_is_one_recording(tmp_path: Path, storage: str) -> None:
    with closing(open_container(split(tmp_path / "bag", storage))) as container:
        assert seen(container) == WHOLE
        assert container.faults == []
        assert counts(container) == {"/topic0": 17, "/topic1": 17, "/topic2": 16}
        found = seen(container, list(container.entries(None, 4 * S)))
        assert found == [one for one in WHOLE if one.log_ns >= 4 * S]


def test_a_part_that_is_missing_is_told_of(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag")
    (folder / "rec_1.db3").unlink()
    assert read(folder) == (WHOLE[:20] + WHOLE[40:], ["rec_1.db3: is missing"])


def recorded_parts(path: Path, count: int, *, is_closed: bool = True) -> list[Path]:
    """Write a recording of ours in so many parts."""
    info = ChannelInfo(topic="/a", schema="a", schema_encoding="jsonschema", schema_data=b"{}", encoding="json")
    writer = RecordingWriter(path, {}, part_s=0.0)
    channel = writer.channel(info)
    for number in range(1, count):  # each begins a part of its own
        writer.write(channel, log_ns=number, publish_ns=0, seq=number, data=b"{}")
    if is_closed:
        writer.close()
    else:
        writer.finish_part()
    return [path, *parts_of(path)]


def test_many_parts_need_no_more_open_files_and_memory_than_few(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", {}, part_s=0.0)
    sticky = ChannelInfo(topic="/b", schema="", schema_encoding="", schema_data=b"", encoding="raw", is_sticky=True)
    plain = ChannelInfo(topic="/a", schema="", schema_encoding="", schema_data=b"", encoding="raw")
    writer.write(writer.channel(sticky), log_ns=1, publish_ns=1, seq=1, data=b"where it sits")
    channel = writer.channel(plain)
    for number in range(2, 12):
        writer.write(channel, log_ns=number, publish_ns=0, seq=number, data=b"sample")
    writer.close()
    before = len(os.listdir("/dev/fd"))
    with closing(open_container(tmp_path / "a.mcap")) as container:
        (wanted,) = (one.id for one in container.channels.values() if one.topic == "/a")
        entries = container.entries({wanted})
        assert next(entries).log_ns == 2
        assert len(os.listdir("/dev/fd")) == before
        assert [start_ns for start_ns, _ in container.spans] == list(range(1, 12))
        assert [entry.log_ns for entry in entries] == list(range(3, 12))


def faults_of(path: Path) -> list[str]:
    with closing(open_container(path)) as container:
        return list(container.faults)


@pytest.mark.parametrize("count", [1, 3])
def test_the_last_part_of_a_recording_of_ours_is_missed(tmp_path: Path, count: int) -> None:
    parts = recorded_parts(tmp_path / "a.mcap", count + 1)
    assert faults_of(parts[0]) == []
    parts[-1].unlink()
    says = "is not the last part: what follows it is missing, or the recorder could not go on there"
    assert faults_of(parts[0]) == [f"{parts[-2].name}: {says}"]
    assert faults_of(tmp_path) == faults_of(parts[0])  # as a folder that nobody described


def test_a_recorder_that_could_not_begin_its_next_part_is_told_of(tmp_path: Path) -> None:
    parts = recorded_parts(tmp_path / "a.mcap", 2, is_closed=False)
    assert len(faults_of(parts[0])) == 1
    assert faults_of(parts[0])[0].startswith("a.0002.mcap: is not the last part")


@pytest.mark.parametrize("size_bytes", [200, 320])  # before its first entry, and in it
def test_a_last_part_that_breaks_off_says_only_that(tmp_path: Path, size_bytes: int) -> None:
    parts = recorded_parts(tmp_path / "a.mcap", 2)
    parts[-1].write_bytes(parts[-1].read_bytes()[:size_bytes])
    assert faults_of(parts[0]) == [f"a.0002.mcap: breaks off at byte {size_bytes}"]


def test_a_part_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag")
    (folder / "rec_1.db3").write_bytes(b"overwritten")
    faults = ["rec_1.db3: is no recording: neither MCAP, nor a bag of ROS 1 or ROS 2"]
    assert read(folder) == (WHOLE[:20] + WHOLE[40:], faults)


def test_what_is_damaged_names_its_part(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag", "mcap")
    part = folder / "rec_2.mcap"
    part.write_bytes(part.read_bytes()[:-900])
    assert read(folder)[1] == [f"rec_2.mcap: breaks off at byte {part.stat().st_size}"]


def test_a_folder_that_names_only_what_is_missing_is_refused(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag")
    about(folder, "sqlite3", ["other.db3"])
    with pytest.raises(InputError, match=r"lacks the files that its metadata\.yaml names"):
        open_container(folder)


def test_names_may_carry_the_folder_before_them(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag")
    about(folder, "sqlite3", [f"bag/rec_{at}.db3" for at in range(3)])
    assert read(folder) == (WHOLE, [])


def test_a_folder_whose_recorder_was_killed_is_read(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag")
    (folder / "metadata.yaml").unlink()
    assert is_container(folder)
    assert read(folder) == (WHOLE, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no metadata",
        "a: [",
        "rosbag2_bagfile_information: {relative_file_paths: 3}",
        "a: !!bool perhaps",
        "a: !!timestamp soon",
        'a: !!int ""',
        "a: 2020-13-01",
    ],
)
def test_metadata_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = split(tmp_path / "bag")
    (folder / "metadata.yaml").write_text(text)
    with pytest.raises(InputError, match="is no metadata of a bag"):
        open_container(folder)


def test_compressed_files_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = write_bag2(tmp_path / "a", WHOLE, compression="file")
    with pytest.raises(InputError, match="holds files compressed with zstd: unpack them first"):
        open_container(folder)
    with pytest.raises(InputError, match="is compressed: unpack it with `zstd -d`"):
        open_container(next(folder.glob("*.zstd")))


def test_messages_compressed_one_by_one_in_mcap_are_refused(tmp_path: Path) -> None:
    folder = split(tmp_path / "bag", "mcap")
    about(folder, "mcap", ["rec_0.mcap"], compression_mode="MESSAGE", compression_format="zstd")
    with pytest.raises(InputError, match="messages that are compressed one by one"):
        open_container(folder)


@given(places=st.lists(st.integers(0, 3), min_size=len(WHOLE), max_size=len(WHOLE)))
def test_parts_that_overlap_come_by_log_time(tmp_path_factory: pytest.TempPathFactory, places: list[int]) -> None:
    folder = tmp_path_factory.getbasetemp()
    paths = [
        write_mcap(folder / f"part{part}.mcap", [one for one, at in zip(WHOLE, places, strict=True) if at == part])
        for part in range(4)
    ]
    with closing(open_parts(paths)) as container:
        assert seen(container) == WHOLE
        assert len(container.channels) == 3
        assert sum(one.count or 0 for one in container.channels.values()) == 50


def test_parts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(write_mcap(tmp_path / name / "rec.mcap", WHOLE[::2] if name == "a" else WHOLE[1::2]))
    with closing(open_parts(paths)) as container:
        assert seen(container) == WHOLE
    paths[1].write_bytes(paths[1].read_bytes()[:2_000])
    with closing(open_parts(paths)) as container:
        assert container.faults == [f"{paths[1]}: breaks off at byte 2000"]


def test_one_topic_of_two_types_stays_two_channels(tmp_path: Path) -> None:
    mcap = write_mcap(tmp_path / "a.mcap", WHOLE[:10])
    bag = write_bag(tmp_path / "b.bag", WHOLE[10:])
    with closing(open_parts([mcap, bag])) as container:
        assert seen(container) == WHOLE
        assert len(container.channels) == 6


def test_what_is_said_of_sound_on_another_topic_counts(tmp_path: Path) -> None:
    from rosbags.rosbag1 import Writer

    info = {"channels": 2, "sample_rate": 48_000, "sample_format": "S16LE", "bitrate": 0, "coding_format": "wave"}
    told = ros.make("ros1", "audio_common_msgs/msg/AudioInfo", **info)
    sound = ros.make("ros1", "audio_common_msgs/msg/AudioData", data=ros.numbers(1, 2, 3, 4))
    with Writer(tmp_path / "a.bag") as writer:
        for topic, schema, message in (
            ("/audio", "audio_common_msgs/msg/AudioData", sound),
            ("/audio_info", "audio_common_msgs/msg/AudioInfo", told),
            ("/other", "audio_common_msgs/msg/AudioData", sound),
        ):
            connection = writer.add_connection(topic, schema, typestore=ros.STORES["ros1"])
            writer.write(connection, S, ros.pack("ros1", schema, message))
    with closing(open_container(tmp_path / "a.bag")) as container:
        decoders = decoders_of(container)
        found = {
            container.channels[one.channel].topic: decoders[one.channel].decode(one.data)
            for one in container.entries(decoders.keys())
        }
    assert found == {
        "/audio": [Pcm(t_ns=None, rate_hz=48_000, channels=2, payload=bytes([1, 2, 3, 4]))],
        "/other": [Pcm(t_ns=None, rate_hz=16_000, channels=1, payload=bytes([1, 2, 3, 4]))],
    }


# The samples.


def packets(container: Container) -> list[EventsInput]:
    decoders = decoders_of(container)
    found = [one for entry in container.entries() for one in decoders[entry.channel].decode(entry.data)]
    assert all(isinstance(one, EventsInput) for one in found)
    return [one for one in found if isinstance(one, EventsInput)]


@pytest.mark.data
@pytest.mark.parametrize("suffix", ["db3", "bag"])
def test_the_sample_holds_every_event(data_dir: Path, suffix: str) -> None:
    evt3 = pytest.importorskip("evt3")
    with closing(open_container(data_dir / "events" / f"event_camera_test_events_1.{suffix}")) as container:
        found = packets(container)
        assert container.faults == []
    assert len(found) == 517
    assert {(one.encoding, one.width_px, one.height_px) for one in found} == {("evt3", 640, 480)}
    decoder = evt3.Decoder(640, 480)
    polarities = np.concatenate([decoder.feed(one.payload).polarity for one in found])
    assert np.bincount(polarities).tolist() == [218_291, 125_183]


@pytest.mark.data
def test_the_samples_of_both_ros_versions_are_alike(data_dir: Path) -> None:
    found = []
    for suffix in ("db3", "bag"):
        with closing(open_container(data_dir / "events" / f"event_camera_test_events_1.{suffix}")) as container:
            found.append(packets(container))
    assert found[0] == found[1]


@pytest.mark.data
def test_the_sample_with_a_definition_in_idl_is_read(data_dir: Path) -> None:
    with closing(open_container(data_dir / "events" / "event_camera_test_events_2_0.mcap")) as container:
        found = packets(container)
    assert len(found) == 100
    assert {(one.encoding, one.width_px, one.height_px) for one in found} == {("libcaer_cmp", 346, 260)}
    assert all(0 <= one.base_ns - 1_744_227_144 * S < 3 * S for one in found)


@pytest.mark.data
@pytest.mark.parametrize(
    ("about_name", "name", "own_name", "count"),
    [
        ("event_camera_test_events_1_metadata.yaml", "event_camera_test_events_1.db3", "test_events_1.db3", 517),
        ("event_camera_test_events_2_metadata.yaml", "event_camera_test_events_2_0.mcap", "test_events_2_0.mcap", 100),
    ],
)
def test_the_samples_are_read_as_folders(
    data_dir: Path, tmp_path: Path, about_name: str, name: str, own_name: str, count: int
) -> None:
    (tmp_path / "metadata.yaml").symlink_to(data_dir / "events" / about_name)
    (tmp_path / own_name).symlink_to(data_dir / "events" / name)
    with closing(open_container(tmp_path)) as container:
        assert counts(container) == {"/event_camera/events": count}
        assert len(packets(container)) == count
        assert container.faults == []


def test_a_name_that_is_too_long_is_a_missing_part(tmp_path: Path) -> None:
    (tmp_path / "metadata.yaml").write_text(f"rosbag2_bagfile_information: {{relative_file_paths: [{'x' * 300}]}}")
    with pytest.raises(InputError, match="lacks the files"):
        open_container(tmp_path)


def _rotated(path: Path) -> list[Path]:
    """Write a recording in three parts."""
    writer = RecordingWriter(path, {}, part_s=0.0, syncs=False)
    channel = writer.channel(ChannelInfo(topic="/a", schema="", schema_encoding="", schema_data=b"", encoding="x"))
    for number in range(2):
        writer.write(channel, log_ns=number + 1, publish_ns=0, seq=number, data=b"x")
    writer.close()
    return [path, *parts_of(path)]


def _faults(path: Path) -> list[str]:
    with closing(open_container(path)) as container:
        return container.faults


def test_a_part_of_ours_that_is_lost_or_of_another_recording_is_told_of(tmp_path: Path) -> None:
    first, second, third = _rotated(tmp_path / "a.mcap")
    assert _faults(first) == _faults(tmp_path) == []
    assert _faults(second) == ["is part 2 of a recording: the others are played with the first one"]
    assert _faults(third) == ["is part 3 of a recording: the others are played with the first one"]
    (tmp_path / "others").mkdir()
    other = _rotated(tmp_path / "others" / "a.mcap")[1]
    kept = second.read_bytes()
    second.write_bytes(other.read_bytes())
    assert _faults(first) == ["a.0002.mcap: is a part of another recording"]
    second.unlink()
    assert _faults(first) == _faults(tmp_path) == ["a.0002.mcap is missing, or of another recording"]
    second.write_bytes(kept)
    first.unlink()
    assert _faults(tmp_path) == ["part 1 is missing, or of another recording"]


def test_of_many_parts_that_are_missing_a_few_are_named(tmp_path: Path) -> None:
    parts = recorded_parts(tmp_path / "a.mcap", 30)
    for part in parts[1:29]:
        part.unlink()
    (told,) = _faults(parts[0])
    assert told.startswith("a.0002.mcap, a.0003.mcap, ")
    assert told.endswith("a.0009.mcap and 20 more are missing, or of another recording")


@pytest.mark.parametrize("number", ["9" * 5000, "0", "-1", "one", ""])
def test_a_number_that_no_part_has_is_none(tmp_path: Path, number: str) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", {})
    writer.note(RECORDING, {"part": number, "last": "false"})
    writer.finish_part()
    assert _faults(tmp_path / "a.mcap") == _faults(tmp_path) == []


def test_files_that_nobody_described_are_named_as_joined(tmp_path: Path) -> None:
    first, *later = _rotated(tmp_path / "a.mcap")
    assert undescribed(tmp_path) == sorted([first, *later])
    assert undescribed(first) == []
    (tmp_path / "metadata.yaml").write_text("")
    assert undescribed(tmp_path) == []
