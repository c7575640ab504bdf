"""When something happened: a thing came or went, stopped, started or turned, a sound first began, it got dark."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from perception.yard.forms import Happening
from perception.yard.plot import TURN_RAD
from perception.yard.scene import GAP_S, KNOWN_S, Scene
from perception.yard.verdicts import HALF_S, Verdict, refuted, resolve

BEND_RAD = 0.2  # between this and TURN_RAD nobody says whether it turned
ONSET_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When it happened, and to which thing."""

    t_s: float
    column: int | None = None


def occurs(scene: Scene, happening: Happening, asked_s: float) -> Moment | Verdict | None:
    """Return when it happened, if it could be perceived and did so once; of a sound its first call counts."""
    if happening.verb == "darkens":
        return _got_dark(scene)
    if happening.verb == "sounds":
        calls = scene.calls(happening.sound or "")
        if scene.has_faint(happening.sound or ""):
            return None
        if not calls:
            return refuted(scene)
        return Moment(t_s=calls[0][0]) if calls[0][0] > ONSET_S else None
    if happening.who is None:
        return None
    who = resolve(scene, happening.who)
    if not isinstance(who, int):
        return who
    match happening.verb:
        case "enters":
            return entered(scene, who)
        case "leaves":
            return left(scene, who, asked_s)
        case "turns":
            return _only(scene, who, turns(scene, who))
        case verb:
            return _only(scene, who, changes(scene, who, to_moving=verb == "starts"))


def entered(scene: Scene, who: int) -> Moment | None:
    """Return when a thing came into view, if it came once and not by the end of the night."""
    sights = scene.sights(who)
    start_s, end_s = sights[0]
    is_onset = start_s >= HALF_S and not scene.is_dark[scene.during(start_s - HALF_S, start_s)].any()
    is_once = len(sights) == 1 and end_s - start_s >= KNOWN_S - 1e-6 and scene.is_sudden(who)
    return Moment(t_s=start_s, column=who) if is_onset and is_once else None


def left(scene: Scene, who: int, asked_s: float) -> Moment | None:
    """Return when a thing went out of view for good, if it was not the night that took it."""
    sights = scene.sights(who)
    end_s = sights[0][1]
    is_gone = end_s <= asked_s - 2 * GAP_S and not scene.is_dark[scene.during(end_s, end_s + HALF_S)].any()
    is_gone &= not scene.is_glimpsed[scene.during(end_s + HALF_S, asked_s), who].any()
    return Moment(t_s=end_s, column=who) if is_gone and len(sights) == 1 else None


def changes(scene: Scene, who: int, *, to_moving: bool) -> list[float]:
    """Return when a thing began to move, or stopped, seen or not."""
    there, moving = scene.is_there[:, who], scene.is_moving[:, who]
    steps = there[1:] & there[:-1] & (moving[1:] == to_moving) & (moving[:-1] != to_moving)
    return [float(t_s) for t_s in scene.t_s[1:][steps]]


def turns(scene: Scene, who: int) -> list[float] | None:
    """Return when a thing took another way, seen or not; none where it bends a little."""
    rows = np.flatnonzero(scene.is_moving[:, who])
    found = []
    for before, after in pairwise(rows):
        angle = scene.course_rad[after, who] - scene.course_rad[before, who]
        size_rad = abs((angle + np.pi) % (2 * np.pi) - np.pi)
        if size_rad >= TURN_RAD:
            found.append(float(scene.t_s[after]))
        elif size_rad > BEND_RAD:
            return None
    return found


def is_followed(scene: Scene, who: int) -> bool:
    """Say whether a thing has been in view without a break since it was first seen, and still is."""
    sights = scene.sights(who)
    return len(sights) == 1 and not scene.is_dark.any() and sights[0][1] >= float(scene.t_s[-1]) - GAP_S


def is_watched(scene: Scene, who: int, t_s: float) -> bool:
    """Say whether a thing is in view around a moment."""
    around = scene.during(t_s - HALF_S, t_s + HALF_S)
    return float(scene.t_s[-1]) >= t_s + HALF_S and bool(scene.is_seen[around, who].all())


def _only(scene: Scene, who: int, times_s: list[float] | None) -> Moment | Verdict | None:
    """Return the one time of something that happened to a thing; that it never did only if it still is in view."""
    if times_s is None or len(times_s) > 1:
        return None
    if times_s:
        return Moment(t_s=times_s[0], column=who) if is_watched(scene, who, times_s[0]) else None
    return refuted(scene) if is_followed(scene, who) else None


def _got_dark(scene: Scene) -> Moment | Verdict | None:
    spans = scene.dark_spans()
    if not spans:
        return refuted(scene)
    return Moment(t_s=spans[0][0]) if len(spans) == 1 and spans[0][0] > ONSET_S else None
