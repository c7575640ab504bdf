"""Recordings of every kind of brokenness: what can be decoded is used, and what cannot is named."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.media import AudioFile, VideoFile, probe
from perception.picture import encode_jpeg
from runtime.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import OutputContainer
    from av.stream import Stream

    from perception.media import AudioBlock, Track, VideoSample

MS = 1_000_000
FRAME_TIMES_MS = tuple(range(0, 2000, 40))


def write(
    path: Path,
    *,
    frames_ms: Sequence[int] = FRAME_TIMES_MS,
    sounds: int = 0,
    start_ms: int = 0,
    hole_ms: int = 0,
    audio_codec: str = "pcm_s16le",
) -> Path:
    """Write a recording: gray frames at the given times, and 2 s tones of 440 Hz, 880 Hz... with a hole after 1 s."""
    with av.open(str(path), "w") as container:
        if frames_ms:
            video = container.add_stream("mpeg4", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
        tones = [container.add_stream(audio_codec, rate=16_000, layout="mono") for _ in range(sounds)]
        for number, at_ms in enumerate(frames_ms):
            shade = np.full((48, 64, 3), number * 7 % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            frame.pts, frame.time_base = start_ms + at_ms, Fraction(1, 1000)
            container.mux(video.encode(frame))
        for pitch, tone in enumerate(tones, start=1):
            write_tone(container, tone, 440 * pitch, start_ms, hole_ms)
        if frames_ms:
            container.mux(video.encode(None))
    return path


def write_tone(container: OutputContainer, stream: Stream, pitch_hz: int, start_ms: int, hole_ms: int) -> None:
    times_s = np.arange(32_000) / 16_000
    tone = (8000 * np.sin(2 * np.pi * pitch_hz * times_s)).astype(np.int16)
    assert isinstance(stream, av.AudioStream)
    for at in range(0, tone.size, 1000):
        frame = av.AudioFrame.from_ndarray(tone[None, at : at + 1000], format="s16", layout="mono")
        frame.sample_rate = 16_000
        frame.pts = (start_ms + (hole_ms if at >= 16_000 else 0)) * 16 + at
        frame.time_base = Fraction(1, 16_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def cut(path: Path, share: float) -> Path:
    """Break a recording off after that share of its bytes."""
    data = path.read_bytes()
    short = path.with_name(f"cut-{path.name}")
    short.write_bytes(data[: int(len(data) * share)])
    return short


def with_index_first(path: Path) -> Path:
    """Copy an MP4 so that its index comes before the data, as cameras on the web write it."""
    fast = path.with_name(f"fast-{path.name}")
    with av.open(str(path)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return fast


def only(path: Path, sensor: str) -> Track:
    (track,) = (track for track in probe(path) if track.sensor == sensor)
    return track


def watch(path: Path, count: int = 7) -> tuple[list[VideoSample], VideoFile]:
    reader = VideoFile(path, only(path, "video"), analysis_width_px=32)
    samples = []
    while part := reader.read(count):
        samples += part
    reader.close()
    return samples, reader


def listen(path: Path, track: Track | None = None, count: int = 5) -> tuple[list[AudioBlock], AudioFile]:
    reader = AudioFile(path, track or only(path, "audio"))
    blocks = []
    while part := reader.read(count):
        blocks += part
    reader.close()
    return blocks, reader


def signal(blocks: list[AudioBlock]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.concatenate([block.samples[: block.count] for block in blocks])


def test_video_and_audio_of_one_file_share_a_clock(tmp_path: Path) -> None:
    path = write(tmp_path / "both.mkv", sounds=1)
    frames, _ = watch(path)
    blocks, _ = listen(path)
    assert [frame.t_ns for frame in frames] == [at * MS for at in FRAME_TIMES_MS]
    assert [block.t_ns for block in blocks] == [at * 32 * MS for at in range(63)]
    assert [frame.seq for frame in frames] == list(range(50))
    assert frames[3].gray.shape == (24, 32)
    assert frames[3].picture.width == 64
    assert blocks[-1].count == 32_000 - 62 * 512
    assert not blocks[-1].samples[blocks[-1].count :].any()


def test_a_track_says_what_it_is(tmp_path: Path) -> None:
    video, audio = probe(write(tmp_path / "both.mkv", sounds=1))
    assert (video.sensor, video.width_px, video.height_px, video.rate_hz) == ("video", 64, 48, 25.0)
    assert (audio.sensor, audio.width_px, audio.rate_hz) == ("audio", 0, 16_000.0)
    assert audio.duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.mp4", b"", "is empty"),
        ("words.mp4", b"This is a shopping list.\n" * 20, "holds text"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:2,\nhttp://example.org/a.ts\n", "holds text"),
        ("umlauts.wav", "Größe über alles\n".encode() * 40, "holds text"),
        ("noise.mp4", np.random.default_rng(1).bytes(5000), "not a recording"),
        ("zeros.mkv", bytes(5000), "not a recording"),
        ("half-a-sample.raw", b"\x01", "nothing in it can be decoded"),
    ],
)
def test_what_is_no_recording_is_named_with_the_reason(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: .*{why}") as raised:
        probe(path)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4: no such file"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="is not a file"):
        probe(tmp_path)


def test_subtitles_alone_are_nothing_to_perceive(tmp_path: Path) -> None:
    path = tmp_path / "words.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("subrip")
        packet = av.Packet(b"Hello")
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = 0
        packet.duration = 1000
        container.mux(packet)
    with pytest.raises(InputError, match="neither a video nor an audio track"):
        probe(path)


def test_video_without_audio_and_audio_without_video(tmp_path: Path) -> None:
    assert [track.sensor for track in probe(write(tmp_path / "silent.mp4"))] == ["video"]
    assert [track.sensor for track in probe(write(tmp_path / "sound.wav", frames_ms=(), sounds=1))] == ["audio"]


def test_flac_and_wav_sound_alike(tmp_path: Path) -> None:
    plain, _ = listen(write(tmp_path / "sound.wav", frames_ms=(), sounds=1))
    packed, reader = listen(write(tmp_path / "sound.flac", frames_ms=(), sounds=1, audio_codec="flac"))
    np.testing.assert_array_equal(signal(plain), signal(packed))
    assert not reader.truncated


def test_two_audio_tracks_are_both_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "two.mkv", sounds=2)
    video, first, second = probe(path)
    assert (video.sensor, first.sensor, second.sensor) == ("video", "audio", "audio")
    for track, pitch_hz in ((first, 440), (second, 880)):
        blocks, _ = listen(path, track)
        spectrum = np.abs(np.fft.rfft(signal(blocks)[:16_000]))
        assert spectrum.argmax() == pitch_hz


def test_cover_art_is_not_a_video_track(tmp_path: Path) -> None:
    cover = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        art = container.add_stream("mjpeg", rate=1)
        art.width, art.height, art.pix_fmt = 64, 48, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        write_tone(container, sound, 440, 0, 0)
        packet = av.Packet(encode_jpeg(cover, 64)[0])
        packet.stream, packet.time_base = art, Fraction(1, 1)
        packet.pts = packet.dts = 0
        container.mux(packet)
    assert [track.sensor for track in probe(path)] == ["audio"]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_times_far_from_zero_start_near_zero(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"far.{suffix}", start_ms=100_000_000)
    frames, reader = watch(path)
    assert [frame.t_ns for frame in frames] == [at * MS for at in FRAME_TIMES_MS]
    assert (reader.truncated, reader.jumps) == (False, 0)
    assert only(path, "video").duration_s == pytest.approx(2.0, abs=0.1)


def test_sound_that_starts_far_from_zero_stays_in_step(tmp_path: Path) -> None:
    blocks, _ = listen(write(tmp_path / "far.mkv", sounds=1, start_ms=100_000_000))
    assert blocks[0].t_ns == 0
    assert blocks[-1].t_ns == 62 * 32 * MS


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times_ms = [0, 40, 45, 300, 1000, 1010, 9000]
    frames, reader = watch(write(tmp_path / "vfr.mkv", frames_ms=times_ms))
    assert [frame.t_ns // MS for frame in frames] == times_ms
    assert reader.jumps == 0


def test_a_jump_of_the_clock_goes_on_after_one_frame(tmp_path: Path) -> None:
    frames, reader = watch(write(tmp_path / "jump.mkv", frames_ms=[0, 40, 80, 500_000, 500_040]))
    assert [frame.t_ns // MS for frame in frames] == [0, 40, 80, 120, 160]
    assert reader.jumps == 1


def test_a_hole_in_the_sound_moves_the_clock(tmp_path: Path) -> None:
    blocks, reader = listen(write(tmp_path / "hole.mkv", sounds=1, hole_ms=300))
    times_ms = [block.t_ns / MS for block in blocks]
    assert 1300.0 in times_ms
    last = blocks[times_ms.index(1300.0) - 1]
    assert last.t_ns / MS + last.count / 16 == pytest.approx(1000)
    assert signal(blocks).size == 32_000
    assert reader.jumps == 0


@pytest.mark.parametrize("name", ["sound.flac", "both.mkv", "fast-silent.mp4"])
def test_what_is_left_of_a_truncated_recording_is_used(tmp_path: Path, name: str) -> None:
    if name == "sound.flac":
        path = write(tmp_path / name, frames_ms=(), sounds=1, audio_codec="flac")
    elif name == "both.mkv":
        path = write(tmp_path / name, sounds=1)
    else:
        path = with_index_first(write(tmp_path / "silent.mp4"))
    broken = cut(path, 0.6)
    for track in probe(broken):
        samples, reader = watch(broken) if track.sensor == "video" else listen(broken)
        assert 10 <= len(samples) < 50
        assert reader.truncated
    whole, whole_reader = watch(path) if name != "sound.flac" else listen(path)
    assert len(whole) >= 50
    assert not whole_reader.truncated


def test_an_mp4_without_its_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a recording that can be decoded"):
        probe(cut(write(tmp_path / "silent.mp4"), 0.6))


def test_damage_in_the_middle_does_not_stop_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "hurt.mkv", sounds=1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 600] = bytes(600)
    path.write_bytes(data)
    frames, _ = watch(path)
    assert 40 <= len(frames) < 50
    assert frames[-1].t_ns == FRAME_TIMES_MS[-1] * MS


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path) -> None:
    assert probe(write(tmp_path / "12:30:00.mkv"))


@cache
def recording() -> tuple[Path, list[VideoSample], list[AudioBlock]]:
    path = write(Path(mkdtemp(prefix="heedful-test-")) / "both.mkv", sounds=1)
    return path, watch(path, count=1000)[0], listen(path, count=1000)[0]


@settings(max_examples=20)
@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_reading_in_any_pieces_gives_the_same_samples(counts: list[int]) -> None:
    path, whole_frames, whole_blocks = recording()
    frames = VideoFile(path, only(path, "video"), analysis_width_px=32)
    blocks = AudioFile(path, only(path, "audio"))
    for count in [*counts, 1000]:
        seen, whole_frames = whole_frames[:count], whole_frames[count:]
        heard, whole_blocks = whole_blocks[:count], whole_blocks[count:]
        for here, there in zip(frames.read(count), seen, strict=True):
            assert (here.t_ns, here.seq) == (there.t_ns, there.seq)
            assert np.array_equal(here.gray, there.gray)
        for block, other in zip(blocks.read(count), heard, strict=True):
            assert (block.t_ns, block.seq, block.count) == (other.t_ns, other.seq, other.count)
            assert np.array_equal(block.samples, other.samples)
    frames.close()
    blocks.close()


@pytest.mark.data
def test_the_sample_recordings_open(data_dir: Path) -> None:
    counts = {}
    for path in (data_dir / "video" / "car-detection.mp4", data_dir / "speech" / "goforward_16k_s16le.raw"):
        for track in probe(path):
            samples, reader = watch(path) if track.sensor == "video" else listen(path)
            counts[path.name, track.sensor] = len(samples)
            assert not reader.truncated
    assert counts == {
        ("car-detection.mp4", "video"): 377,
        ("car-detection.mp4", "audio"): 943,
        ("goforward_16k_s16le.raw", "audio"): 88,
    }
