"""Worlds that were recorded before are measured on; what cannot be measured on is refused in one line."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perception.yard.record import write_yard
from perception.yard.settings import SEEDS, SPLITS, Split, WorldSettings, seed_of
from runtime.apps import cli
from runtime.apps.eval_yard import run_yard
from runtime.apps.yard_folder import check_folder, given_at
from runtime.apps.yard_worlds import QUESTIONS, path_of, settings_of
from runtime.config import Config
from runtime.errors import ConfigError, InputError
from tests.yard_files import cut_off, of_version, rewritten, shifted, without

CONFIG = Config.model_validate({"broker": "local", "perception": {"asr": "none"}})
OUTSIDE = "Is the red car faster than a bullet?"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds")
    assert cli.run(["data", "yard", str(folder), "--split", "test", "--length", "6", "--light", "day"]) == 0
    return path_of(folder, settings_of("test", 6.0, "day"), 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def evaluated(data: Path) -> list[dict[str, object]]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert asyncio.run(run_yard(CONFIG, None, count=5, length_s=24.0, as_json=True, data=data)) == 0
    return [json.loads(line) for line in said.getvalue().splitlines()]


def refused(data: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that an evaluation says before it ends with exit code 2."""
    assert cli.run(["eval", "yard", "--data", str(data)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    return line


@pytest.mark.slow
def test_questions_outside_the_grammar_are_told_of_and_never_right(whole: Path, folder: Path) -> None:
    shutil.copy(whole, folder)
    known = [json.loads(line) for line in whole.with_suffix(QUESTIONS).read_text().splitlines()]
    rows = [one for one in known if one["purpose"] == "grammar" and one["kind"] == "answerable"][:2]
    by_hand = [{"text": one["text"], "asked_s": one["asked_s"]} for one in rows] + [{"text": OUTSIDE, "asked_s": 4.0}]
    lines = [*map(json.dumps, by_hand), ""]
    (folder / whole.name).with_suffix(QUESTIONS).write_text("\n".join(lines))
    *told, result = evaluated(folder)
    assert (result["worlds"], result["length_s"], result["unreadable"]) == (1, 6.0, 1)
    [unread] = [one for one in told if one["type"] == "unreadable"]
    assert f"{whole.name}: {OUTSIDE!r} is outside the grammar; what it reads" in str(unread["why"])
    scores = [one for one in told if one["type"] == "score" and one["measure"] == "accuracy" and one["on"] == "all"]
    assert {one["n"] for one in scores} == {2}
    assert next(one for one in scores if one["of"] == "oracle")["accuracy"] == 1.0


def test_a_file_of_questions_gives_what_is_made_without_it(whole: Path, folder: Path) -> None:
    shutil.copy(whole, folder)
    read, made = given_at(whole), given_at(folder / whole.name)
    assert read.is_remade
    assert [one.question for one in read.asked] == [one.question for one in made.asked]
    assert [one.purpose for one in read.asked] == [one.purpose for one in made.asked]


def test_a_world_that_its_seed_does_not_make_is_not_changed(whole: Path, folder: Path) -> None:
    other = rewritten(whole, folder / "other.mcap", mark={"seed": str(seed_of("test", 9))})
    assert not given_at(other).is_remade


def test_a_world_without_a_sensor_is_measured_on(whole: Path, folder: Path) -> None:
    assert given_at(without(whole, folder / "blind.mcap", "/camera/image")).asked


def test_what_breaks_off_lacks_its_truth_or_has_another_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    makes: dict[str, Callable[[Path], Path]] = {
        "its truth is not whole; `heedful data yard` makes another": lambda to: cut_off(whole, to, 0.6),
        "holds no /yard/truth": lambda to: without(whole, to, "/yard/truth"),
        "its truth is of version 2, and this reads 1": lambda to: of_version(whole, to, {"version": "2"}),
        "/radar/radar begins 3.00 s after the other sensors": lambda to: shifted(whole, to, "/radar/radar", 3.0),
        "is a seed of the split train": lambda to: rewritten(whole, to, mark={"seed": "5"}),
        "its mark heedful.yard is no world": lambda to: rewritten(whole, to, mark={"settings": "[]"}),
        "yard.length_s: 1e+99 is not from 2 to 7200": lambda to: rewritten(
            whole, to, mark={"settings": '{"split": "test", "length_s": 1e99}'}
        ),
    }
    for number, (says, make) in enumerate(makes.items()):
        data = tmp_path / str(number)
        data.mkdir()
        shutil.copy(whole, data)
        path = make(data / "worse.mcap")
        line = refused(data, capsys)
        assert f"{path}: " in line
        assert says in line


def test_a_folder_that_holds_nothing_or_one_world_twice_is_refused(
    whole: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no *.mcap: `heedful data yard` writes some" in refused(folder, capsys)
    assert "is no folder" in refused(folder / "none", capsys)
    for name in ("a.mcap", "b.mcap"):
        shutil.copy(whole, folder / name)
    assert f"b.mcap: has the seed {seed_of('test', 0)} of a.mcap: nothing is measured twice" in refused(folder, capsys)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1 is no question: it needs text and asked_s"),
        ("[1, 2]", "line 1 is no question: it needs text and asked_s"),
        ('{"text": "What is it?"}', "line 1 is no question: it needs text and asked_s"),
        ('{"text": 4, "asked_s": 1}', "line 1 is no question: its text is none"),
        ('{"text": "Was it dark?", "asked_s": 60}', "line 1 asks at 60 s, and the recording ends at 5.9"),
        ('{"text": "Was it dark?", "asked_s": NaN}', "line 1 asks at nan s, and the recording ends at 5.9"),
    ],
)
def test_a_file_that_holds_no_questions_is_refused(whole: Path, folder: Path, line: str, says: str) -> None:
    path = Path(shutil.copy(whole, folder))
    path.with_suffix(QUESTIONS).write_text(line)
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        check_folder(folder)


@pytest.mark.parametrize("split", SPLITS)
def test_no_world_is_recorded_from_a_seed_of_another_split(split: Split, tmp_path: Path) -> None:
    for other in SPLITS:
        for number in (0, SEEDS - 1):
            if other != split:
                settings, seed = WorldSettings(split=split, length_s=2.0), seed_of(other, number)
                with pytest.raises(ConfigError, match=f"{seed} is a seed of the split {other}"):
                    write_yard(tmp_path / "w.mcap", settings, seed)
    assert not list(tmp_path.iterdir())
