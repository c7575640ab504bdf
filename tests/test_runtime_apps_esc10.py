"""Sounds by their names from the command line: learnt, stopped and gone on, measured, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import save_file

from perception.sound.weights import SHIPPED, load, save
from runtime.apps import cli
from runtime.errors import MissingPart
from tests.esc10_files import CATEGORIES, tone, write_sound
from tests.sound_models import small_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return clips of four classes in two folds."""
    made = tmp_path_factory.mktemp("clips")
    for number, (_, ours) in enumerate(CATEGORIES.values()):
        for fold in (1, 2):
            write_sound(made / ours / f"{fold}-{number}-A.wav", tone(300 + 500 * number, 1.5))
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_trained_weights_are_measured(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained"
    assert cli.run(["train", "esc10", "--data", str(folder), "--out", str(out), "--steps", "2"]) == 0
    [told] = lines(capsys)
    assert told["is_done"] is True
    assert (told["steps"], told["clips"]) == (2, 8)
    weights, found = str(told["path"]), tmp_path / "found"
    assert cli.run(["eval", "esc10", "--data", str(folder), "--weights", weights, "--out", str(found), "--json"]) == 0
    *scores, tags, table, result = lines(capsys)
    assert (tags["measure"], tags["n"]) == ("tags", 8)
    assert [row["on"] for row in scores] == table["classes"]
    assert (result["type"], result["suite"], result["n"]) == ("result", "esc10", 8)
    counts = torch.tensor(table["counts"])
    assert int(counts.sum()) == 8
    assert result["accuracy"] == float(counts.diagonal().sum()) / 8
    assert ElementTree.parse(found / "confusion.svg").getroot().tag.endswith("svg")
    rows = [json.loads(line) for line in (found / "clips.jsonl").read_text().splitlines()]
    assert sum(row["truth"] == row["told"] for row in rows) / 8 == result["accuracy"]


@pytest.mark.slow
def test_folds_compare_with_the_baseline(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "esc10", "--data", str(folder), "--out", str(tmp_path), "--folds", "--seeds", "1"]
    assert cli.run([*arguments, "--steps", "1", "--fold", "2"]) == 0
    *folds, result = lines(capsys)
    assert [(row["model"], row["fold"], row["n"], row["steps"]) for row in folds] == [
        ("heedful", 2, 4, 1),
        ("plain", 2, 4, 1),
    ]
    assert {"heedful", "plain", "ahead"} <= set(result)
    assert (tmp_path / "heedful-fold2-seed0" / "curves.svg").exists()


def test_a_folder_without_clips_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "w.safetensors", small_model(), {})
    arguments = ["eval", "esc10", "--data", str(tmp_path), "--weights", str(tmp_path / "w.safetensors")]
    assert cli.run(arguments) == 2
    assert "has no clips" in capsys.readouterr().err
    write_sound(tmp_path / "rain" / "1-1-A.wav", tone(300, 0.2))
    assert cli.run(arguments) == 2
    assert "is of no class that the model knows: low, high" in capsys.readouterr().err


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    path, model = tmp_path / "w.safetensors", small_model(3)
    save(path, model, {"seed": 3})
    again = load(path)
    assert (again.classes, again.shape, again.training) == (model.classes, model.shape, False)
    x = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(again.encoder(x), model.encoder(x))


def test_weights_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match="no weights for sounds"):
        load(tmp_path / "none.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", metadata={"note": "{}"})
    with pytest.raises(MissingPart, match="is of another make"):
        load(tmp_path / "other.safetensors")


@pytest.mark.skipif(not SHIPPED.exists(), reason="the weights are not trained yet")
def test_the_shipped_weights_are_small_and_know_ten_sounds() -> None:
    model = load()
    assert len(model.classes) == 10
    assert SHIPPED.stat().st_size < 3_000_000
    assert SHIPPED.with_suffix(".md").exists()
