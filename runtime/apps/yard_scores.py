"""How well the questions of the yard were answered: accuracy, polls, pairs, abstention, and how sure that is.

Accuracy counts questions that have an answer, a false premise among them; whether one abstains where nobody could know
is abstention's precision and recall. What cannot be read back from a reply is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.yard.negatives import STRATA
from runtime.apps.yard_replies import Row

ROUNDS = 2000  # of the bootstrap
MEMORY = frozenset({"older", "minutes", "hours"})  # strata whose evidence has left the last seconds
AGES = ("recent", "older", "minutes", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with the 95 % of its bootstrap."""

    value: float
    low: float
    high: float


def share(part: float, whole: float) -> float | None:
    """Return a part of a whole, none where there is no whole."""
    return round(part / whole, 4) if whole else None


def answerable(rows: Iterable[Row]) -> list[Row]:
    """Return the questions of the grammar that have an answer."""
    return [row for row in rows if row.purpose == "grammar" and row.has_answer]


def accuracy(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """Return n and the share that is right."""
    return {"n": len(rows), "accuracy": share(sum(row.is_right for row in rows), len(rows))}


def by_age(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows by how old their evidence is, and all whose evidence is not recent as `memory`."""
    found = {age: [row for row in rows if row.question.stratum == age] for age in AGES}
    return found | {"memory": [row for row in rows if row.question.stratum in MEMORY]}


def abstention(rows: Iterable[Row]) -> dict[str, float | int | None]:
    """Return precision and recall of abstaining where nobody could know, over all questions of the grammar."""
    rows = [row for row in rows if row.purpose == "grammar"]
    due = [row for row in rows if not row.has_answer]
    abstained = [row for row in rows if row.verdict == "abstained"]
    hits = sum(not row.has_answer for row in abstained)
    return {
        "n": len(rows),
        "abstained": len(abstained),
        "due": len(due),
        "precision": share(hits, len(abstained)),
        "recall": share(hits, len(due)),
    }


def polls(rows: Iterable[Row]) -> dict[str, dict[str, float | int | None]]:
    """Return POPE-V for each kind of negative, and the mean over those that there are; `yes` is positive.

    Who does not say yes or no is wrong, and said neither.
    """
    asked = [row for row in rows if row.purpose == "poll"]
    scores = {stratum: _poll_score([row for row in asked if row.question.stratum == stratum]) for stratum in STRATA}
    return scores | {"all": _poll_score(asked)}


def _poll_score(rows: Sequence[Row]) -> dict[str, float | int | None]:
    is_yes = [row.question.answer.value == "yes" for row in rows]
    says = [_said_yes(row) for row in rows]
    hits = sum(truth and said is True for truth, said in zip(is_yes, says, strict=True))
    false = sum(not truth and said is True for truth, said in zip(is_yes, says, strict=True))
    right = hits + sum(not truth and said is False for truth, said in zip(is_yes, says, strict=True))
    return {
        "n": len(rows),
        "accuracy": share(right, len(rows)),
        "precision": share(hits, hits + false),
        "recall": share(hits, sum(is_yes)),
        "f1": share(2 * hits, sum(is_yes) + hits + false),
        "yes_ratio": share(hits + false, len(rows)),
        "neither": share(sum(said is None for said in says), len(rows)),
    }


def _said_yes(row: Row) -> bool | None:
    """Return what a poll's reply said; none where it said neither yes nor no."""
    if row.verdict not in ("right", "wrong"):
        return None
    is_yes = row.question.answer.value == "yes"
    return is_yes if row.is_right else not is_yes


def pairs(rows: Iterable[Row], turned: Mapping[int, Row]) -> dict[str, float | int | None]:
    """Return how often both of a pair are right, and how often the answer turns with the world.

    `rows` have the question in its own world, `turned` the same in the changed one, by world.
    """
    both = [(row, turned[row.world]) for row in rows if row.purpose == "pair" and row.world in turned]
    said = [(_said_yes(row), _said_yes(other)) for row, other in both]
    turns = sum(None not in one and one[0] != one[1] for one in said)
    return {
        "n": len(both),
        "accuracy": share(sum(row.is_right and other.is_right for row, other in both), len(both)),
        "flip_rate": share(turns, len(both)),
    }


def interval(rows: Sequence[Row], others: Sequence[Row] = (), *, seed: int = 0) -> Interval | None:
    """Return the accuracy, less that of others to the same questions, with 95 % by drawing worlds with replacement.

    None where there are no rows. Of one world every draw is the same, and the interval has no width.
    """
    worlds = sorted({row.world for row in rows})
    if not worlds:
        return None
    counts, hits = _per_world(rows, worlds, lambda row: 1), _per_world(rows, worlds, lambda row: int(row.is_right))
    minus = _per_world(others, worlds, lambda row: int(row.is_right))
    draws = np.random.default_rng(seed).multinomial(len(worlds), [1 / len(worlds)] * len(worlds), size=ROUNDS)
    values = np.sort((draws * (hits - minus)).sum(axis=1) / (draws * counts).sum(axis=1))
    low, high = (float(values[round(part * (ROUNDS - 1))]) for part in (0.025, 0.975))
    value = float((hits - minus).sum() / counts.sum())
    return Interval(value=round(value, 4), low=round(low, 4), high=round(high, 4))


def _per_world(
    rows: Iterable[Row], worlds: Sequence[int], of: Callable[[Row], int]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    place = {world: number for number, world in enumerate(worlds)}
    found = np.zeros(len(worlds), np.int64)
    for row in rows:
        found[place[row.world]] += of(row)
    return found
