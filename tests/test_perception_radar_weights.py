"""The radar model in a file: what comes back is what was saved, and the shipped one knows what it was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from perception.learn import checkpoint
from perception.radar.classifier import ActivityClassifier
from perception.radar.likeness import NAMES
from perception.radar.weights import Trained, load, save
from runtime.errors import MissingPart

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
