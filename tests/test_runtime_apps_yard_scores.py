"""Every measure of the yard against a case that is counted by hand, or against a slow way to count it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.yard.answers import Judgement
from perception.yard.question import Answer, Evidence, Kind, Question
from runtime.apps.yard_replies import Reply, Row, Shown, reply_of, stretches, verdict_of
from runtime.apps.yard_scores import abstention, accuracy, answerable, by_age, interval, pairs, polls
from runtime.apps.yard_trust import (
    area,
    bins,
    box_iou,
    calibration_error,
    evidence,
    is_inside,
    risk_coverage,
    time_iou,
    trust,
)
from runtime.apps.yard_worlds import Asked, Purpose
from runtime.messages import Box
from tests.test_runtime_apps_present import ANSWERED

BOX: Box = (0.2, 0.2, 0.6, 0.6)


def a_question(
    answer: str = "yes", stratum: str = "recent", kind: Kind = "answerable", asked_s: float = 9.0
) -> Question:
    return Question(
        group="exists",
        text="Was there a dog in view in the last 4 seconds?",
        asked_s=asked_s,
        asks="yes_no",
        answer=Answer(kind="yes_no", value=answer) if kind == "answerable" else Answer(kind="unknown"),
        evidence=Evidence(ranges_s=((2.0, 4.0),), boxes=((3.0, 0, BOX),)),
        age_s=0.0,
        kind=kind,
        stratum=stratum,
    )


def a_row(
    verdict: Judgement,
    question: Question | None = None,
    reply: Reply | None = None,
    *,
    world: int = 0,
    purpose: Purpose = "grammar",
) -> Row:
    return Row(
        world=world,
        id="q",
        purpose=purpose,
        question=question or a_question(),
        reply=reply or Reply(text=""),
        verdict=verdict,
    )


def rows_of(*verdicts: Judgement, world: int = 0) -> list[Row]:
    return [a_row(one, world=world) for one in verdicts]


def test_accuracy_counts_what_has_an_answer() -> None:
    unknowable = a_row("abstained", a_question(kind="unanswerable"))
    rows = [*rows_of("right", "wrong", "abstained", "unparsed"), unknowable, a_row("right", purpose="poll")]
    assert accuracy(answerable(rows)) == {"n": 4, "accuracy": 0.25}
    assert accuracy([]) == {"n": 0, "accuracy": None}


def test_memory_is_all_that_is_not_recent() -> None:
    ages = ("recent", "older", "minutes", "hours", "older")
    found = by_age([a_row("right", a_question(stratum=age)) for age in ages])
    assert {name: len(rows) for name, rows in found.items()} == {
        "recent": 1, "older": 2, "minutes": 1, "hours": 1, "memory": 4,
    }  # fmt: skip


def test_abstention_is_a_detector_of_what_nobody_could_know() -> None:
    unknowable = a_question(kind="unanswerable")
    rows = [*rows_of("abstained", "right"), a_row("abstained", unknowable), *[a_row("wrong", unknowable)] * 3]
    assert abstention(rows) == {"n": 6, "abstained": 2, "due": 4, "precision": 0.5, "recall": 0.25}
    assert abstention([])["precision"] is None


def test_polls_are_scored_as_pope_is() -> None:
    no, yes = a_question("no", "stale"), a_question("yes", "stale")
    rows = [a_row(one, yes, purpose="poll") for one in ("right", "right", "wrong", "abstained")]
    rows += [a_row(one, no, purpose="poll") for one in ("right", "wrong", "wrong", "unparsed")]
    scores = polls(rows)
    # "yes" to two that were there and two that were not; "no" to one of each; neither to one of each
    assert scores["stale"] == scores["all"] == {
        "n": 8, "accuracy": 0.375, "precision": 0.5, "recall": 0.5, "f1": 0.5, "yes_ratio": 0.5, "neither": 0.25,
    }  # fmt: skip
    assert scores["swap"]["n"] == 0
    assert scores["swap"]["f1"] is None


def test_a_pair_is_right_where_both_are_and_turns_where_the_answers_differ() -> None:
    rows = [a_row(one, world=number, purpose="pair") for number, one in enumerate(_VERDICTS)]
    others: tuple[Judgement, ...] = ("right", "wrong", "wrong", "right")
    turned = {number: a_row(one, a_question("no"), world=number) for number, one in enumerate(others)}
    # yes then no; yes then yes; no then yes; neither, then no
    assert pairs(rows, turned) == {"n": 4, "accuracy": 0.25, "flip_rate": 0.5}


_VERDICTS: tuple[Judgement, ...] = ("right", "right", "wrong", "abstained")


def test_the_bootstrap_draws_worlds_as_a_slow_one_does() -> None:
    worlds = [rows_of("right", "wrong", world=0), rows_of("right", world=1), rows_of("wrong", "wrong", world=2)]
    rows = [row for some in worlds for row in some]
    values = []
    for drawn in product(range(3), repeat=3):  # each of the 27 draws is as likely as any other
        some = [row.is_right for number in drawn for row in worlds[number]]
        values.append(sum(some) / len(some))
    known = interval(rows)
    assert known is not None
    assert known.value == 0.4
    assert (known.low, known.high) == (min(values), max(values))  # each of them is 1 of 27, more than 2.5 %
    assert known == interval(rows)


def test_a_difference_is_in_pairs() -> None:
    rows = [*rows_of("right", "wrong", world=0), *rows_of("right", "wrong", world=1)]
    same = interval(rows, list(rows))
    assert same is not None
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    worse = interval(rows, [replace(row, verdict="wrong") for row in rows])
    assert worse is not None
    assert (worse.value, worse.low, worse.high) == (0.5, 0.5, 0.5)  # in each world by as much
    assert interval([]) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)), min_size=3, max_size=3))
def test_a_paired_difference_has_the_interval_of_all_draws(worlds: list[tuple[int, int, int]]) -> None:
    """Of three worlds each of the 27 draws is likelier than 2.5 %: the interval reaches from the least to the most."""
    ours, theirs = [], []
    for world, (own, other, more) in enumerate(worlds):
        count = max(own, other) + more
        ours += rows_of(*["right" if number < own else "wrong" for number in range(count)], world=world)
        theirs += rows_of(*["right" if number < other else "wrong" for number in range(count)], world=world)
    values = []
    for drawn in product(range(3), repeat=3):
        pairs_ = [
            (a.is_right, b.is_right) for number in drawn for a, b in zip(ours, theirs, strict=True) if a.world == number
        ]
        values.append(sum(a - b for a, b in pairs_) / len(pairs_))
    known = interval(ours, theirs)
    assert known is not None
    assert [known.low, known.high] == pytest.approx([min(values), max(values)], abs=1e-4)
    right = [sum(row.is_right for row in rows) for rows in (ours, theirs)]
    assert known.value == pytest.approx((right[0] - right[1]) / len(ours), abs=1e-4)


def test_evidence_hits_in_time_and_in_the_picture() -> None:
    def replied(start_s: float, end_s: float, box: Box | None = None) -> Row:
        return a_row("right", reply=Reply(text="", evidence=(Shown(start_s=start_s, end_s=end_s, box=box),)))

    rows = [replied(2.0, 4.0, BOX), replied(3.0, 5.0, (0.3, 0.3, 0.4, 0.4)), replied(6.0, 8.0, BOX), a_row("right")]
    abstained = replace(rows[0], verdict="abstained")
    scores = evidence([*rows, abstained])
    assert scores == {
        "n": 3, "without": 1, "time_hit": round(2 / 3, 4), "time_iou": round((1 + 1 / 3) / 3, 4),
        "boxes": 2, "box_hit": 0.5, "pointing": 1.0,
    }  # fmt: skip


@given(st.lists(st.integers(0, 6), min_size=8, max_size=8))
def test_overlaps_are_those_of_counted_cells(edges: list[int]) -> None:
    x0, x1, y0, y1, u0, u1, v0, v1 = edges
    one, other = (
        (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)),
        (min(u0, u1), min(v0, v1), max(u0, u1), max(v0, v1)),
    )
    cells = []
    for box in (one, other):
        grid = np.zeros((6, 6), bool)
        grid[box[1] : box[3], box[0] : box[2]] = True
        cells.append(grid)
    both, either = (cells[0] & cells[1]).sum(), (cells[0] | cells[1]).sum()
    assert box_iou(one, other) == pytest.approx(both / either if both else 0.0)
    row, line = cells[0].any(axis=0), (one[0], one[2])
    if row.any():
        assert time_iou(line, line) == 1.0
        assert time_iou(line, (0, 6)) == pytest.approx(row.sum() / 6)
    assert is_inside(one, one)


def test_moments_overlap_where_they_are_the_same() -> None:
    assert time_iou((3.0, 3.0), (3.0, 3.0)) == 1.0
    assert time_iou((3.0, 3.0), (4.0, 4.0)) == 0.0


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=12), st.integers(0, 5))
def test_risk_over_coverage_is_that_of_each_threshold(pairs: list[tuple[float, bool]], silent: int) -> None:
    whole = len(pairs) + silent
    slow = []
    for threshold in sorted({sure for sure, _ in pairs}, reverse=True):
        kept = [is_right for sure, is_right in pairs if sure >= threshold]
        slow.append((round(len(kept) / whole, 4), round(kept.count(False) / len(kept), 4)))
    assert risk_coverage(pairs, whole) == slow


def test_the_area_is_the_mean_risk() -> None:
    assert area([(0.25, 0.0), (0.5, 0.5)]) == 0.25
    assert area([]) is None


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=30))
def test_calibration_is_that_of_replies_sorted_into_bins_one_by_one(percents: list[tuple[int, bool]]) -> None:
    pairs = [(number / 100, is_right) for number, is_right in percents]
    error = 0.0
    slow: list[float] = []
    for number in range(10):
        own = [pair for pair, (whole, _) in zip(pairs, percents, strict=True) if min(9, whole // 10) == number]
        if own:
            sure, right = (float(np.mean(values)) for values in zip(*own, strict=True))
            error += len(own) / len(pairs) * abs(sure - right)
            slow += [sure, right, len(own)]
    assert calibration_error(pairs) == pytest.approx(error, abs=1e-4)
    assert [value for one in bins(pairs) for value in one] == pytest.approx(slow, abs=1e-4)


def test_whoever_is_as_sure_as_right_is_calibrated() -> None:
    assert calibration_error([(0.5, True), (0.5, False)]) == 0.0
    assert calibration_error([(1.0, False), (0.0, False)]) == 0.5
    assert calibration_error([(0.75, True), (0.25, True)]) == 0.5


def test_how_sure_a_reply_is_comes_from_the_answer() -> None:
    [sentence] = ANSWERED.sentences[:1]
    [piece] = ANSWERED.evidence[:1]
    looked = replace(ANSWERED, sentences=(replace(sentence, reliance=0.25), replace(sentence, reliance=0.75)))
    assert (reply_of(looked).confidence, reply_of(looked).measured) == (0.5, "reliance")
    matched = replace(ANSWERED, sentences=(replace(sentence, reliance=None),), evidence=(replace(piece, score=0.4),))
    assert (reply_of(matched).confidence, reply_of(matched).measured) == (0.4, "score")
    neither = replace(matched, evidence=())
    assert reply_of(neither).confidence is None
    assert trust([a_row("right", reply=reply_of(neither))])["measured"] == []
    sure = trust([a_row("right", reply=reply_of(matched)), a_row("abstained")])
    assert sure == {
        "n": 1, "measured": ["score"], "calibration_error": 0.6, "area": 0.0, "points": [(0.5, 0.0)],
        "bins": [(0.4, 1.0, 1)],
    }  # fmt: skip
    assert trust([a_row("right", reply=Reply(text="", confidence=3.0, measured="score"))])["calibration_error"] is None


def test_whoever_says_that_it_abstains_does() -> None:
    assert verdict_of(a_question(), Reply(text="Yes.", abstained=True)) == "abstained"
    assert verdict_of(a_question(), Reply(text="Yes.")) == "right"


def test_questions_that_are_close_share_a_window() -> None:
    times = (9.0, 4.0, 5.5, 6.0, 6.5)
    asked = [Asked(id=f"{t_s}", purpose="grammar", question=a_question(asked_s=t_s)) for t_s in times]
    assert [[one.question.asked_s for one in some] for some in stretches(asked)] == [[4.0, 5.5, 6.0], [6.5], [9.0]]
