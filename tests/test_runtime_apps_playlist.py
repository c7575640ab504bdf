"""What a replay plays: names, folders with a manifest, offsets, calibrations, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from runtime.apps.made_recording import NAMES, S_NS, START_NS, channel_info, sample, write_story
from runtime.apps.playlist import Playlist, make_playlist, replay_session
from runtime.config import Config, PerceptionConfig
from runtime.errors import InputError
from runtime.messages import Watermark
from runtime.recording import buslog, foxglove
from runtime.recording.bags import open_container
from runtime.recording.mcap_index import MAGIC
from runtime.recording.mcap_writer import RecordingWriter
from tests.event_words import write_evt2
from tests.recordings import make_clip
from tests.test_runtime_recording_mcap_file import chunks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rig")
    write_story(place / "sensors.mcap", 1.0)
    make_clip(place / "clip.mkv")
    (place / "front.json").write_text(json.dumps({"position_m": [1.0, 0.0, 2.0], "width_px": 128, "height_px": 96}))
    return place


def playlist_of(folder: Path, manifest: str, start_s: float = 0.0) -> Playlist:
    (folder / "manifest.yaml").write_text(manifest)
    return make_playlist([folder], PerceptionConfig(), round(start_s * S_NS))


def first_ns(playlist: Playlist, name: str) -> int:
    reader = next(one for one in playlist.streams if one.name == name).open()
    samples = reader.read(1)
    reader.close()
    return samples[0].t_ns


def test_streams_are_called_as_the_recorder_called_them(folder: Path) -> None:
    playlist = make_playlist([folder / "sensors.mcap"], PerceptionConfig())
    assert sorted(one.name for one in playlist.streams) == sorted(NAMES.values())
    assert playlist.calibrations["bumper"].position_m == (2.0, 0.0, 0.5)


def test_of_several_recordings_each_name_says_which(folder: Path) -> None:
    playlist = make_playlist([folder / "sensors.mcap", folder / "clip.mkv"], PerceptionConfig())
    names = {one.name for one in playlist.streams}
    assert {f"sensors-{name}" for name in NAMES.values()} < names
    assert {"clip-video", "clip-audio"} < names


def test_a_manifest_names_streams_and_moves_them(folder: Path) -> None:
    playlist = playlist_of(
        folder,
        """streams:
             door: {file: clip.mkv, track: video, offset_s: 2.5, calibration: front.json}
             hall: {file: clip.mkv, track: audio, offset_s: 2.5}
             radar: {file: sensors.mcap, topic: /bumper/radar}
        """,
    )
    assert {one.name: one.sensor for one in playlist.streams} == {"door": "video", "hall": "audio", "radar": "radar"}
    assert first_ns(playlist, "radar") == 0
    assert first_ns(playlist, "door") == first_ns(playlist, "hall") == 2.5 * S_NS
    assert playlist.calibrations["door"].position_m == (1.0, 0.0, 2.0)
    assert playlist.calibrations["radar"].position_m == (2.0, 0.0, 0.5)


def test_nothing_begins_before_the_start(folder: Path) -> None:
    playlist = playlist_of(folder, "streams: {a: {file: sensors.mcap, offset_s: -3}, b: {file: clip.mkv}}")
    assert {one.name for one in playlist.streams} == {f"a-{name}" for name in NAMES.values()} | {"b-video", "b-audio"}
    assert first_ns(playlist, "a-front") == 0
    assert first_ns(playlist, "b-video") == 3 * S_NS


def test_a_replay_may_begin_later_in_any_of_them(folder: Path) -> None:
    manifest = "streams: {a: {file: sensors.mcap, topic: /dvs/events}, b: {file: clip.mkv, track: video}}"
    playlist = playlist_of(folder, manifest, start_s=0.5)
    assert 0.5 * S_NS <= first_ns(playlist, "a") < 0.6 * S_NS
    assert 0.5 * S_NS <= first_ns(playlist, "b") < 0.7 * S_NS


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("streams: {a: {file: gone.mkv}}", "streams.a.file: there is no gone.mkv"),
        ("streams: {a: {file: clip.mkv, calibration: gone.json}}", "streams.a.calibration: there is no gone.json"),
        ("streams: {a: {file: clip.mkv, calibration: .}}", "streams.a.calibration: . is not a file"),
        ("streams: {a: {file: ../other.mkv}}", "lies outside the folder"),
        ('streams: {a: {file: "a\\0b"}}', "streams.a.file: 'a\\x00b' cannot be the name of a file"),
        (f"streams: {{a: {{file: {'x' * 300}}}}}", "cannot be the name of a file"),
        ("streams: {a: {file: clip.mkv, offset: 1}}", "streams.a.offset"),
        ("streams: {a: {file: clip.mkv, offset_s: .nan}}", "streams.a.offset_s"),
        (
            "streams: {a: {file: clip.mkv, offset_s: soon}}",
            "manifest.yaml: streams.a.offset_s: write a number (is 'soon')",
        ),
        ("streams: {a: {fil: clip.mkv}}", "manifest.yaml: streams.a.fil: unknown key; did you mean file?"),
        ("streams: {a: clip.mkv}", "streams.a: write settings below it: file, track, topic, offset_s, calibration"),
        ("streams: {memory: {file: clip.mkv}}", "no service's name"),
        ("streams: {'A b': {file: clip.mkv}}", "lower-case"),
        ("streams: {a: {file: clip.mkv, topic: /x}}", "has no topics"),
        ("streams: {a: {file: sensors.mcap, topic: /x}}", "has no topic /x that can be played"),
        ("streams: {a: {file: sensors.mcap, calibration: clip.mkv}}", "clip.mkv: is not JSON"),
        ("streams: {}", "streams"),
        ("streams: [", "is not YAML"),
        ("", "manifest.yaml: streams: is missing"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_in_one_line(folder: Path, manifest: str, told: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as refusal:
        playlist_of(folder, manifest)
    assert told in str(refusal.value)


@pytest.mark.parametrize("entry", ["file: pipe", "file: tone.wav, calibration: pipe"])
def test_a_manifest_that_names_a_pipe_is_refused_and_nobody_waits_for_it(tmp_path: Path, entry: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    make_clip(tmp_path / "tone.wav", 1.0, video=False)
    with pytest.raises(InputError, match=r"pipe:? is not a file"):
        playlist_of(tmp_path, f"streams: {{a: {{{entry}}}}}")


def test_hours_in_which_nothing_plays_are_refused(folder: Path) -> None:
    late = "streams: {a: {file: sensors.mcap, topic: /front/image}, b: {file: clip.mkv, track: video, offset_s: 7200}}"
    told = r"^[^\n]*clip.mkv: begins 120 minutes after all others have ended: .*\(streams\.b\.offset_s\)$"
    with pytest.raises(InputError, match=told):
        playlist_of(folder, late)
    assert {one.name for one in playlist_of(folder, late, start_s=7000).streams} == {"a", "b"}  # it begins there
    assert playlist_of(folder, late.replace("7200", "590")).streams


def test_a_calibration_that_says_nonsense_is_refused(folder: Path) -> None:
    (folder / "bad.json").write_text('{"position_m": [1, 2]}')
    with pytest.raises(InputError, match=r"bad.json: position_m"):
        playlist_of(folder, "streams: {a: {file: clip.mkv, track: video, calibration: bad.json}}")


def test_the_session_is_what_is_in_the_files(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "manifest.yaml").write_text("streams: {a: {file: clip.mkv}}")
    (folder / "manifest.yaml").write_text("streams: {a: {file: clip.mkv}}")
    assert replay_session([copy], Config()) == replay_session([folder], Config())
    (copy / "manifest.yaml").write_text("streams: {a: {file: clip.mkv, offset_s: 1}}")
    assert replay_session([copy], Config()) != replay_session([folder], Config())
    assert replay_session([folder], Config(), 1) != replay_session([folder], Config())


def test_the_session_is_also_what_lies_in_folders_below(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "manifest.yaml").write_text("streams: {a: {file: in/a.mcap}}")
    write_story(tmp_path / "in" / "a.mcap", 0.5, ("imu",))
    one = replay_session([tmp_path], Config())
    (tmp_path / "in" / "a.mcap").unlink()
    write_story(tmp_path / "in" / "a.mcap", 1.0, ("imu",))
    assert replay_session([tmp_path], Config()) != one


def test_a_file_that_only_looks_like_a_later_part_is_played(tmp_path: Path) -> None:
    paths = [tmp_path / "a.mcap", tmp_path / "a.0002.mcap"]
    write_story(paths[0], 0.5, ("radar",))
    write_story(paths[1], 0.5, ("imu",))
    playlist = make_playlist(paths, PerceptionConfig())
    assert [one.sensor for one in playlist.streams] == ["radar", "imu"]


def test_all_parts_of_a_recording_make_its_session_and_are_played_once(tmp_path: Path) -> None:
    path, later = tmp_path / "a.mcap", tmp_path / "a.0002.mcap"
    content = sample("imu", 0, START_NS)
    writer = RecordingWriter(path, {}, part_bytes=1, syncs=False)
    channel = writer.channel(channel_info("imu", content))
    for number in range(2):
        data = foxglove.encode(content, "body").SerializeToString()
        writer.write(channel, log_ns=START_NS + number, publish_ns=START_NS, seq=number, data=data)
    writer.close()
    assert [one.sensor for one in make_playlist([path, later], PerceptionConfig()).streams] == ["imu"]
    whole = replay_session([path], Config())
    later.unlink()
    assert replay_session([path], Config()) != whole


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        make_playlist([tmp_path / "pipe"], PerceptionConfig())
    with pytest.raises(InputError, match="is not a file"):
        open_container(tmp_path / "pipe")


def _damage(path: Path, first: int, last: int | None = None) -> None:
    data = bytearray(path.read_bytes())
    for begin, end in chunks(data)[first:last]:
        data[(begin + end) // 2] ^= 0xFF
    path.write_bytes(data)


def test_of_a_recording_whose_sensors_are_damaged_the_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, {}, syncs=False)
    mark = Watermark(session="s", stream="front", epoch=0, t_ns=0, sensor="video")
    said = writer.channel(buslog.channel_of(mark))
    writer._flushed_s = 0.0  # each in a chunk of its own
    writer.write(said, log_ns=START_NS, publish_ns=0, seq=0, data=buslog.to_entry(mark))
    image = writer.channel(channel_info("image", sample("image", 0, 0)))
    for number in range(5):
        writer._flushed_s = 0.0
        t_ns = START_NS + number * S_NS
        data = foxglove.encode(sample("image", number, t_ns), "front").SerializeToString()
        writer.write(image, log_ns=t_ns, publish_ns=t_ns, seq=number, data=data)
    writer.close()
    _damage(path, 1)
    with pytest.raises(InputError, match=r"[45] chunks between byte .* are damaged .*; nothing of sensors is left"):
        make_playlist([path], PerceptionConfig())


def test_a_stream_that_begins_far_from_the_others_is_told_of(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", {}, syncs=False)
    for number, late_ns in enumerate((0, S_NS, 1000 * S_NS)):
        channel = writer.channel(channel_info("image", sample("image", 0, 0)))
        data = foxglove.encode(sample("image", number, START_NS + late_ns), "front").SerializeToString()
        writer.write(channel, log_ns=START_NS + late_ns, publish_ns=0, seq=0, data=data)
        writer._flushed_s = 0.0
    writer.close()
    notes = make_playlist([tmp_path / "a.mcap"], PerceptionConfig()).notes
    assert any("nothing was recorded for 17 minutes; they are left out" in note for note in notes), notes
    assert any("begins 17 minutes after most others" in note for note in notes), notes


def test_the_file_of_an_event_camera_is_one_stream(tmp_path: Path) -> None:
    (tmp_path / "eye.raw").write_bytes(b"% evt 2.0\n% geometry 40x30\n% end\n" + write_evt2([(1, 2, 1, 77)]))
    playlist = make_playlist([tmp_path / "eye.raw"], PerceptionConfig())
    assert [(one.name, one.sensor) for one in playlist.streams] == [("events", "events")]
    assert first_ns(playlist, "events") == 0
    assert playlist.origin_ns is None
    moved = playlist_of(tmp_path, "streams: {dvs: {file: eye.raw, offset_s: 2}, eye: {file: eye.raw}}")
    assert first_ns(moved, "dvs") == 2 * S_NS
    with pytest.raises(InputError, match=r"holds events alone \(streams.dvs\)"):
        playlist_of(tmp_path, "streams: {dvs: {file: eye.raw, track: video}}")


def test_a_file_in_which_nothing_is_whole_says_why_nothing_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(MAGIC)
    with pytest.raises(InputError, match=r"holds nothing that can be played \(breaks off at byte 8\)"):
        make_playlist([path], PerceptionConfig())


def test_a_part_that_cannot_be_opened_is_told_of_and_the_others_are_played(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", {}, part_s=0.0)
    channel = writer.channel(channel_info("image", sample("image", 0, 0)))
    for number in range(3):
        data = foxglove.encode(sample("image", number, START_NS), "front").SerializeToString()
        writer.write(channel, log_ns=START_NS + number, publish_ns=0, seq=number, data=data)
    writer.close()
    whole = replay_session([tmp_path / "a.mcap"], Config())
    part = tmp_path / "a.0003.mcap"
    part.unlink()
    part.symlink_to(tmp_path / "gone.mcap")
    playlist = make_playlist([tmp_path / "a.mcap"], PerceptionConfig())
    assert [one.name for one in playlist.streams] == ["front"]
    assert "a.0003.mcap: cannot be read (No such file or directory)" in playlist.faults
    assert replay_session([tmp_path / "a.mcap"], Config()) not in ("", whole)
