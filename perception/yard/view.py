"""What the rig sees of each thing, from geometry alone: how much of it nothing hides, and where it is in the picture.

By daylight, that is: light and fog change pictures, not what stands where. A thing is as large as what is drawn of it,
so truth and pictures have the same outlines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.casting import Sights, sights_of
from perception.yard.lens import Lens
from perception.yard.reach import Reach
from perception.yard.shapes import WALL, Boxes, boxes_of
from perception.yard.stage import hits_of
from perception.yard.truth import EntityTruth, Truth
from perception.yard.world import States, World
from runtime.messages import Box

NOTHING = -1  # in `View.ids`; WALL (-2) is a wall, and an entity has its place in the world
STILL_MPS = 1e-3
AT_ONCE = 16  # moments whose rays are computed together
DIGITS = 6  # of what the truth says: machines differ in the sixteenth


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is seen at one moment; E entities in the order of the world."""

    ids: NDArray[np.int16]  # (H, W)
    depth_m: NDArray[np.float32]  # (H, W): along the optical axis; infinite where there is nothing but ground and sky
    seen_px: NDArray[np.int64]  # (E,)
    alone_px: NDArray[np.int64]  # (E,): as many as there would be if nothing else were there
    boxes: tuple[Box | None, ...]  # E: of what is seen, as fractions of the picture

    @property
    def visible(self) -> NDArray[np.float64]:
        """Return (E,): the share of its pixels that is seen, 0 where it has none."""
        return self.seen_px / np.maximum(self.alone_px, 1)


def look(world: World, states: States, index: int, lens: Lens | None = None) -> View:
    """Return what is seen at one moment of `states`."""
    whole = {name: getattr(states, name)[index : index + 1] for name in States.__slots__}
    return next(_views(world, boxes_of(world), States(**whole), lens or Lens()))


def views(world: World, t_s: NDArray[np.float64], lens: Lens | None = None) -> Iterator[View]:
    """Yield what is seen at each moment of `t_s` (T,): the same as one by one, and cheaper."""
    boxes, lens = boxes_of(world), lens or Lens()
    for first in range(0, len(t_s), AT_ONCE):
        yield from _views(world, boxes, world.states(t_s[first : first + AT_ONCE]), lens)


def truth_at(world: World, t_s: float, lens: Lens | None = None) -> Truth:
    """Return what is true at a moment."""
    return next(truths(world, np.array([t_s]), lens))


def truths(world: World, t_s: NDArray[np.float64], lens: Lens | None = None) -> Iterator[Truth]:
    """Yield what is true at each moment of `t_s` (T,)."""
    boxes, lens, reach = boxes_of(world), lens or Lens(), Reach(world)
    for first in range(0, len(t_s), AT_ONCE):
        states = world.states(t_s[first : first + AT_ONCE])
        loudness_db, echoes = reach.loudness_db(states), reach.echoes(states)
        for index, view in enumerate(_views(world, boxes, states, lens)):
            there = np.flatnonzero(states.is_there[index]).tolist()
            senses = zip(loudness_db[index, there].tolist(), echoes[index, there].tolist(), strict=True)
            entities = (
                _truth_of(world, states, (index, number), view, sense)
                for number, sense in zip(there, senses, strict=True)
            )
            moment_s = float(states.t_s[index])
            yield Truth(t_ns=round(moment_s * 1e9), light=world.light_at(moment_s), entities=tuple(entities))


def _views(world: World, boxes: Boxes, states: States, lens: Lens) -> Iterator[View]:
    sights = sights_of(world, boxes, np.flatnonzero(~boxes.is_shadow), states, lens)
    borders = np.searchsorted(sights.moment, np.arange(len(states.t_s) + 1))
    owners = boxes.owner[sights.box]
    for number in range(len(states.t_s)):
        which = range(borders[number], borders[number + 1])
        yield _view(sights, owners, which, len(world.entities), lens)


def _view(sights: Sights, owners: NDArray[np.int64], which: range, count: int, lens: Lens) -> View:
    ids = np.full((lens.height_px, lens.width_px), NOTHING, np.int16)
    depth = np.full(ids.shape, np.inf, np.float32)
    alone = np.zeros(count, np.int64)
    covered = np.zeros(ids.shape, bool)  # by the owner whose boxes come one after another
    for one in which:
        owner = int(owners[one])
        top, bottom, left, right = sights.window[one]
        at = slice(top, bottom), slice(left, right)
        is_hit, enters, _ = hits_of(sights, one, at)
        if owner != WALL:
            if one == which.start or owners[one - 1] != owner:
                covered[:] = False
            alone[owner] += np.count_nonzero(is_hit & ~covered[at])
            covered[at] |= is_hit
        is_hit &= enters < depth[at]
        np.copyto(depth[at], enters, where=is_hit)
        np.copyto(ids[at], np.int16(owner), where=is_hit)
    seen = np.bincount(ids[ids >= 0], minlength=count) if count else alone
    boxes = tuple(_box(ids == number) if seen[number] else None for number in range(count))
    return View(ids=ids, depth_m=depth, seen_px=seen, alone_px=alone, boxes=boxes)


def _box(is_seen: NDArray[np.bool_]) -> Box:
    (height, width), ends = is_seen.shape, []
    for axis in (1, 0):
        places = np.flatnonzero(is_seen.any(axis=axis))
        ends.append((int(places[0]), int(places[-1]) + 1))
    (top, bottom), (left, right) = ends
    return left / width, top / height, right / width, bottom / height


def _truth_of(world: World, states: States, at: tuple[int, int], view: View, sense: tuple[float, float]) -> EntityTruth:
    """Return what is true of an entity at (moment, place in the world); `sense` is its loudness in dB, and echoes."""
    (index, number), (loudness_db, echoes) = at, sense
    entity = world.entities[number]
    place, velocity = states.position_m[index, number], states.velocity_mps[index, number]
    away = place - states.rig_m[index]
    bearing = np.arctan2(away[1], away[0]) - states.rig_heading_rad[index]
    return EntityTruth(
        id=entity.id,
        kind=entity.kind,
        colour=entity.colour,
        size=entity.size,
        position_m=(_short(place[0]), _short(place[1])),
        velocity_mps=(_short(velocity[0]), _short(velocity[1])),
        heading_rad=_short(_wrapped(states.heading_rad[index, number])),
        distance_m=_short(np.hypot(*away)),
        bearing_rad=_short(_wrapped(bearing)),
        is_moving=bool(np.hypot(*velocity) > STILL_MPS),
        is_sounding=bool(states.is_sounding[index, number]),
        loudness_db=_short(loudness_db) if np.isfinite(loudness_db) else None,
        echoes=_short(echoes),
        visible=_short(view.visible[number]),
        pixels=int(view.seen_px[number]),
        box=view.boxes[number],
    )


def _wrapped(angle_rad: float) -> float:
    return (float(angle_rad) + np.pi) % (2 * np.pi) - np.pi


def _short(value: float) -> float:
    return round(float(value), DIGITS)
