"""The yard's bench: every kind of world in turn, and what the majority and the priors score as its lines say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from perception.yard.settings import LIGHTS, WorldSettings
from runtime.apps import cli
from runtime.apps.bench import NAMES
from runtime.apps.bench_measure import Plan
from runtime.apps.bench_yard import kinds_in_turn
from runtime.apps.bench_yard_blind import MOST_PERCENT, measure_blind


def test_each_round_measures_every_light_standing_and_driving_on_one_world() -> None:
    seen: list[tuple[WorldSettings, int]] = []
    took = kinds_in_turn(lambda settings, number: seen.append((settings, number)), 2, 8.0, "nothing")
    assert list(took) == [(way, light) for way in ("standing", "driving") for light in LIGHTS]
    assert all(len(one) == 2 for one in took.values())
    first, *measured = seen  # the first one fills tables
    assert first[1] not in {number for _, number in measured}
    assert [number for _, number in measured] == [0] * 8 + [1] * 8
    assert [(one.drives, one.light) for one, _ in measured[:8]] == [
        (way, one) for way in (False, True) for one in LIGHTS
    ]
    assert {(one.split, one.length_s) for one, _ in measured} == {("test", 8.0)}


def test_the_better_of_those_who_do_not_look_counts() -> None:
    measures = measure_blind(Plan(data=Path(), length="quick"))
    assert "right without looking: exists" in [one.name for one in measures]
    assert len({one.name for one in measures}) == len(measures) > 10
    for one in measures:
        assert one.value == pytest.approx(max(one.detail["majority"], one.detail["blind"]), abs=0.05)  # rounded
        assert one.passed == (one.value <= MOST_PERCENT)
        assert one.detail["questions"] > 0


def test_the_help_names_every_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())  # lines are broken at hyphens too
    assert all(name in shown for name in NAMES)
