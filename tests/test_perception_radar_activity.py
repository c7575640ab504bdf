"""The leaf: activities of what is like the training, and "not known" of everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from perception.radar.activity import Activity, ActivityWatcher
from perception.radar.classifier import ActivityClassifier
from perception.radar.encoder import RadarEncoder
from perception.radar.lesson import predict
from perception.radar.likeness import limits_of
from perception.radar.recordings import read, read_folder
from perception.radar.sweeps import Points
from perception.radar.weights import Trained
from tests.radar_fakes import ACTIVITIES, PERIOD_NS, START_NS, sweeps, write_folder, write_recording


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a small model that is sure of something, whatever it is; not trained, as only its answers matter here."""
    torch.manual_seed(1)
    model = ActivityClassifier(2, RadarEncoder(width=32, point_width=16, reach=4)).eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    recordings = read_folder(write_folder(tmp_path_factory.mktemp("radar")))
    return Trained(model=model, classes=tuple(sorted(ACTIVITIES)), limits=limits_of(recordings))


def watch(trained: Trained, drawn: list[Points], period_ns: int = PERIOD_NS) -> list[Activity]:
    watcher = ActivityWatcher(trained)
    told = [watcher.add(points, START_NS + row * period_ns) for row, points in enumerate(drawn)]
    return [one for one in told if one is not None]


def test_the_leaf_says_what_the_measurement_said(trained: Trained, tmp_path: Path) -> None:
    recording = read(write_recording(tmp_path, "walk", "w", seed=77))
    told = watch(trained, sweeps("walk", 77, 90))
    expected = predict(trained.model, [recording])[0]
    assert len(told) == len(expected) == 4
    for place, (one, shares) in enumerate(zip(told, expected, strict=True)):
        assert one.confidence == pytest.approx(float(shares.max()), abs=1e-5)
        assert one.name == (trained.classes[int(shares.argmax())] if shares.max() >= 0.6 else None)
        assert one.start_ns == START_NS + 10 * place * PERIOD_NS
        assert one.end_ns == START_NS + (10 * place + 59) * PERIOD_NS
    assert any(one.name for one in told)


def automotive(count: int) -> list[Points]:
    rng = np.random.default_rng(0)
    return [
        np.stack(
            [rng.uniform(2, 80, 20), rng.uniform(-30, 30, 20), rng.uniform(-1, 3, 20), rng.normal(-8, 4, 20),
             rng.uniform(5, 30, 20)], axis=1
        ).astype(np.float32)
        for _ in range(count)
    ]  # fmt: skip


def test_a_radar_on_a_car_is_told_nothing(trained: Trained) -> None:
    told = watch(trained, automotive(80))
    assert len(told) == 3
    assert all(one.name is None and one.confidence == 0 and one.reason for one in told)


def test_empty_sweeps_are_not_known(trained: Trained) -> None:
    told = watch(trained, [np.zeros((0, 5), np.float32)] * 60)
    assert [(one.name, one.reason.split(":")[0]) for one in told] == [(None, "points a sweep")]


def test_seconds_without_a_point_are_not_known_and_then_it_goes_on(trained: Trained) -> None:
    drawn = sweeps("walk", 3, 200)
    drawn[60:130] = [np.zeros((0, 5), np.float32)] * 70
    told = watch(trained, drawn)
    assert all(one.name is None for one in told if one.end_ns == START_NS + 119 * PERIOD_NS)
    assert told[-1].confidence > 0


def test_ten_times_the_points_are_not_known(trained: Trained) -> None:
    drawn = [np.concatenate([one] * 10) for one in sweeps("walk", 3, 60)]
    (told,) = watch(trained, drawn)
    assert told.name is None
    assert "points a sweep" in told.reason


def test_points_that_are_not_finite_change_nothing(trained: Trained) -> None:
    drawn = sweeps("walk", 3, 60)
    bad = np.array([[np.nan, 0, 0, 0, 28], [1, np.inf, 0, 0, 28]], np.float32)
    assert watch(trained, [np.concatenate([one, bad[:1]]) for one in drawn])[0].confidence == pytest.approx(
        watch(trained, drawn)[0].confidence, abs=1e-5
    )


@pytest.mark.parametrize("period_ns", [100_000_000, 10_000_000])
def test_another_rate_of_sweeps_is_not_known(trained: Trained, period_ns: int) -> None:
    (told,) = watch(trained, sweeps("walk", 3, 60), period_ns)
    assert told.name is None
    assert "sweeps took" in told.reason


def test_after_a_gap_it_begins_anew_and_an_older_sweep_is_left_out(trained: Trained) -> None:
    watcher = ActivityWatcher(trained)
    drawn = sweeps("walk", 3, 120)
    for row in range(59):
        assert watcher.add(drawn[row], START_NS + row * PERIOD_NS) is None
    assert watcher.add(drawn[59], START_NS) is None  # older
    later_ns = START_NS + 60 * PERIOD_NS + 1_100_000_000
    told = [watcher.add(drawn[row], later_ns + row * PERIOD_NS) for row in range(60)]
    assert [one is not None for one in told] == [False] * 59 + [True]
    assert told[-1] is not None
    assert told[-1].start_ns == later_ns


def test_half_sure_is_not_known(trained: Trained) -> None:
    torch.manual_seed(1)
    model = ActivityClassifier(2, RadarEncoder(width=32, point_width=16, reach=4)).eval()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
    (told,) = watch(Trained(model=model, classes=trained.classes, limits=trained.limits), sweeps("walk", 3, 60))
    assert told.name is None
    assert told.confidence == pytest.approx(0.5)
    assert told.reason == "jump is only 0.50 likely"
