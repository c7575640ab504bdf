"""What a question comes to: a true answer, a false premise, something that nobody could know, or no sound question.

None stands for a question that is not well posed in a scene: it fits several things, or hangs on a glimpse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from perception.yard.lens import FIELD_RAD
from perception.yard.mentions import NOW, Description, Mention, Point
from perception.yard.question import Answer, AnswerKind, Evidence, Kind, Value
from perception.yard.scene import KNOWN_S, REACH_M, Scene, Span

HALF_S = 0.5  # a moment asked about holds so long to both sides, and all that it is asked for is the same in it
NOW_S = 1.0  # the present lasts so long
LEAST_MOMENTS = 3  # with fewer truths in a window nobody says how anything moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A settled question."""

    kind: Kind
    answer: Answer
    evidence: Evidence


UNKNOWN = Verdict(kind="unanswerable", answer=Answer(kind="unknown"), evidence=Evidence())


def answered(
    scene: Scene,
    kind: AnswerKind,
    value: Value,
    spans: Iterable[Span],
    columns: Iterable[int] = (),
    tolerance_s: float = 0.0,
) -> Verdict:
    """Return a true answer with its evidence: `spans`, and the boxes of things where the last of them ends."""
    answer = Answer(kind=kind, value=value, tolerance_s=tolerance_s)
    return Verdict(kind="answerable", answer=answer, evidence=evidence_of(scene, spans, columns))


def refuted(scene: Scene, when: slice = slice(None)) -> Verdict:
    """Return that the premise is false, as these moments show."""
    answer = Answer(kind="refuted")
    return Verdict(kind="false_premise", answer=answer, evidence=evidence_of(scene, [span_of(scene, when)], ()))


def evidence_of(scene: Scene, spans: Iterable[Span], columns: Iterable[int]) -> Evidence:
    """Return spans and boxes as evidence; a thing that is out of the picture has no box."""
    ranges = tuple(sorted((round(start_s, 3), round(end_s, 3)) for start_s, end_s in spans))
    at_s = max((end_s for _, end_s in ranges), default=0.0)
    boxes = ((at_s, scene.things[column].id, scene.box(column, at_s)) for column in columns)
    return Evidence(ranges_s=ranges, boxes=tuple((t_s, who, box) for t_s, who, box in boxes if box is not None))


def span_of(scene: Scene, when: slice) -> Span:
    """Return the first and the last of some moments."""
    times = scene.t_s[when]
    return (float(times[0]), float(times[-1])) if len(times) else (0.0, 0.0)


def window(scene: Scene, point: Point | None, asked_s: float) -> slice | Verdict | None:
    """Return the moments that a moment asked about stands for; what is still to come, or was before, nobody knows."""
    at_s = (point or NOW).moment_s(asked_s)
    if not 0 <= at_s <= asked_s:
        return UNKNOWN
    is_now = point is None or point == NOW
    start_s, end_s = (asked_s - NOW_S, asked_s) if is_now else (at_s - HALF_S, at_s + HALF_S)
    when = scene.during(start_s, end_s)
    is_inside = start_s >= 0 and end_s <= asked_s
    return when if is_inside and when.stop - when.start >= LEAST_MOMENTS else None


def resolve(scene: Scene, mention: Mention, when: slice | None = None) -> int | Verdict | None:
    """Return the column of the one thing that is meant, or what becomes of a question that means none."""
    if mention.is_moving:
        return None if when is None else _what_moves(scene, when)
    if mention.side is not None:
        return None if when is None else on_side(scene, mention, when)
    seen_s = scene.seen_s()
    fits = [column for column, one in enumerate(scene.things) if mention.what.fits(one)]
    known = [column for column in fits if seen_s[column] >= KNOWN_S]
    if any(0 < seen_s[column] < KNOWN_S for column in fits):
        return None
    if not known:
        return _not_known(scene, mention, fits)
    if mention.ordinal is not None:
        return _ranked(scene, mention.ordinal, known)
    return known[0] if len(known) == 1 else None


def on_side(scene: Scene, mention: Mention, when: slice) -> int | Verdict | None:
    """Return the one thing that is on a side of the picture all that time."""
    fits = [column for column, one in enumerate(scene.things) if mention.what.fits(one)]
    if scene.is_dark[when].any() or scene.is_glimpsed[when][:, fits].any():
        return None
    there = []
    for column in np.flatnonzero(scene.is_seen[when].any(axis=0)):
        side = scene.side(int(column), when) if scene.is_seen[when, column].all() else None
        if mention.what.fits(scene.things[column]):
            if side is None:
                return None
            there += [int(column)] if side == mention.side else []
    if not there:
        return refuted(scene, when)
    return there[0] if len(there) == 1 else None


def strangers(scene: Scene, what: Description, when: slice, *, in_view: bool) -> list[int]:
    """Return what radar has while it is dark and no picture ever showed: nobody knows its colour.

    There is none where the picture shows something else that fits, close by. What class a thing is its echo or its
    sound may tell, so that nobody is asked about classes in the dark.
    """
    fits = [column for column, one in enumerate(scene.things) if what.fits(one)]
    if what.colour is None or not scene.is_dark[when].all() or scene.is_glimpsed[:, fits].any():
        return []
    return unshown(scene, when, in_view=in_view)


def unshown(scene: Scene, when: slice, *, in_view: bool) -> list[int]:
    """Return what radar has at some of these moments and no picture ever showed."""
    is_sensed = scene.is_echoing[when] & (~np.isnan(scene.boxes[when, :, 0]) | (not in_view))
    was_shown = (scene.is_seen | scene.is_glimpsed).any(axis=0)
    return [int(column) for column in np.flatnonzero(is_sensed.any(axis=0) & ~was_shown)]


def are_told_apart(scene: Scene, columns: Sequence[int], when: slice = slice(None)) -> bool:
    """Say whether things that look the same were once seen together: else it could be one that came again."""
    return all(
        scene.things[one].look != scene.things[other].look
        or bool((scene.is_seen[when, one] & scene.is_seen[when, other]).any())
        for one, other in combinations(columns, 2)
    )


def _what_moves(scene: Scene, when: slice) -> int | Verdict | None:
    moves = _sensed_moving(scene, when)
    if moves is None or len(moves) > 1:
        return None
    return moves[0] if moves else refuted(scene, when)


def _sensed_moving(scene: Scene, when: slice) -> list[int] | None:
    """Return what moves, seen or sensed all that time; none where something is so for a part of it, or perhaps."""
    is_sensed = scene.is_seen[when] | scene.is_tracked[when]
    is_doubtful = (scene.is_perhaps | (scene.is_moving & scene.is_glimpsed))[when] & ~is_sensed
    moving = scene.is_moving[when] & is_sensed
    ever, always = moving.any(axis=0), moving.all(axis=0)
    if bool(is_doubtful.any()) or bool((ever != always).any()):
        return None
    return [int(column) for column in np.flatnonzero(always)]


def moving_in_view(scene: Scene, when: slice) -> list[int] | None:
    """Return what moves in the picture all that time; none where something half hidden or at its border moves too."""
    moves = _sensed_moving(scene, when)
    if moves is None:
        return None
    is_shown = ~np.isnan(scene.boxes[when, :, 0])
    is_clear = is_shown & (scene.is_seen | scene.is_dark[:, None])[when]
    beside = np.abs(scene.bearing_rad[when]) > FIELD_RAD / 2 + np.arctan2(REACH_M, scene.distance_m[when])
    if not all(bool(is_clear[:, column].all() or beside[:, column].all()) for column in moves):
        return None
    return [column for column in moves if is_clear[:, column].all()]


def _not_known(scene: Scene, mention: Mention, fits: list[int]) -> Verdict | None:
    """Return what becomes of a mention that nothing was seen to fit: the camera must have been able to see it."""
    if scene.is_dark.all():
        return UNKNOWN if strangers(scene, mention.what, slice(None), in_view=False) else None
    return None if scene.is_dark.any() or fits else refuted(scene)


def _ranked(scene: Scene, ordinal: str, known: list[int]) -> int | None:
    known = sorted(known, key=scene.first_seen_s)
    rank = {"first": 0, "second": 1, "third": 2, "last": len(known) - 1}[ordinal]
    if rank >= len(known):
        return None
    at_s = scene.first_seen_s(known[rank])
    is_clear = all(abs(scene.first_seen_s(other) - at_s) >= HALF_S for other in known if other != known[rank])
    if not is_clear or not all(scene.is_sudden(column) for column in known) or not are_told_apart(scene, known):
        return None
    return known[rank]
