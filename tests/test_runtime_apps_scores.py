"""What counts as found, heard and right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.apps.scores import (
    faults,
    frame_f1,
    interval_f1,
    stated_durations_s,
    stated_numbers,
    stated_times_s,
    word_errors,
)
from tests.test_runtime_apps_present import ANSWERED

WORDS = st.lists(st.sampled_from(["one", "two", "three"]), max_size=6)


def right(**wanted: Any) -> dict[str, Any]:
    return {"answerable": True, "right": wanted}


def test_intervals_match_one_to_one_at_half_overlap() -> None:
    score = interval_f1([(0, 10), (0, 10), (20, 30), (50, 51)], [(0, 12), (21, 31)], [])
    assert score.precision == 0.5
    assert score.recall == 1.0
    assert score.f1 == pytest.approx(2 / 3, abs=1e-4)


def test_less_than_half_overlap_is_a_miss_and_an_extra() -> None:
    score = interval_f1([(0, 10)], [(6, 16)], [])
    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)


def test_what_is_found_in_neutral_time_counts_neither_way() -> None:
    assert interval_f1([(0, 10), (40, 45)], [(0, 10)], [(39, 50)]).f1 == 1.0


def test_nothing_found_where_nothing_is_counts_as_right() -> None:
    assert interval_f1([], [], []).f1 == 1.0


def test_frames_near_a_border_and_in_neutral_time_are_left_out() -> None:
    assert frame_f1([(1.05, 3.05)], [(1.0, 3.0)], [], 4.0).f1 == 1.0
    assert frame_f1([(1.0, 3.0), (3.5, 3.8)], [(1.0, 3.0)], [(3.4, 3.9)], 4.0).f1 == 1.0
    assert frame_f1([(1.0, 2.0)], [(1.0, 3.0)], [], 4.0).recall == pytest.approx(0.5, abs=0.03)


def test_word_errors_count_wrong_missing_and_added_words() -> None:
    assert word_errors("go forward ten meters", "go forward ten meters") == (0, 4)
    assert word_errors("Go, for ten meters now!", "go forward ten meters") == (2, 4)
    assert word_errors("", "go forward") == (2, 2)
    assert word_errors("go", "") == (1, 0)


@settings(max_examples=50)
@given(WORDS, WORDS)
def test_word_errors_are_a_distance(one: list[str], other: list[str]) -> None:
    there, back = word_errors(" ".join(one), " ".join(other))[0], word_errors(" ".join(other), " ".join(one))[0]
    assert there == back
    assert (there == 0) == (one == other)
    assert abs(len(one) - len(other)) <= there <= max(len(one), len(other))


def test_times_durations_and_counts_are_told_apart() -> None:
    text = "Twice: 2 tones at 440 Hz, from 0:01.5 to 1:00:02, for 1 min 3 s in all, 12 seconds each."
    assert stated_times_s(text) == [1.5, 3602.0]
    assert stated_durations_s(text) == [63.0, 12.0]
    assert sorted(stated_numbers(text)) == [2, 2]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (right(evidence_in_s=[(0.5, 4)]), []),
        (right(evidence_in_s=[(8, 9)]), ["evidence_in_s"]),
        (right(says_any=["a tone", "a bell"], says_all=["heard"]), []),
        (right(says_all=["heard", "bell"]), ["says_all"]),
        (right(says_any=["ton"]), ["says_any"]),
        (right(yes=True), ["yes"]),
        ({"answerable": False}, ["answered, should abstain"]),
    ],
)
def test_an_answer_is_graded_by_its_truth(entry: dict[str, Any], why: list[str]) -> None:
    assert faults(ANSWERED, entry) == why


def test_times_durations_and_counts_are_graded() -> None:
    said = replace(ANSWERED, answer="Yes, 3 times for 4 s, first at 0:12.")
    assert faults(said, right(yes=True, count=[3, 3], duration_s=[3, 5], time_in_s=[(11, 13)])) == []
    assert faults(said, right(count=[4, 5], duration_s=[5, 6], time_in_s=[(0, 1)])) == [
        "count",
        "duration_s",
        "time_in_s",
    ]


def test_an_abstention_is_right_only_where_there_is_no_answer() -> None:
    abstained = replace(ANSWERED, abstained=True)
    assert faults(abstained, {"answerable": False}) == []
    assert faults(abstained, right(yes=True)) == ["abstained"]
