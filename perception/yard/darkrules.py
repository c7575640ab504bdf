"""What is true of the time in which the camera was blind: what ear and radar had of it."""

from __future__ import annotations

import numpy as np

from perception.yard.forms import SOUNDS, Ask
from perception.yard.plot import WAY_M
from perception.yard.scene import GAP_S, KNOWN_S, Bools, Scene, Span
from perception.yard.verdicts import UNKNOWN, Verdict, answered, refuted

HINT_M = 1.0  # between this and WAY_M nobody says whether it came nearer
AUDIBLE_S = 0.3


def of_dark(ask: Ask, scene: Scene) -> Verdict | None:
    """Return what a question about the dark comes to."""
    if not scene.is_dark.any():
        return refuted(scene)
    match ask.form:
        case "dark_heard" | "dark_happened":
            return _happened(scene, of_all=ask.form == "dark_happened")
        case "dark_closer":
            return _closer(scene)
        case "dark_moved":
            return _moved(scene)
        case _:
            return _colour(scene)


def _happened(scene: Scene, *, of_all: bool) -> Verdict | None:
    names: list[str] = []
    spans: list[Span] = []
    for sound in SOUNDS:
        makers = [column for column, one in enumerate(scene.things) if one.voice == sound]
        mask = scene.is_heard[:, makers].any(axis=1) & scene.is_dark
        is_faint = bool((scene.is_faint[:, makers] & scene.is_dark[:, None]).any())
        if is_faint or 0 < mask.sum() * scene.step_s < AUDIBLE_S:
            return None
        if mask.any():
            names.append(sound)
            spans += scene.spans(mask, 0.5)
    if of_all:
        for name, sign in (("approach", 1.0), ("retreat", -1.0)):
            ways = _ways(scene, sign)
            if ways is None:
                return None
            names += [name] if ways else []
            spans += [span for _, span in ways]
    return answered(scene, "list", tuple(sorted(names)), spans or scene.dark_spans())


def _closer(scene: Scene) -> Verdict | None:
    ways = _ways(scene, 1.0)
    if ways is None:
        return None
    spans = [span for _, span in ways] or scene.dark_spans()
    return answered(scene, "yes_no", "yes" if ways else "no", spans, [column for column, _ in ways])


def _moved(scene: Scene) -> Verdict | None:
    moved = _movers(scene)
    return None if moved is None else answered(scene, "number", len(moved), scene.dark_spans(), moved)


def _colour(scene: Scene) -> Verdict | None:
    moved = _movers(scene)
    if moved is None or len(moved) > 1:
        return None
    if not moved:
        return refuted(scene)
    return None if (scene.is_seen | scene.is_glimpsed)[:, moved[0]].any() else UNKNOWN


def _movers(scene: Scene) -> list[int] | None:
    """Return what radar had in the dark, none where it had something for a moment only, perhaps, or once more."""
    sensed_s = (scene.is_tracked & scene.is_dark[:, None]).sum(axis=0) * scene.step_s
    perhaps = (scene.is_perhaps & scene.is_dark[:, None]).any(axis=0)
    if bool((((sensed_s > 0) | perhaps) & (sensed_s < KNOWN_S)).any()):
        return None
    moved = [int(column) for column in np.flatnonzero(sensed_s)]
    return moved if all(_is_one(scene, column) for column in moved) else None


def _is_one(scene: Scene, column: int) -> bool:
    """Say whether radar had a thing without a break from when it moved first to when it moved last in the dark."""
    moves = np.flatnonzero(scene.is_tracked[:, column] & scene.is_dark)
    first_s, last_s = scene.t_s[moves[[0, -1]]]
    echoes = scene.spans(scene.is_echoing[:, column], GAP_S)
    return any(start_s <= first_s and last_s <= end_s for start_s, end_s in echoes)  # what comes back may be another


def _ways(scene: Scene, sign: float) -> list[tuple[int, Span]] | None:
    """Return what came nearer in the dark (`sign` 1) or went away (-1), none where it is hard to say of something."""
    found = []
    for column in range(len(scene.things)):
        tracked = scene.is_tracked[:, column] & scene.is_dark
        changes = _changes(scene, column, tracked, sign)
        most_m, span = max(changes, default=(0.0, (0.0, 0.0)))
        reach = tracked | (scene.is_perhaps[:, column] & scene.is_dark)
        if most_m < WAY_M and any(change_m > HINT_M for change_m, _ in _changes(scene, column, reach, sign)):
            return None
        if most_m >= WAY_M:
            found.append((column, span))
    return found


def _changes(scene: Scene, column: int, mask: Bools, sign: float) -> list[tuple[float, Span]]:
    """Return by how much a thing came nearer at most in each stretch of a mask."""
    changes = []
    for start_s, end_s in scene.spans(mask):
        away_m = sign * scene.distance_m[scene.during(start_s, end_s), column]
        changes.append((float((np.maximum.accumulate(away_m) - away_m).max()), (start_s, end_s)))
    return changes
