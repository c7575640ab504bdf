"""`heedful train radhar` and `heedful eval radhar` on made-up recordings: files, lines, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perception.radar.recordings import read_folder
from perception.radar.weights import load
from runtime.apps import cli
from runtime.apps.train_radhar import split
from tests.radar_fakes import write_folder, write_recording


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("radar"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    out = tmp_path_factory.mktemp("trained")
    assert cli.run(["train", "radhar", "--data", str(data), "--out", str(out), "--steps", "3"]) == 0
    return out / "radhar.safetensors"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_training_leaves_weights_curves_and_a_checkpoint(trained: Path) -> None:
    model = load(trained)
    assert model.classes == ("jump", "walk")
    assert not model.model.training
    assert model.limits["points a sweep"][0] < model.limits["points a sweep"][1]
    assert {path.name for path in (trained.parent / "all").iterdir()} == {
        "checkpoint.safetensors",
        "curves.jsonl",
        "curves.svg",
    }


def test_eval_ends_with_the_result_and_leaves_a_picture(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["eval", "radhar", "--data", str(data), "--weights", str(trained), "--out", str(tmp_path), "--json"]
    assert cli.run(arguments) == 0
    *classes, confusion, result = lines(capsys)
    assert {one["on"]: one["n"] for one in classes} == {"jump": 16, "walk": 16}
    right = sum(confusion["counts"][place][place] for place in range(2))
    assert result["type"] == "result"
    assert result["suite"] == "radhar"
    assert result["n"] == 32
    assert result["accuracy"] == round(right / 32, 4)
    assert result["low"] <= result["accuracy"] <= result["high"]
    assert (tmp_path / "confusion.svg").read_text().startswith("<svg")
    rows = [json.loads(line) for line in (tmp_path / "recordings.jsonl").read_text().splitlines()]
    assert sum(row["right"] for row in rows) == right


def test_eval_tells_a_person_the_same(trained: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["eval", "radhar", "--data", str(data), "--weights", str(trained)]) == 0
    said = capsys.readouterr().out
    assert "what it is (line) and what was told (column)" in said
    assert json.loads(said.splitlines()[-1])["n"] == 32


def test_recordings_too_short_for_a_window_are_counted(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(tmp_path, "jump", "long", seed=0)
    write_recording(tmp_path, "walk", "short", seed=0, count=30)
    assert cli.run(["eval", "radhar", "--data", str(tmp_path), "--weights", str(trained), "--json"]) == 0
    result = lines(capsys)[-1]
    assert (result["n"], result["recordings"], result["too_short"]) == (4, 1, 1)


def test_what_cannot_be_measured_is_named(
    trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(tmp_path / "other", "jump", "one", seed=0)
    (tmp_path / "other" / "jump").rename(tmp_path / "other" / "juggling")
    for arguments, code, says in [
        (["--data", str(tmp_path / "other"), "--weights", str(trained)], 2, "is no activity that the model knows"),
        (["--data", str(tmp_path / "nowhere")], 2, "is no folder"),
        (["--data", str(data), "--weights", str(tmp_path / "none")], 3, "no radar weights"),
        (["--data", str(data), "--weights", str(data / "jump" / "__20_jump_1.npz")], 2, "is no checkpoint"),
    ]:
        assert cli.run(["eval", "radhar", *arguments]) == code
        assert says in capsys.readouterr().err


def test_folds_hold_out_by_the_order_of_words_or_by_number(data: Path) -> None:
    recordings = read_folder(data)
    learnt, held_out = split(recordings, "words", 1)
    assert {one.name for one in held_out} == {"__20_jump_1", "__20_jump_2", "__20_walk_1", "__20_walk_2"}
    assert {one.name for one in learnt} | {one.name for one in held_out} == {one.name for one in recordings}
    learnt, held_out = split(recordings, "numbers", 1)
    assert {one.name[-1] for one in held_out} == {"1"}
    assert {one.name[-1] for one in learnt} == {"2"}


def test_both_models_are_measured_on_what_is_held_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "radhar", "--data", str(data), "--out", str(tmp_path), "--folds", "words", "--seeds", "1"]
    assert cli.run([*arguments, "--steps", "2"]) == 0
    *folds, result = lines(capsys)
    assert [(one["model"], one["fold"], one["recordings"], one["steps"]) for one in folds] == [
        ("heedful", 0, 4, 2),
        ("pointnet", 0, 4, 2),
        ("heedful", 1, 4, 2),
        ("pointnet", 1, 4, 2),
    ]
    mean = {name: sum(one["accuracy"] for one in folds if one["model"] == name) / 2 for name in ("heedful", "pointnet")}
    assert result["heedful"]["accuracy"] == pytest.approx(mean["heedful"], abs=1e-4)
    assert result["ahead"]["points"] == pytest.approx(100 * (mean["heedful"] - mean["pointnet"]), abs=0.02)
    assert result["ahead"]["low"] <= result["ahead"]["points"] <= result["ahead"]["high"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--steps", "0"], "--steps: '0' is no whole number from 1"),
        (["--minutes", "soon"], "--minutes: 'soon' is no number"),
        (["--folds", "words", "--fold", "2"], "--fold: '2' is no whole number from 0 to 1"),
    ],
)
def test_a_wrong_setting_is_named(
    data: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "radhar", "--data", str(data), *arguments]) == 2
    assert says in capsys.readouterr().err
