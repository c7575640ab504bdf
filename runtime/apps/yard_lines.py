"""What the yard's suite measures, as lines: each has a measure, whose it is, on what, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from perception.yard.questions import GROUPS
from runtime.apps.yard_chair import Described, chair, hallucinations
from runtime.apps.yard_replies import Row
from runtime.apps.yard_scores import abstention, accuracy, answerable, by_age, interval, pairs, polls
from runtime.apps.yard_trust import evidence, trust

Line: TypeAlias = dict[str, Any]
BACKEND, WINDOW = "backend", "window"
LOOKS = (BACKEND, WINDOW)  # who has evidence to show
OTHERS = (WINDOW, "majority", "wording", "blind")  # beside whom the backend is set in pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All questions with everybody's replies."""

    rows: Mapping[str, Sequence[Row]]  # by who replied
    turned: Mapping[str, Mapping[int, Row]]  # what they replied in the changed worlds
    descriptions: Sequence[Described]  # the backend's


def lines_of(results: Results) -> list[Line]:
    """Return every measure."""
    return [
        *_accuracies(results),
        *_differences(results),
        *({"measure": "abstention", "of": of, "on": "all", **abstention(rows)} for of, rows in results.rows.items()),
        *(
            {"measure": "polls", "of": of, "on": stratum, **scores}
            for of, rows in results.rows.items()
            if of != WINDOW
            for stratum, scores in polls(rows).items()
        ),
        *(
            {"measure": "pairs", "of": of, "on": "all", **pairs(results.rows[of], turned)}
            for of, turned in results.turned.items()
        ),
        {"measure": "descriptions", "of": BACKEND, "on": "all", **chair(results.descriptions)},
        *(
            {"measure": "hallucinations", "of": BACKEND, "on": kind, **counts}
            for kind, counts in hallucinations(results.descriptions).items()
        ),
        *({"measure": "evidence", "of": of, "on": "all", **evidence(answerable(results.rows[of]))} for of in LOOKS),
        *({"measure": "trust", "of": of, "on": "all", **trust(answerable(results.rows[of]))} for of in LOOKS),
    ]


def result_of(lines: Sequence[Line]) -> Line:
    """Return the last row: what others compare."""
    accuracies = {(one["of"], one["on"]): one for one in lines if one["measure"] == "accuracy"}
    abstained = next(one for one in lines if one["measure"] == "abstention" and one["of"] == BACKEND)
    return {
        "type": "result",
        "suite": "yard",
        "n": accuracies[BACKEND, "all"]["n"],
        "accuracy": accuracies[BACKEND, "all"]["accuracy"],
        "recent_accuracy": accuracies[BACKEND, "recent"]["accuracy"],
        "memory_accuracy": accuracies[BACKEND, "memory"]["accuracy"],
        "blind_accuracy": accuracies["blind", "all"]["accuracy"],
        "window_accuracy": accuracies[WINDOW, "all"]["accuracy"],
        "abstain_precision": abstained["precision"],
        "abstain_recall": abstained["recall"],
    }


def _accuracies(results: Results) -> Iterator[Line]:
    for of, all_rows in results.rows.items():
        rows = answerable(all_rows)
        parts = {"all": rows} | {group: [row for row in rows if row.group == group] for group in GROUPS}
        for on, some in (parts | by_age(rows)).items():
            known = interval(some)
            bounds = {"low": known.low, "high": known.high} if known else {"low": None, "high": None}
            yield {"measure": "accuracy", "of": of, "on": on, **accuracy(some), **bounds}


def _differences(results: Results) -> Iterator[Line]:
    rows = answerable(results.rows[BACKEND])
    for other in OTHERS:
        known = interval(rows, answerable(results.rows[other]))
        if known:
            bounds = {"value": known.value, "low": known.low, "high": known.high}
            yield {"measure": "difference", "of": BACKEND, "on": f"minus {other}", "n": len(rows), **bounds}
