"""The radar model in a file: what comes back is what was saved, and the shipped one knows what it was trained on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from perception.learn import checkpoint
from perception.radar.activity import ActivityWatcher
from perception.radar.classifier import ActivityClassifier
from perception.radar.lesson import predict
from perception.radar.likeness import NAMES
from perception.radar.recordings import read
from perception.radar.weights import SHIPPED, Trained, load, save
from runtime.errors import MissingPart
from tests.radar_fakes import PERIOD_NS

LIMITS = {name: (0.0, 1.0) for name in NAMES}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved = Trained(model=ActivityClassifier(2).eval(), classes=("jump", "walk"), limits=LIMITS)
    save(tmp_path / "new" / "radar.safetensors", saved, {"seed": 0})
    loaded = load(tmp_path / "new" / "radar.safetensors")
    assert (loaded.classes, loaded.limits) == (saved.classes, saved.limits)
    points, valid = torch.randn(1, 60, 9, 5), torch.ones(1, 60, 9, dtype=torch.bool)
    with torch.no_grad():
        assert torch.equal(loaded.model(points, valid), saved.model(points, valid))


@pytest.mark.parametrize("note", [{}, {"format": 99}])
def test_a_file_of_another_make_is_refused(tmp_path: Path, note: dict[str, object]) -> None:
    checkpoint.save(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, note)
    with pytest.raises(MissingPart, match="is of another make"):
        load(tmp_path / "a.safetensors")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    note = {"format": 1, "classes": ["jump"], "limits": LIMITS, "about": {}}
    checkpoint.save(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, note)
    with pytest.raises(MissingPart, match="does not fit this version"):
        load(tmp_path / "a.safetensors")


def test_the_shipped_model_is_small_and_has_its_card() -> None:
    trained = load()
    assert trained.classes == ("boxing", "jack", "jump", "squats", "walk")
    assert set(trained.limits) == set(NAMES)
    assert SHIPPED.stat().st_size < 2_000_000
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    assert "nesl/RadHAR" in card
    assert "BSD-3-Clause" in card


def test_the_shipped_model_tells_nothing_of_a_radar_on_a_car_or_of_silence() -> None:
    rng = np.random.default_rng(0)
    watcher = ActivityWatcher(load())
    told = []
    for row in range(120):
        away, side, up = rng.uniform(3, 80, 25), rng.uniform(-30, 30, 25), rng.uniform(-1, 3, 25)
        points = np.stack([away, side, up, rng.normal(-8, 4, 25), rng.uniform(5, 30, 25)], axis=1)
        told.append(
            watcher.add(points.astype(np.float32) if row < 60 else points[:0].astype(np.float32), row * PERIOD_NS)
        )
    answers = [one for one in told if one is not None]
    assert len(answers) == 7
    assert [one.name for one in (answers[0], answers[-1])] == [None, None]


@pytest.mark.data
@pytest.mark.parametrize("name", ["boxing/boxing_20_3", "jack/20_jacks_4", "squats/__20_squats_2", "walk/__walk_20_5"])
def test_the_shipped_model_knows_recordings_it_was_trained_on(name: str) -> None:
    trained = load()
    folder = Path(os.environ["HEEDFUL_DATA"]) / "radar" / "radhar" / "train"
    recording = read(folder / f"{name}.npz")
    (shares,) = predict(trained.model, [recording])
    right = shares.argmax(1) == trained.classes.index(recording.activity)
    assert right.mean() > 0.8
