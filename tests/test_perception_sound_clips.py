"""Clips in folders: their class, fold and sound, what is kept between runs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.sound.clips import CLASSES, find_clips, powers, read_clip
from runtime.errors import InputError
from tests.esc10_files import tone, write_sound


def test_clips_have_the_class_of_their_folder_and_the_fold_of_their_name(tmp_path: Path) -> None:
    for place in ("rain/2-1-A.wav", "dog_bark/1-2-B.wav", "dog_bark/3-2-A.wav"):
        write_sound(tmp_path / place, tone(500, 0.1))
    (tmp_path / "rain" / "notes.txt").write_text("not a clip")
    found = find_clips(tmp_path)
    assert [(one.name, CLASSES[one.label], one.fold) for one in found] == [
        ("dog_bark/1-2-B.wav", "dog_bark", 1),
        ("dog_bark/3-2-A.wav", "dog_bark", 3),
        ("rain/2-1-A.wav", "rain", 2),
    ]


def test_a_clip_is_read_at_sixteen_kilohertz_and_at_other_speeds(tmp_path: Path) -> None:
    write_sound(tmp_path / "x.wav", tone(500, 1.0))
    for speed in (1.0, 0.85, 1.18):
        heard = read_clip(tmp_path / "x.wav", speed)
        assert len(heard) == pytest.approx(16_000 / speed, abs=32)
        peak_hz = np.abs(np.fft.rfft(heard)).argmax() * 16_000 / len(heard)
        assert peak_hz == pytest.approx(500 * speed, abs=2)


def test_what_was_read_is_kept_for_the_next_run(tmp_path: Path) -> None:
    write_sound(tmp_path / "clips" / "rain" / "1-1-A.wav", tone(500, 0.5))
    write_sound(tmp_path / "clips" / "rain" / "1-2-A.wav", tone(900, 0.7))
    clips, cache = find_clips(tmp_path / "clips"), tmp_path / "out" / "mels.npz"
    first = powers(clips, (1.0, 1.18), cache)
    for clip in clips:
        clip.path.unlink()
    again = powers(clips, (1.0, 1.18), cache)
    assert [[len(one) for one in row] for row in first] == [[25, 21], [35, 29]]
    for row, other in zip(first, again, strict=True):
        for one, kept in zip(row, other, strict=True):
            np.testing.assert_array_equal(one, kept)
    with pytest.raises(InputError, match="cannot be decoded"):
        powers(clips, (1.0,), cache)  # of other speeds: read anew


@pytest.mark.parametrize(
    ("place", "says"),
    [("cat/1-1-A.wav", "is no class of ESC-10"), ("rain/one.wav", "has no fold"), ("rain/x.txt", "has no clips")],
)
def test_what_is_no_such_folder_is_named(tmp_path: Path, place: str, says: str) -> None:
    (tmp_path / place).parent.mkdir()
    (tmp_path / place).write_bytes(b"x")
    with pytest.raises(InputError, match=says):
        find_clips(tmp_path)


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "1-1-A.ogg").write_bytes(b"no sound")
    with pytest.raises(InputError, match="cannot be decoded"):
        read_clip(tmp_path / "1-1-A.ogg")
