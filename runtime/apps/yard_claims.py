"""Whether what a description claims was so until then: where, which way, beside what, in which order, when.

Only of things that were there: who is not there is wrong once, and not again for each thing that is said of it.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.happenings import changes, turns
from perception.yard.kinds import CLASSES, SIZES
from perception.yard.momentrules import LEAST_MPS
from perception.yard.pastrules import APART_S
from perception.yard.plot import MEETING_M
from perception.yard.scene import KNOWN_S, SIDE_MARGIN, SIDES, Bools, Scene, Thing
from runtime.apps.yard_mentions import Claim, Named

if TYPE_CHECKING:
    from collections.abc import Sequence

NEAR_S = 1.0  # a time is right that is so near
WAY_S = 1.0  # a way is taken for so long at least


def perceived(scene: Scene) -> Bools:
    """Return (T, E): what any sensor had of each."""
    return np.asarray(scene.is_seen | scene.is_heard | scene.is_tracked)


def columns_of(scene: Scene, one: Named) -> list[int]:
    """Return what a text may mean: what fits, else what is of the class; of a sound who was heard to make it."""
    there = np.asarray(perceived(scene).any(axis=0))
    if one.sound is not None:
        return [
            column
            for column in _there(np.asarray(scene.is_heard.any(axis=0)))
            if scene.things[column].voice == one.sound
        ]
    kin = [column for column in _there(there) if scene.things[column].kind == one.what.kind]
    return [column for column in kin if one.what.fits(scene.things[column])] or kin


def _there(mask: Bools) -> list[int]:
    return [int(column) for column in np.flatnonzero(mask)]


def is_count(scene: Scene, one: Named) -> bool:
    """Say whether there were so many: at least those that were clearly in view, at most all that any sensor had."""
    columns = columns_of(scene, one)
    clear = int((scene.seen_s()[columns] >= KNOWN_S).sum())
    return clear <= (one.count or 0) <= len(columns)


def is_so(scene: Scene, claim: Claim) -> bool | None:
    """Say whether a claim is right; none where it is about something that was not there."""
    of = columns_of(scene, claim.of)
    others = columns_of(scene, claim.other) if claim.other is not None else [-1]
    if not of or not others:
        return None
    match claim.kind:
        case "where":
            return any(_is_on(scene, column, claim.value) for column in of)
        case "way":
            return any(_goes(scene, column, claim.value) for column in of)
        case "meets" | "beside":
            pairs = [(one, other) for one, other in product(of, others) if one != other]
            return any(_is_beside(scene, one, other, claim) for one, other in pairs)
        case "order":
            return _is_in_order(scene, claim, of, others)
        case "when":
            return _is_then(scene, claim, of)


def _is_on(scene: Scene, column: int, side: str) -> bool:
    number = SIDES.index(side)
    rows = scene.is_seen[:, column]
    centres = (scene.boxes[rows, column, 0] + scene.boxes[rows, column, 2]) / 2
    return bool(((centres >= number / 3 - SIDE_MARGIN) & (centres <= (number + 1) / 3 + SIDE_MARGIN)).any())


def _goes(scene: Scene, column: int, way: str) -> bool:
    """Say whether it moves so for a second, as the rig sees it; other ways beside do not matter."""
    steps = max(1, round(WAY_S / scene.step_s))
    has = perceived(scene)[:, column] & scene.is_moving[:, column]
    away_m, bearing_rad = scene.distance_m[:, column], scene.bearing_rad[:, column]
    for row in range(len(has) - steps):
        if not has[row : row + steps + 1].all():
            continue
        turned_rad = float((bearing_rad[row + steps] - bearing_rad[row] + np.pi) % (2 * np.pi) - np.pi)
        left_mps = turned_rad * float(away_m[row : row + steps + 1].mean()) / (steps * scene.step_s)
        nearing_mps = float(away_m[row] - away_m[row + steps]) / (steps * scene.step_s)
        speeds = {"left": left_mps, "right": -left_mps, "towards": nearing_mps, "away": -nearing_mps}
        if speeds[way] >= LEAST_MPS:
            return True
    return False


def _is_beside(scene: Scene, one: int, other: int, claim: Claim) -> bool:
    """Say whether two things met, or stood so to each other in the picture."""
    has = perceived(scene)
    if claim.kind == "beside":
        both = scene.is_seen[:, one] & scene.is_seen[:, other]
        lefter = scene.bearing_rad[both, one] > scene.bearing_rad[both, other]
        return bool(lefter.any() if claim.value == "left" else (~lefter).any())
    both = has[:, one] & has[:, other]
    places = [scene.distance_m[both, column] * np.exp(1j * scene.bearing_rad[both, column]) for column in (one, other)]
    reach_m = MEETING_M + sum(_half_m(scene.things[column]) for column in (one, other))
    return bool((np.abs(places[0] - places[1]) <= reach_m).any())


def _half_m(thing: Thing) -> float:
    return CLASSES[thing.kind].length_m * SIZES[thing.size] / 2  # type: ignore[index]


def _is_in_order(scene: Scene, claim: Claim, of: Sequence[int], others: Sequence[int]) -> bool:
    assert claim.other is not None
    verb = claim.other_verb or claim.verb
    ones = [t_s for column in of for t_s in _times(scene, column, claim.of, claim.verb)[:1]]
    twos = [t_s for column in others for t_s in _times(scene, column, claim.other, verb)[:1]]
    sign = 1 if claim.value == "first" else -1
    return any(sign * (two_s - one_s) >= -APART_S for one_s, two_s in product(ones, twos))


def _is_then(scene: Scene, claim: Claim, of: Sequence[int]) -> bool:
    end_s = float(scene.t_s[-1])
    from_s, to_s = (end_s - at_s if claim.counts_back else at_s for at_s in (claim.from_s, claim.to_s))
    if claim.verb is None:
        when = scene.during(from_s - NEAR_S, to_s + NEAR_S)
        has = scene.is_heard if claim.of.sound is not None else perceived(scene)
        return bool(has[when][:, list(of)].any())
    times = [t_s for column in of for t_s in _times(scene, column, claim.of, claim.verb)]
    return any(from_s - NEAR_S <= t_s <= to_s + NEAR_S for t_s in times)


def _times(scene: Scene, column: int, one: Named, verb: str | None) -> list[float]:
    """Return when something happened to a thing; without a verb, when it was first perceived or heard."""
    if one.sound is not None:
        return [start_s for start_s, _ in scene.spans(scene.is_heard[:, column])]
    match verb:
        case "enters":
            return [start_s for start_s, _ in scene.sights(column)]
        case "leaves":
            return [end_s for _, end_s in scene.sights(column)]
        case "stops" | "starts":
            return changes(scene, column, to_moving=verb == "starts")
        case "turns":
            return turns(scene, column) or []
        case _:
            return [start_s for start_s, _ in scene.spans(np.asarray(perceived(scene)[:, column]))]
