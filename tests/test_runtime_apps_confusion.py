"""Accuracy, classes and confusion of what was told, and intervals that draw recordings, not windows."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from runtime.apps.confusion import Told, accuracy, as_text, by_class, interval, matrix, picture

CLASSES = ("jump", "walk")
ROWS = [
    Told(name="a", truth="jump", told=("jump", "jump", "walk", "jump")),
    Told(name="b", truth="walk", told=("walk", "walk")),
    Told(name="c", truth="walk", told=()),
]


def test_windows_are_counted_by_what_they_are_and_were_told_to_be() -> None:
    counts = matrix(ROWS, CLASSES)
    assert counts.tolist() == [[3, 1], [0, 2]]
    assert accuracy(ROWS) == pytest.approx(5 / 6)
    assert by_class(counts, CLASSES) == {
        "jump": {"n": 4, "recall": 0.75, "precision": 1.0},
        "walk": {"n": 2, "recall": 1.0, "precision": 0.6667},
    }
    assert accuracy([]) == 0


def test_a_class_that_is_not_there_has_no_share() -> None:
    assert by_class(np.zeros((2, 2), np.int64), CLASSES)["jump"] == {"n": 0, "recall": None, "precision": None}


def test_the_interval_is_that_of_recordings() -> None:
    """Windows of a recording stand and fall together: a hundred of each are no more than one."""
    few = [Told(name=str(place), truth="jump", told=("jump" if place % 2 else "walk",)) for place in range(20)]
    many = [Told(name=one.name, truth=one.truth, told=one.told * 100) for one in few]
    assert interval(few) == interval(many)
    low, high = interval(few)
    assert 0.2 < low < 0.5 < high < 0.8
    sure = [Told(name=str(place), truth="jump", told=("jump",)) for place in range(20)]
    assert interval(sure) == (1.0, 1.0)


def test_how_far_one_is_ahead_of_another_is_drawn_by_pairs() -> None:
    better = [Told(name=str(place), truth="jump", told=("jump",) * 9 + ("walk",)) for place in range(20)]
    worse = [Told(name=str(place), truth="jump", told=("jump",) * 8 + ("walk",) * 2) for place in range(20)]
    assert interval(better, worse) == pytest.approx((0.1, 0.1))
    with pytest.raises(AssertionError):
        interval(better, worse[::-1])


def test_the_table_and_the_picture_hold_every_count() -> None:
    counts = np.array([[30, 1], [4, 25]])
    lines = as_text(counts, CLASSES).splitlines()
    assert [line.split() for line in lines] == [["jump", "walk"], ["jump", "30", "1"], ["walk", "4", "25"]]
    drawn = ElementTree.fromstring(picture(counts, CLASSES, "90 % <of> it"))
    said = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert said[0] == "90 % <of> it"
    assert {"30", "1", "4", "25"} <= set(said)
