"""Odd and broken recordings through `heedful replay`: used as far as they go, or named in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.apps import cli
from tests.answer_schema import answers_in
from tests.odd_media import FPS, cut_off, film, scratched, sound_file

MOVED, HEARD = "When did something move?", "What did you hear?"
NO_RECORDING = "is not a recording that can be decoded"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "local.yaml").write_text("broker: local\nperception: {asr: none}\n")
    return folder


@pytest.fixture
def replayed(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[dict[str, Any], ...]]:
    """Replay recordings and return the answers to both questions, and the summary."""

    def replay(*paths: Path) -> tuple[dict[str, Any], ...]:
        asked = ["--ask", MOVED, "--ask", HEARD, "--json"]
        assert cli.run(["replay", *map(str, paths), "--config", str(folder / "local.yaml"), *asked]) == 0
        shown = capsys.readouterr()
        assert shown.err == ""
        moved, heard = answers_in(shown.out)
        return moved, heard, json.loads(shown.out.splitlines()[-1])

    return replay


def is_at(answer: dict[str, Any], start_s: float, end_s: float, within_s: float = 0.4) -> bool:
    """Say whether the evidence covers that time."""
    first_s = min(float(one["start_s"]) for one in answer["evidence"])
    last_s = max(float(one["end_s"]) for one in answer["evidence"])
    return abs(first_s - start_s) <= within_s and abs(last_s - end_s) <= within_s


def refusal(folder: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line about a recording that cannot be used."""
    config = str(folder / "local.yaml")
    assert cli.run(["replay", str(path), "--config", config, "--ask", MOVED, "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    named, _, reason = line.removeprefix("heedful: ").partition(": ")
    assert named == str(path)
    return reason


def test_video_without_audio(folder: Path, replayed: Any) -> None:
    moved, heard, summary = replayed(film(folder / "silent.avi", sounds=0))
    assert is_at(moved, 1.0, 3.0)
    assert heard["abstained"]
    assert summary["streams"] == ["video"]


def test_audio_without_video(folder: Path, replayed: Any) -> None:
    moved, heard, summary = replayed(film(folder / "sound.flac", has_video=False))
    assert moved["abstained"]
    assert is_at(heard, 1.0, 3.0)
    assert summary["streams"] == ["audio"]


def test_two_audio_tracks_are_two_streams(folder: Path, replayed: Any) -> None:
    moved, heard, summary = replayed(film(folder / "two.mkv", sounds=2))
    assert is_at(moved, 1.0, 3.0)
    assert {one["stream"] for one in heard["evidence"]} == {"audio", "audio-2"}
    assert "440 Hz" in heard["answer"]
    assert "880 Hz" in heard["answer"]
    assert summary["streams"] == ["video", "audio", "audio-2"]


def test_a_variable_frame_rate_keeps_the_times_of_the_file(folder: Path, replayed: Any) -> None:
    def slower_and_slower(number: int) -> int:
        return number * number * 4000 // (4 * FPS) ** 2

    moved, heard, _ = replayed(film(folder / "variable.mkv", when_ms=slower_and_slower))
    # frame 15 shows the square first, frame 45 last: at 0.25 s and 2.25 s
    assert is_at(moved, 0.25, 2.25)
    assert is_at(heard, 1.0, 3.0)


def test_times_far_from_zero_count_from_the_start(folder: Path, replayed: Any) -> None:
    moved, heard, summary = replayed(film(folder / "late.mkv", start_s=50_000))
    assert is_at(moved, 1.0, 3.0)
    assert is_at(heard, 1.0, 3.0)
    assert summary["length_s"] == pytest.approx(4.0, abs=0.2)


def test_times_that_jump_go_on_from_where_they_were(folder: Path, replayed: Any) -> None:
    def jumps_two_hours(number: int) -> int:
        return number * 1000 // FPS + (7_200_000 if number > 30 else 0)

    moved, heard, summary = replayed(film(folder / "jump.mkv", when_ms=jumps_two_hours))
    assert is_at(moved, 1.0, 3.0)
    assert is_at(heard, 1.0, 3.0)
    assert summary["length_s"] == pytest.approx(4.0, abs=0.2)


def test_a_recording_that_breaks_off_is_used_as_far_as_it_goes(folder: Path, replayed: Any) -> None:
    moved, heard, _ = replayed(cut_off(film(folder / "whole.mkv"), 0.6))
    assert moved["truncated"]
    assert heard["truncated"]
    assert moved["evidence"][0]["start_s"] == pytest.approx(1.0, abs=0.3)
    assert 1.5 < moved["evidence"][-1]["end_s"] < 3.0
    assert heard["evidence"][0]["start_s"] == pytest.approx(1.0, abs=0.3)


def test_a_sound_file_that_breaks_off_is_used_as_far_as_it_goes(folder: Path, replayed: Any) -> None:
    _, heard, _ = replayed(cut_off(sound_file(folder / "whole.wav"), 0.6))
    assert heard["truncated"]
    assert is_at(heard, 1.0, 2.4)


def test_damage_in_the_middle_is_survived_and_said(folder: Path, replayed: Any) -> None:
    moved, _, _ = replayed(scratched(film(folder / "good.mkv")))
    assert moved["truncated"]
    assert moved["evidence"][0]["start_s"] == pytest.approx(1.0, abs=0.3)


def test_several_recordings_start_together_under_their_own_names(folder: Path, replayed: Any) -> None:
    odd = folder / "été: caméra (1).mkv"
    shutil.copy(film(folder / "plain.mkv", sounds=0), odd)
    moved, heard, summary = replayed(odd, sound_file(folder / "plain.wav"), odd)
    assert len({*summary["streams"]}) == 3
    assert is_at(moved, 1.0, 3.0)
    assert is_at(heard, 1.0, 3.0)


def test_a_single_frame_is_a_recording(folder: Path, replayed: Any) -> None:
    moved, _, summary = replayed(film(folder / "one.avi", sounds=0, length_s=1 / FPS))
    assert summary["streams"] == ["video"]
    assert moved["evidence"] == [] or moved["abstained"] or moved["answer"].startswith(("No", "Nothing"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"hello\n" * 100, "holds text, not a recording"),
        ("playlist.m3u8", b"#EXTM3U\nhttp://example.org/a.ts\n", "holds text, not a recording"),
        ("page.avi", "<html>été</html>".encode(), "holds text, not a recording"),
        ("zeros.wav", bytes(5000), NO_RECORDING),
        ("noise.mp4", bytes(range(256)) * 200, NO_RECORDING),
        ("picture.mp4", b"\x89PNG\r\n\x1a\n" + bytes(200), ""),
    ],
)
def test_what_is_no_recording_is_named(
    name: str, content: bytes | None, reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    assert reason in refusal(folder, path, capsys)


def test_a_folder_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = "is a folder without manifest.yaml; write one, or name the recordings in it"
    assert refusal(folder, folder, capsys) == told


def test_a_recording_cut_before_its_index_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert NO_RECORDING in refusal(folder, cut_off(film(folder / "index-last.mp4", sounds=0), 0.5), capsys)


def test_a_header_without_sound_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "header.wav"
    path.write_bytes(sound_file(folder / "full.wav").read_bytes()[:44])
    assert refusal(folder, path, capsys) == "nothing in it can be decoded"


@pytest.mark.parametrize("special", ["/dev/null", "/dev/zero"])
def test_a_device_is_no_recording(special: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(folder, Path(special), capsys) == "is not a file"


def test_one_bad_recording_among_good_ones_stops_before_anything_starts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, memory = film(folder / "fine.avi", sounds=0), folder / "not-there.mp4", folder / "memory"
    config = str(folder / "local.yaml")
    assert cli.run(["replay", str(good), str(bad), "--config", config, "--memory", str(memory)]) == 2
    assert capsys.readouterr().err == f"heedful: {bad}: no such file\n"
    assert not memory.exists()
