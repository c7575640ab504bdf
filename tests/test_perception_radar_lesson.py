"""Learning activities from made-up recordings: both models do, what is held out is measured, draws are seeded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from perception.learn.loop import Plan, train
from perception.radar.augment import Augmentation
from perception.radar.classifier import ActivityClassifier
from perception.radar.encoder import RadarEncoder, Samples
from perception.radar.lesson import ActivityLesson, predict
from perception.radar.pointnet import PointNetTransformer
from perception.radar.recordings import Recording, read, read_folder
from tests.radar_fakes import ACTIVITIES, write_folder, write_recording

CLASSES = sorted(ACTIVITIES)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    return read_folder(write_folder(tmp_path_factory.mktemp("radar")))


def small() -> ActivityClassifier:
    torch.manual_seed(0)
    return ActivityClassifier(2, RadarEncoder(width=32, point_width=16, reach=4))


def test_the_baseline_is_as_large_as_it_says_and_ours_is_no_larger() -> None:
    sizes = [
        sum(one.numel() for one in model.parameters()) for model in (PointNetTransformer(5), ActivityClassifier(5))
    ]
    assert sizes[0] == pytest.approx(270_000, rel=0.02)
    assert sizes[1] < sizes[0]


def test_the_baseline_does_not_see_padding_or_the_order_of_points(recordings: list[Recording]) -> None:
    torch.manual_seed(0)
    model = PointNetTransformer(2).eval()
    points, valid = torch.from_numpy(recordings[0].points[None, :60]), torch.from_numpy(recordings[0].valid[None, :60])
    with torch.no_grad():
        expected = model(points, valid)
        points[~valid] = 7
        order = torch.randperm(points.shape[2], generator=torch.Generator().manual_seed(0))
        assert torch.allclose(model(points[:, :, order], valid[:, :, order]), expected, atol=1e-5)


def test_a_window_decided_from_steps_is_decided_the_same(recordings: list[Recording]) -> None:
    model = small().eval()
    points, valid = torch.from_numpy(recordings[0].points[None, :60]), torch.from_numpy(recordings[0].valid[None, :60])
    with torch.no_grad():
        state, tokens = model.encoder.start(Samples(points, valid)), []
        for row in range(60):
            part, state = model.encoder.step(Samples(points[:, row : row + 1], valid[:, row : row + 1]), state)
            tokens.append(part)
        assert torch.allclose(model.decide(torch.cat(tokens, 1)), model(points, valid), atol=1e-5)


@pytest.mark.parametrize("how", [None, Augmentation(other_room=0, no_room=0)])
def test_what_is_learnt_is_right_on_what_is_held_out(
    tmp_path: Path, recordings: list[Recording], how: Augmentation | None
) -> None:
    held_out = [one for one in recordings if one.name.startswith("__20")]
    learnt = [one for one in recordings if not one.name.startswith("__20")]
    lesson = ActivityLesson(learnt, held_out, CLASSES, how, batch=8)
    model = small()
    outcome = train(model, lesson, Plan(steps=40, lr=4e-3, measure_every=20), tmp_path)
    assert outcome.measured["accuracy"] == 1.0


def test_the_same_generator_draws_the_same_batch(recordings: list[Recording]) -> None:
    model = small().eval()
    for how in (None, Augmentation()):
        lesson = ActivityLesson(recordings, [], CLASSES, how)
        losses = [lesson.loss(model, np.random.default_rng(seed)).item() for seed in (1, 1, 2)]
        assert losses[0] == losses[1] != losses[2]
        assert lesson.measure(model) == {}


def test_each_window_has_its_probabilities_and_a_short_recording_none(
    tmp_path: Path, recordings: list[Recording]
) -> None:
    short = read(write_recording(tmp_path, "jump", "short", seed=0, count=40))
    first, none = predict(small().eval(), [recordings[0], short])
    assert first.shape == (4, 2)
    assert first.sum(1) == pytest.approx(np.ones(4), abs=1e-5)
    assert len(none) == 0


def test_gradients_reach_every_weight(recordings: list[Recording]) -> None:
    model: nn.Module = small()
    ActivityLesson(recordings, [], CLASSES, Augmentation()).loss(model, np.random.default_rng(0)).backward()
    assert [name for name, one in model.named_parameters() if one.grad is None] == []
