"""ESC-10 out of its repository: names as in the sample data, sound as it was, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from perception.sound.clips import CLASSES, find_clips, read_clip
from runtime.apps import cli
from runtime.apps.data_esc10 import NAMES
from tests.esc10_files import write_repository, write_sound

if TYPE_CHECKING:
    from numpy.typing import NDArray


def samples_of(path: Path) -> NDArray[np.int16]:
    with av.open(str(path)) as media:
        return np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)]).astype(np.int16)


def test_each_clip_keeps_its_sound_under_its_new_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = write_repository(tmp_path / "source")
    assert cli.run(["data", "esc10", str(tmp_path / "source"), str(tmp_path / "new"), "--json"]) == 0
    found = {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert found == set(wanted)
    for place, samples in wanted.items():
        np.testing.assert_array_equal(samples_of(tmp_path / "new" / place), samples)
    counts = {row["class"]: row["clips"] for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {name: count for name, count in counts.items() if count} == {
        "baby_cry": 2,
        "dog_bark": 2,
        "fire_crackling": 2,
        "person_sneeze": 2,
    }


def test_a_second_time_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_repository(tmp_path / "source")
    arguments = ["data", "esc10", str(tmp_path / "source"), str(tmp_path / "new")]
    assert cli.run(arguments) == 0
    assert cli.run(arguments) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda source: (source / "meta" / "esc50.csv").unlink(), "is not the table of ESC-50"),
        (lambda source: (source / "meta" / "esc50.csv").write_text("filename,fold\n"), "has no column category, esc10"),
        (lambda source: (source / "audio" / "1-1000-A-0.wav").unlink(), "is missing, though the table names it"),
        (lambda source: (source / "audio" / "1-1000-A-0.wav").write_bytes(b"RIFF"), "cannot be converted"),
        (
            lambda source: (source / "meta" / "esc50.csv").write_text(
                "filename,fold,category,esc10\n1-1000-A-0.wav,2,dog,True\n"
            ),
            "is no ESC-10 clip",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], break_it: object, says: str
) -> None:
    write_repository(tmp_path / "source")
    assert callable(break_it)
    break_it(tmp_path / "source")
    assert cli.run(["data", "esc10", str(tmp_path / "source"), str(tmp_path / "new")]) == 2
    assert says in capsys.readouterr().err
    assert not list((tmp_path / "new").rglob("*.part"))


@pytest.mark.data
def test_names_are_those_of_the_sample_data(tmp_path: Path) -> None:
    """Clips of the samples, named as the repository names them, come out with the samples' names and sound."""
    folder = Path(os.environ["HEEDFUL_DATA"]) / "sounds" / "esc10"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES.values()) == list(CLASSES)
    theirs = {ours: category for category, ours in NAMES.items()}
    clips = [next(one for one in find_clips(folder) if one.label == label) for label in range(len(CLASSES))]
    lines = ["filename,fold,category,esc10"]
    for number, clip in enumerate(clips):
        name = f"{clip.path.stem}-{number}.wav"
        lines.append(f"{name},{clip.fold},{theirs[clip.path.parent.name]},True")
        heard = np.round(32767 * read_clip(clip.path)).astype(np.int16)
        write_sound(tmp_path / "source" / "audio" / name, heard, 16_000)
    (tmp_path / "source" / "meta").mkdir()
    (tmp_path / "source" / "meta" / "esc50.csv").write_text("\n".join(lines), encoding="utf-8")
    assert cli.run(["data", "esc10", str(tmp_path / "source"), str(tmp_path / "new")]) == 0
    made = find_clips(tmp_path / "new")
    assert [(one.name, one.label, one.fold) for one in made] == [(one.name, one.label, one.fold) for one in clips]
    for new, old in zip(made, clips, strict=True):
        np.testing.assert_allclose(read_clip(new.path), read_clip(old.path), atol=2 / 32768)
