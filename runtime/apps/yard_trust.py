"""How far the replies of the yard can be trusted: whether evidence shows it, and whether sure means right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from runtime.apps.yard_replies import Row, Shown
from runtime.apps.yard_scores import share
from runtime.messages import Box

BOX_IOU = 0.5
NEAR_S = 0.5  # a picture that is so near to a true one shows the same
BINS = 10
Point: TypeAlias = tuple[float, float]  # (coverage, risk)
Bin: TypeAlias = tuple[float, float, int]  # (mean of how sure, share that is right, replies)


def evidence(rows: Iterable[Row]) -> dict[str, float | int | None]:
    """Return how often evidence is where the truth is, over replies that do not abstain and have some.

    In time: a piece overlaps a true stretch; `time_iou` is the mean of the best overlap over union, which knows a
    piece that shows everything. In the picture: IoU of at least 0.5 with a true box, or its centre inside one.
    """
    told = [row for row in rows if row.verdict != "abstained" and row.has_answer and row.question.evidence.ranges_s]
    shown = [row for row in told if row.reply.evidence]
    best = [_best_iou(row) for row in shown]
    boxed = [pair for row in shown if (pair := _boxes(row)) is not None]
    return {
        "n": len(shown),
        "without": len(told) - len(shown),
        "time_hit": share(sum(_overlaps(row) for row in shown), len(shown)),
        "time_iou": share(sum(best), len(best)),
        "boxes": len(boxed),
        "box_hit": share(sum(box_iou(one, other) >= BOX_IOU for one, other in boxed), len(boxed)),
        "pointing": share(sum(is_inside(one, other) for one, other in boxed), len(boxed)),
    }


def _overlaps(row: Row) -> bool:
    ranges = row.question.evidence.ranges_s
    return any(one.start_s <= end_s and start_s <= one.end_s for one in row.reply.evidence for start_s, end_s in ranges)


def _best_iou(row: Row) -> float:
    return max(
        time_iou((one.start_s, one.end_s), other)
        for one in row.reply.evidence
        for other in row.question.evidence.ranges_s
    )


def boxes_near(row: Row, one: Shown) -> list[Box]:
    """Return the true boxes at the time of a piece of evidence."""
    return [box for at_s, _, box in row.question.evidence.boxes if one.start_s - NEAR_S <= at_s <= one.end_s + NEAR_S]


def _boxes(row: Row) -> tuple[Box, Box] | None:
    """Return the given box and the true one that fit best, none where either is missing."""
    found = [(one.box, true) for one in row.reply.evidence if one.box is not None for true in boxes_near(row, one)]
    return max(found, key=lambda pair: (box_iou(*pair), is_inside(*pair)), default=None)


def time_iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the overlap of two stretches over their union; of two moments 1 where they are the same."""
    union_s = max(one[1], other[1]) - min(one[0], other[0])
    if union_s <= 0:
        return 1.0
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0])) / union_s


def box_iou(one: Box, other: Box) -> float:
    """Return the overlap of two boxes over their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def is_inside(one: Box, other: Box) -> bool:
    """Say whether the centre of a box lies in another."""
    x, y = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
    return other[0] <= x <= other[2] and other[1] <= y <= other[3]


def trust(rows: Iterable[Row]) -> dict[str, Any]:
    """Return calibration and the risk at each coverage, over the replies that do not abstain and say how sure they are.

    Coverage is of all rows, so that abstaining is seen too. The calibration error is only of numbers from 0 to 1.
    """
    rows = list(rows)
    sure = [row for row in rows if row.verdict != "abstained" and row.reply.confidence is not None]
    pairs = [(float(row.reply.confidence or 0.0), row.is_right) for row in sure]
    points = risk_coverage(pairs, len(rows))
    is_share = all(0 <= confidence <= 1 for confidence, _ in pairs)
    return {
        "n": len(pairs),
        "measured": sorted({row.reply.measured for row in sure if row.reply.measured}),
        "calibration_error": calibration_error(pairs) if pairs and is_share else None,
        "area": area(points),
        "points": points,
        "bins": bins(pairs) if is_share else [],
    }


def risk_coverage(pairs: Sequence[tuple[float, bool]], whole: int) -> list[Point]:
    """Return the share that is answered and the share of it that is wrong, from the surest on; ties come together."""
    points, count, wrong = [], 0, 0
    for _, some in groupby(sorted(pairs, key=lambda pair: -pair[0]), key=lambda pair: pair[0]):
        verdicts = [is_right for _, is_right in some]
        count, wrong = count + len(verdicts), wrong + verdicts.count(False)
        points.append((round(count / whole, 4), round(wrong / count, 4)))
    return points


def area(points: Sequence[Point]) -> float | None:
    """Return the mean risk over the coverage that is reached: less is better."""
    if not points:
        return None
    total, last = 0.0, 0.0
    for coverage, risk in points:
        total, last = total + (coverage - last) * risk, coverage
    return round(total / last, 4)


def bins(pairs: Sequence[tuple[float, bool]]) -> list[Bin]:
    """Return for each bin that holds any reply how sure they are in the mean, which share is right, and how many."""
    found = []
    for number in range(BINS):
        some = [pair for pair in pairs if min(BINS - 1, int(pair[0] * BINS)) == number]
        if some:
            sure, right = sum(sure for sure, _ in some), sum(is_right for _, is_right in some)
            found.append((round(sure / len(some), 4), round(right / len(some), 4), len(some)))
    return found


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    total = 0.0
    for number in range(BINS):
        some = [pair for pair in pairs if min(BINS - 1, int(pair[0] * BINS)) == number]
        total += abs(sum(sure for sure, _ in some) - sum(is_right for _, is_right in some))
    return round(total / len(pairs), 4)
