"""Channels of a recording as streams: times, order, damage, any start, and the same samples however they are read."""

import dataclasses
import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from perception.recorded import RecordedAudio, RecordedData, RecordedVideo
from perception.recording import SKEW_NS, Recording, probe_recording, taken_ns
from runtime.apps.made_recording import NAMES, RATES_HZ, S_NS, START_NS, channel_info, sample, write_story
from runtime.recording import foxglove
from runtime.recording.container import Entry
from runtime.recording.contents import Pcm, Picture
from runtime.recording.mcap_writer import ChannelInfo, RecordingWriter
from runtime.recording.timeline import PAUSE_NS

MS_NS = 1_000_000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    path = tmp_path_factory.mktemp("recorded") / "all.mcap"
    return path, write_story(path, 3.0)


def reader_of(recording: Recording, name: str, **times: int) -> Any:
    track = next(one for one in recording.tracks if one.name == name)
    match track.sensor:
        case "video":
            return RecordedVideo(track, recording, 64, **times)
        case "audio":
            return RecordedAudio(track, recording, **times)
        case _:
            return RecordedData(track, recording, **times)


def read_all(reader: Any, count: int = 1000) -> list[Any]:
    samples = []
    while some := reader.read(count):
        samples += some
    reader.close()
    return samples


def write_images(path: Path, times_ns: list[tuple[int, int]], stamp: Callable[[int], int | None] = lambda t: t) -> None:
    """Write pictures at (log time, capture time)."""
    writer = RecordingWriter(path, {}, syncs=False)
    channel = writer.channel(channel_info("image", sample("image", 0, 0)))
    for number, (log_ns, t_ns) in enumerate(times_ns):
        data = foxglove.encode(sample("image", number, stamp(t_ns)), "front").SerializeToString()
        writer.write(channel, log_ns=log_ns, publish_ns=t_ns, seq=number, data=data)
    writer.close()


def video_times(path: Path) -> list[int]:
    return [one.t_ns for one in read_all(reader_of(probe_recording(path), "front"))]


def test_every_sensor_becomes_a_stream_and_every_sample_comes(recorded: tuple[Path, dict[str, int]]) -> None:
    path, counts = recorded
    recording = probe_recording(path)
    assert {track.name: track.sensor for track in recording.tracks} == {
        NAMES["image"]: "video",
        NAMES["audio"]: "audio",
        NAMES["radar"]: "radar",
        NAMES["events"]: "events",
        NAMES["pose"]: "pose",
        NAMES["imu"]: "imu",
    }
    assert [*recording.places.of] == ["bumper"]
    for kind in ("image", "radar", "events", "pose", "imu"):
        samples = read_all(reader_of(recording, NAMES[kind]))
        assert [one.seq for one in samples] == list(range(counts[kind]))
        assert [one.t_ns for one in samples] == [round(n * S_NS / RATES_HZ[kind]) for n in range(counts[kind])]
    blocks = read_all(reader_of(recording, NAMES["audio"]))
    assert blocks[0].t_ns == 0
    assert sum(one.count for one in blocks) == counts["audio"] * 1600


def test_what_was_recorded_comes_back(recorded: tuple[Path, dict[str, int]]) -> None:
    recording = probe_recording(recorded[0])
    for kind in ("radar", "events", "pose", "imu"):
        third = read_all(reader_of(recording, NAMES[kind]))[3].message
        told = sample(kind, 3, None)
        assert {**vars_of(third), "t_ns": None, "seq": None} == vars_of(told)
    sound = np.concatenate([one.samples for one in read_all(reader_of(recording, "cabin"))])
    first = sample("audio", 0, None)
    assert isinstance(first, Pcm)
    assert np.allclose(sound[:1600], np.frombuffer(first.payload, "<i2") / 32768, atol=1e-6)


def vars_of(message: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(message)
    return {one.name: getattr(message, one.name) for one in dataclasses.fields(message)}


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_read_in_pieces_is_as_read_at_once(recorded: tuple[Path, dict[str, int]], kind: str) -> None:
    recording = probe_recording(recorded[0])
    whole = read_all(reader_of(recording, NAMES[kind]))
    pieces = read_all(reader_of(recording, NAMES[kind]), 3)
    assert [(one.t_ns, one.seq) for one in pieces] == [(one.t_ns, one.seq) for one in whole]


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_it_begins_anywhere(recorded: tuple[Path, dict[str, int]], kind: str) -> None:
    recording = probe_recording(recorded[0])
    whole = [one.t_ns for one in read_all(reader_of(recording, NAMES[kind]))]
    later = [one.t_ns for one in read_all(reader_of(recording, NAMES[kind], start_ns=S_NS))]
    assert min(later) >= S_NS
    if kind == "audio":  # blocks are cut from there on
        assert min(later) < S_NS + 200 * MS_NS
    else:
        assert later == [t_ns for t_ns in whole if t_ns >= S_NS]


def test_an_offset_moves_all_times(recorded: tuple[Path, dict[str, int]]) -> None:
    recording = probe_recording(recorded[0])
    plain = read_all(reader_of(recording, "bumper"))
    moved = read_all(reader_of(recording, "bumper", offset_ns=7))
    assert [one.t_ns for one in moved] == [one.t_ns + 7 for one in plain]


def test_a_sensor_whose_clock_is_far_off_is_timed_by_its_arrival() -> None:
    entry = Entry(channel=1, seq=0, log_ns=START_NS, publish_ns=START_NS - 5 * MS_NS, data=b"")
    picture = partial(Picture, encoding="jpeg", payload=b"")
    assert taken_ns(entry, picture(t_ns=START_NS - 9 * MS_NS)) == START_NS - 9 * MS_NS
    assert taken_ns(entry, picture(t_ns=None)) == START_NS - 5 * MS_NS
    assert taken_ns(entry, picture(t_ns=3)) == START_NS - 5 * MS_NS
    assert taken_ns(Entry(channel=1, seq=0, log_ns=START_NS, publish_ns=0, data=b""), picture(t_ns=3)) == START_NS


@pytest.mark.parametrize("jitter_s", [0.5, 1.5, 3, 20])
def test_log_times_that_jitter_do_not_stretch_time(tmp_path: Path, jitter_s: float) -> None:
    draw, jitter_ns = random.Random(1), round(jitter_s * S_NS)
    taken = [START_NS + n * 100 * MS_NS for n in range(200)]
    write_images(tmp_path / "a.mcap", [(t_ns + draw.randrange(-jitter_ns, jitter_ns), t_ns) for t_ns in taken])
    reader = reader_of(probe_recording(tmp_path / "a.mcap"), "front")
    times = [one.t_ns for one in read_all(reader)]
    assert len(times) == 200
    assert times == sorted(times)
    assert 18 * S_NS < times[-1] - times[0] < 20 * S_NS  # it begins with what was logged first
    told = "its times go back and forth; it is played in the order of arrival"
    assert [fault.endswith(told) for fault in reader.faults] == ([] if jitter_s < 1 else [True])


def test_a_clock_that_is_set_forward_again_is_where_it_would_have_been(tmp_path: Path) -> None:
    logs = [START_NS + n * 100 * MS_NS for n in range(30)]
    taken = [t_ns - 30 * S_NS if 10 <= n < 20 else t_ns for n, t_ns in enumerate(logs)]
    write_images(tmp_path / "back.mcap", list(zip(logs, taken, strict=True)))
    times = video_times(tmp_path / "back.mcap")
    assert [times[n] for n in (0, 9, 20, 29)] == [n * 100 * MS_NS for n in (0, 9, 20, 29)]
    assert times == sorted(times)


def test_a_clock_that_is_set_back_goes_on_and_is_told_of(tmp_path: Path) -> None:
    logs = [START_NS + n * 100 * MS_NS for n in range(10)]
    taken = [t_ns if n < 5 else t_ns - 30 * S_NS for n, t_ns in enumerate(logs)]
    write_images(tmp_path / "back.mcap", list(zip(logs, taken, strict=True)))
    reader = reader_of(probe_recording(tmp_path / "back.mcap"), "front")
    times = [one.t_ns for one in read_all(reader)]
    assert times[:5] == [n * 100 * MS_NS for n in range(5)]
    assert times[5] == times[4] + 1
    assert [b - a for a, b in pairwise(times[5:])] == [100 * MS_NS] * 4
    assert any("clock was set back 1 times" in fault for fault in reader.faults)


def write_sound(path: Path, times_ns: list[tuple[int, int]]) -> None:
    """Write sound in pieces of a tenth of a second at (log time, capture time)."""
    writer = RecordingWriter(path, {}, syncs=False)
    channel = writer.channel(channel_info("audio", sample("audio", 0, 0)))
    for number, (log_ns, t_ns) in enumerate(times_ns):
        data = foxglove.encode(sample("audio", number, t_ns), "cabin").SerializeToString()
        writer.write(channel, log_ns=log_ns, publish_ns=t_ns, seq=number, data=data)
    writer.close()


@pytest.mark.parametrize("back_ns", [500 * MS_NS, 30 * S_NS])
def test_sound_whose_clock_is_set_back_goes_on_in_one_piece(tmp_path: Path, back_ns: int) -> None:
    log = [START_NS + number * 100 * MS_NS for number in range(40)]
    write_sound(tmp_path / "even.mcap", [(t_ns, t_ns) for t_ns in log])
    write_sound(tmp_path / "back.mcap", [(t_ns, t_ns - (back_ns if at >= 20 else 0)) for at, t_ns in enumerate(log)])
    even = reader_of(probe_recording(tmp_path / "even.mcap"), "cabin")
    back = reader_of(probe_recording(tmp_path / "back.mcap"), "cabin")
    expected, found = read_all(even), read_all(back)
    assert [(one.t_ns, one.count) for one in found] == [(one.t_ns, one.count) for one in expected]
    assert np.array_equal(np.stack([one.samples for one in found]), np.stack([one.samples for one in expected]))
    assert [fault for fault in back.faults if "set back 1 times" in fault] == back.faults
    assert bool(back.faults) == (back_ns > S_NS)


def test_a_clock_around_the_limit_of_what_is_believed_does_not_multiply_time(tmp_path: Path) -> None:
    log = [START_NS + number * 100 * MS_NS for number in range(20)]
    off = [(SKEW_NS + 100 * MS_NS) if at % 2 else (SKEW_NS - 100 * MS_NS) for at in range(20)]
    write_images(tmp_path / "edge.mcap", [(t_ns, t_ns - off[at]) for at, t_ns in enumerate(log)])
    times = video_times(tmp_path / "edge.mcap")
    assert len(times) == 20
    assert times[-1] - times[0] < SKEW_NS + 3 * S_NS


def test_small_disorder_is_straightened(tmp_path: Path) -> None:
    logs = [START_NS + n * 10 * MS_NS for n in range(4)]
    taken = [logs[0], logs[2], logs[1], logs[3]]
    write_images(tmp_path / "m.mcap", list(zip(logs, taken, strict=True)))
    times = video_times(tmp_path / "m.mcap")
    assert times == [0, 20 * MS_NS, 20 * MS_NS + 1, 30 * MS_NS]


def test_hours_without_any_sensor_are_left_out(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "night.mcap", {}, syncs=False)
    channel = writer.channel(channel_info("image", sample("image", 0, 0)))
    for number in range(4):
        t_ns = START_NS + number * 100 * MS_NS + (2 * PAUSE_NS if number >= 2 else 0)
        data = foxglove.encode(sample("image", number, t_ns), "front").SerializeToString()
        writer._flushed_s = 0.0  # each in a chunk of its own
        writer.write(channel, log_ns=t_ns, publish_ns=t_ns, seq=number, data=data)
    writer.close()
    times = video_times(tmp_path / "night.mcap")
    assert times[:2] == [0, 100 * MS_NS]
    assert times[2] - times[1] == S_NS
    assert times[3] - times[2] == 100 * MS_NS


def test_damaged_samples_are_left_out_and_told_of(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "bad.mcap", {}, syncs=False)
    image = writer.channel(channel_info("image", sample("image", 0, 0)))
    radar = writer.channel(channel_info("radar", sample("radar", 0, 0)))
    for number in range(6):
        t_ns = START_NS + number * 100 * MS_NS
        picture = foxglove.encode(sample("image", number, t_ns), "front").SerializeToString()
        sweep: Any = foxglove.encode(sample("radar", number, t_ns), "bumper")
        if number == 2:
            picture = foxglove.encode(
                Picture(t_ns=t_ns, encoding="jpeg", payload=b"\xff\xd8no"), ""
            ).SerializeToString()
            sweep.data = np.full((3, 5), np.nan, "<f4").tobytes()
        if number == 4:
            picture, sweep = b"\xff\xff\xff", foxglove.encode(sample("radar", 4, t_ns), "bumper")
            sweep.point_stride = 0
        writer.write(image, log_ns=t_ns, publish_ns=t_ns, seq=number, data=picture)
        writer.write(radar, log_ns=t_ns, publish_ns=t_ns, seq=number, data=sweep.SerializeToString())
    writer.close()
    recording = probe_recording(tmp_path / "bad.mcap")
    frames = reader_of(recording, "front")
    assert [one.seq for one in read_all(frames)] == [0, 1, 2, 3]
    assert frames.truncated
    assert any("2 entries" in fault for fault in frames.faults)
    sweeps = reader_of(recording, "bumper")
    kept = read_all(sweeps)
    assert len(kept[2].message.payload) == 0  # points that are nowhere are none
    assert len(kept) == 5
    assert sweeps.truncated


def test_what_nothing_reads_is_listed(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "odd.mcap", {}, syncs=False)
    odd = ChannelInfo(topic="/odd", schema="x/Odd", schema_encoding="", schema_data=b"", encoding="cbor")
    writer.write(writer.channel(odd), log_ns=1, publish_ns=0, seq=0, data=b"?")
    writer.close()
    recording = probe_recording(tmp_path / "odd.mcap")
    assert [(one.topic, one.schema) for one in recording.undecoded] == [("/odd", "x/Odd")]
    assert recording.tracks == ()


@given(cut=st.integers(0, 40_000))
def test_a_recording_that_is_cut_gives_what_is_there(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "cuts"
    folder.mkdir(exist_ok=True)
    whole = folder / "whole.mcap"
    if not whole.exists():
        write_story(whole, 1.0, ("radar", "imu"))
    data = whole.read_bytes()
    path = folder / "cut.mcap"
    path.write_bytes(data[: 8 + cut % (len(data) - 8)])
    recording = probe_recording(path)
    for track in recording.tracks:
        times = [one.t_ns for one in read_all(RecordedData(track, recording))]
        expected = read_all(reader_of(probe_recording(whole), track.name))
        assert times == [one.t_ns for one in expected][: len(times)]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of VP9, ten pictures a second, with key frames at 0 s and 7 s only."""
    path = tmp_path_factory.mktemp("video") / "video.mcap"
    codec = VideoCodecContext.create("libvpx-vp9", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuv420p", Fraction(1, 10)
    codec.gop_size = 1000
    codec.options = {"lag-in-frames": "0", "deadline": "realtime", "cpu-used": "8"}
    writer = RecordingWriter(path, {}, syncs=False)
    channel = writer.channel(channel_info("image", Picture(t_ns=0, encoding="vp9", payload=b"1")))
    for number in range(100):
        pixels = np.full((48, 64, 3), 2 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        if number == 70:
            frame.pict_type = PictureType.I
        (packet,) = codec.encode(frame)
        assert packet.is_keyframe == (number in (0, 70))
        t_ns = START_NS + number * 100 * MS_NS
        data = foxglove.encode(Picture(t_ns=t_ns, encoding="vp9", payload=bytes(packet)), "front").SerializeToString()
        writer.write(channel, log_ns=t_ns, publish_ns=t_ns, seq=number, data=data)
    writer.close()
    return path


@pytest.mark.parametrize("start_s", [0.05, 1.0, 4.95, 6.9, 7.0, 7.1, 9.9])
def test_video_begins_between_key_frames_with_the_pictures_it_would_have_had(video: Path, start_s: float) -> None:
    recording = probe_recording(video)
    whole = read_all(reader_of(recording, "front"))
    start_ns = round(start_s * S_NS)
    reader = reader_of(recording, "front", start_ns=start_ns)
    later = read_all(reader)
    expected = [one for one in whole if one.t_ns >= start_ns]
    assert [one.t_ns for one in later] == [one.t_ns for one in expected]
    assert [one.seq for one in later] == list(range(len(later)))
    assert all(np.array_equal(one.gray, other.gray) for one, other in zip(later, expected, strict=True))
    assert not reader.truncated


def test_video_after_its_end_is_nothing(video: Path) -> None:
    reader = reader_of(probe_recording(video), "front", start_ns=60 * S_NS)
    assert read_all(reader) == []
    assert not reader.truncated


def test_video_of_which_no_picture_comes_is_told_of(tmp_path: Path) -> None:
    content = Picture(t_ns=START_NS, encoding="h264", payload=bytes(range(1, 200)))
    writer = RecordingWriter(tmp_path / "video.mcap", {}, syncs=False)
    channel = writer.channel(channel_info("image", content))
    for number in range(3):
        data = foxglove.encode(content, "front").SerializeToString()
        writer.write(channel, log_ns=START_NS + number, publish_ns=0, seq=number, data=data)
    writer.close()
    reader = reader_of(probe_recording(tmp_path / "video.mcap"), "front")
    assert read_all(reader) == []
    assert reader.truncated
    assert "what could not be read was left out (3 entries)" in reader.faults[0]
