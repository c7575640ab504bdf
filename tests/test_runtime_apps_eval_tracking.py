"""Tracks against the yard's truth: what is counted as right, and that it stays as good as it was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perception.yard.script import make_world
from perception.yard.settings import seed_of
from runtime.apps.cli import run as heedful
from runtime.apps.eval_tracking import Tally, measure
from runtime.apps.yard_worlds import settings_of

if TYPE_CHECKING:
    import pytest


def test_two_worlds_are_followed_as_well_as_measured() -> None:
    total = Tally()
    for number in (0, 1):
        world = make_world(settings_of("validation", 8.0, "night"), seed_of("validation", number))
        total.add(measure(world, has_poses=True))
    scores = total.as_dict()
    assert scores["recall"] >= 0.75
    assert scores["precision"] >= 0.85
    assert scores["false_tracks_min"] <= 4
    assert scores["speed_mps_p50"] <= 0.3
    assert scores["bearing_deg_p50"] <= 1
    assert scores["approach_mps_p50"] <= 0.2


def test_tallies_add_up() -> None:
    one, other = Tally(found=3, missed=1, wrong=1, seconds=30.0, false_tracks=1), Tally(found=1, missed=3, seconds=30.0)
    one.add(other)
    assert (one.found, one.missed, one.seconds) == (4, 4, 60)
    scores = one.as_dict()
    assert (scores["recall"], scores["precision"], scores["false_tracks_min"]) == (0.5, 0.8, 1)


def test_the_suite_prints_a_line_for_each_light_and_the_result_last(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "yard-tracking", "--worlds", "1", "--length", "2", "--json"]
    assert heedful(arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["motion from"], one["on"]) for one in lines[:-1]] == [
        ("poses", "day"),
        ("poses", "all"),
        ("no poses", "day"),
        ("no poses", "all"),
    ]
    assert (lines[-1]["type"], lines[-1]["suite"], lines[-1]["n"]) == ("result", "yard-tracking", 1)
