"""The training loop: stopped and gone on equals never stopped, deadlines hold, curves and checkpoints are whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from perception.learn import checkpoint, curves
from perception.learn.loop import Plan, rate, train
from runtime.errors import ConfigError, InputError

PLAN = Plan(steps=12, seed=3, lr=0.05, average=0.9, measure_every=5)


class Line:
    """Learn y = 2 x - 1 from noisy points; dropout in the model draws from torch."""

    def loss(self, model: nn.Module, rng: np.random.Generator) -> Tensor:
        x = torch.tensor(rng.normal(size=(16, 1)), dtype=torch.float32)
        error: Tensor = ((model(x) - (2 * x - 1)) ** 2).mean()
        return error

    def measure(self, model: nn.Module) -> Mapping[str, float]:
        assert not model.training
        return {"error": float(self.loss(model, np.random.default_rng(0)))}


def fresh() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))


def ticking() -> Callable[[], float]:
    return partial(next, map(float, count()))


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("stops", [[3], [5], [1, 2, 7]])
def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path: Path, average: float, stops: list[int]) -> None:
    plan = replace(PLAN, average=average)
    whole = fresh()
    train(whole, Line(), plan, tmp_path / "whole")
    for limit in [*stops, 1000]:
        parts = fresh()
        torch.rand(7)  # whatever else the process draws
        outcome = train(parts, Line(), plan, tmp_path / "parts", limit_s=limit, clock=ticking())
    assert outcome.is_done
    assert outcome.step == plan.steps
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name]), name
    lines = [(tmp_path / name / curves.LINES).read_text() for name in ("whole", "parts")]
    assert lines[0] == lines[1]


def test_what_is_learnt_gets_better_and_is_in_the_curves(tmp_path: Path) -> None:
    outcome = train(fresh(), Line(), Plan(steps=200, lr=0.02, measure_every=50), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / curves.LINES).read_text().splitlines()]
    assert [row["step"] for row in rows] == [50, 100, 150, 200]
    assert rows[-1]["error"] < 0.1 < rows[0]["loss"]
    assert outcome.measured == rows[-1]
    drawn = ElementTree.fromstring((tmp_path / curves.PICTURE).read_text())
    assert len(drawn.findall("{*}polyline")) == 3  # loss, lr, error


def test_at_the_deadline_there_is_a_checkpoint_and_no_more_steps(tmp_path: Path) -> None:
    outcome = train(fresh(), Line(), PLAN, tmp_path, limit_s=4, clock=ticking())
    assert not outcome.is_done
    assert outcome.step == 3
    assert checkpoint.load(tmp_path / checkpoint.NAME)[1]["step"] == 3


def test_another_seed_gives_other_weights_and_the_same_one_the_same(tmp_path: Path) -> None:
    models = [fresh() for _ in range(3)]
    for place, (model, seed) in enumerate(zip(models, (1, 1, 2), strict=True)):
        train(model, Line(), replace(PLAN, seed=seed), tmp_path / str(place))
    first, again, other = (model.state_dict()["0.weight"] for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_checkpoint_of_another_plan_is_refused(tmp_path: Path) -> None:
    train(fresh(), Line(), PLAN, tmp_path)
    with pytest.raises(ConfigError, match="another plan"):
        train(fresh(), Line(), replace(PLAN, lr=0.5), tmp_path)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / checkpoint.NAME
    path.write_bytes(b"not one")
    with pytest.raises(InputError, match="is no checkpoint"):
        train(fresh(), Line(), PLAN, tmp_path)


def test_curves_after_the_last_checkpoint_are_left_out(tmp_path: Path) -> None:
    curves.write(tmp_path, [{"step": 5, "loss": 1.0}, {"step": 10, "loss": 0.5}])
    assert curves.read(tmp_path, 7) == [{"step": 5, "loss": 1.0}]


def test_the_rate_rises_then_falls() -> None:
    plan = Plan(steps=100, lr=1.0, warmup=0.1, last_lr=0.01)
    rates = [rate(plan, step) for step in range(100)]
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.02
