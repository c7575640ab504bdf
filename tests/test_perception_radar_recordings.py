"""Radar recordings on disk: windows by the protocol, folds by names, and what is broken is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.radar.recordings import first_word, last_number, read, read_folder, windows
from runtime.errors import InputError
from tests.radar_fakes import sweeps, write_folder, write_recording


def test_a_recording_has_its_sweeps_and_the_name_of_its_folder(tmp_path: Path) -> None:
    one = read(write_recording(tmp_path, "jump", "20_jump_3", seed=4, count=75))
    assert (one.name, one.activity) == ("20_jump_3", "jump")
    for row, points in enumerate(sweeps("jump", 4, 75)):
        assert np.array_equal(one.points[row][one.valid[row]], points)


def test_windows_are_sixty_sweeps_and_begin_every_ten(tmp_path: Path) -> None:
    one = read(write_recording(tmp_path, "jump", "a", seed=0, count=85))
    assert list(one.starts()) == [0, 10, 20]
    points, valid = windows([one], [(0, 20), (0, 0)])
    assert points.shape[:2] == valid.shape[:2] == (2, 60)
    assert np.array_equal(points[0], one.points[20:80])
    assert list(read(write_recording(tmp_path, "jump", "b", seed=0, count=59)).starts()) == []


def test_a_number_that_no_point_has_is_an_empty_sweep(tmp_path: Path) -> None:
    path = tmp_path / "jump" / "gap.npz"
    path.parent.mkdir()
    np.savez(path, t_ns=np.arange(3), frame=np.array([0, 0, 3], np.int32), points=np.ones((3, 5), np.float32))
    assert read(path).valid.sum(1).tolist() == [2, 0, 0, 1]


def test_names_tell_order_of_words_and_number(tmp_path: Path) -> None:
    found = {one.name: (first_word(one), last_number(one)) for one in read_folder(write_folder(tmp_path))}
    assert found["__20_jump_1"] == (1, 1)
    assert found["_walk_20_2"] == (0, 2)
    assert len(found) == 8


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"frame": np.zeros(2, np.int32)}, "is no radar recording"),
        ({"frame": np.zeros(2, np.int32), "points": np.ones((2, 4), np.float32)}, "not \\(N, 5\\)"),
        ({"frame": np.zeros(3, np.int32), "points": np.ones((2, 5), np.float32)}, "not \\(N, 5\\)"),
        ({"frame": np.zeros(0, np.int32), "points": np.ones((0, 5), np.float32)}, "no frames"),
        ({"frame": np.array([1, 0], np.int32), "points": np.ones((2, 5), np.float32)}, "no frames that count up"),
        ({"frame": np.array([0, 2**30], np.int32), "points": np.ones((2, 5), np.float32)}, "frames for 2 points"),
    ],
)
def test_a_broken_recording_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    path = tmp_path / "jump" / "bad.npz"
    path.parent.mkdir()
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    with pytest.raises(InputError, match=says):
        read(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_file_that_is_no_npz_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no radar recording"):
        read(path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no CLASS/NAME\.npz"):
        read_folder(tmp_path)
