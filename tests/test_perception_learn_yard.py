"""Windows of the yard to learn from: the same from disk, true to the world, and a small model learns two of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from perception.fusion.heads import SceneHeads
from perception.fusion.scene import Samples, SceneFusion
from perception.fusion.sets import losses
from perception.learn.loop import Plan, train
from perception.learn.yard import ACTIVITIES, GROUND, HUES, KINDS, Arrays, Yard, batch, true_things

YARD = Yard(samples=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("windows")


@pytest.fixture(scope="module")
def windows(folder: Path) -> list[Arrays]:
    return [YARD.window(number, folder) for number in range(2)]


def test_a_window_comes_from_disk_as_it_was_made(windows: list[Arrays], folder: Path, tmp_path: Path) -> None:
    again, anew = YARD.window(1, folder), YARD.window(1, tmp_path)
    assert len(list(folder.iterdir())) == 2
    for key, value in windows[1].items():
        np.testing.assert_array_equal(again[key], value)
        np.testing.assert_array_equal(anew[key], value)


def test_splits_share_no_window(windows: list[Arrays], tmp_path: Path) -> None:
    other = Yard(split="validation", samples=3).window(0, tmp_path)
    assert not np.array_equal(other["pictures"], windows[0]["pictures"])


def test_targets_agree_with_each_other(windows: list[Arrays]) -> None:
    given = batch(windows)
    parts = [given[key].flatten(0, 1) for key in ("things", "activity", "ground")]
    for things, activity, ground in zip(*parts, strict=True):
        there = true_things(things[None])[0]
        assert (len(there.kind) == 0) == (int(activity) == 0)
        assert (int(activity) == 3) == bool(there.approaching.any())
        assert ground.sum() <= len(there.kind)
        assert (there.range_m.diff() >= 0).all()


class Small(nn.Module):
    """Radar points and event maps into a scene, without an encoder's depth."""

    def __init__(self) -> None:
        super().__init__()
        self.points, self.maps = nn.Linear(5, 8), nn.Conv2d(2, 8, 20, stride=20)
        self.fusion = SceneFusion({"radar": 8, "events": 8}, 16, 6)
        self.heads = SceneHeads(
            16, kinds=len(KINDS), colours=len(HUES), activities=len(ACTIVITIES), sounds=len(KINDS), ground=GROUND
        )

    def loss(self, given: dict[str, Tensor]) -> Tensor:
        maps = given["event_maps"]
        seen = self.maps(maps.flatten(0, 1).log1p()).flatten(2).mT.unflatten(0, maps.shape[:2])
        always = torch.ones(maps.shape[:2], dtype=torch.bool)
        tokens = {"radar": self.points(given["points"] / 10), "events": seen}
        scene = self.fusion({name: Samples(one, always, torch.zeros(always.shape)) for name, one in tokens.items()})
        said = self.heads(scene.tokens.flatten(0, 1))
        rest = (given[name].flatten(0, 1) for name in ("activity", "sound_of", "ground"))
        return losses(said, true_things(given["things"].flatten(0, 1)), *rest).total()


class TwoWindows:
    """A lesson of one batch."""

    def __init__(self, given: dict[str, Tensor]) -> None:
        self.given = given

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        assert isinstance(model, Small)
        return model.loss(self.given)

    def measure(self, model: nn.Module) -> dict[str, float]:
        assert isinstance(model, Small)
        return {"held": model.loss(self.given).item()}


def test_thirty_steps_on_two_windows_lower_the_loss(windows: list[Arrays], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, lesson = Small(), TwoWindows(batch(windows))
    before = lesson.measure(model)["held"]
    outcome = train(model, lesson, Plan(steps=30, lr=5e-3, measure_every=30), tmp_path)
    assert outcome.measured["held"] < 0.8 * before
