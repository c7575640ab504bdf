"""What happens in a world, read off the tracks: who enters, stops, turns, approaches, meets whom, and when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise, product

import numpy as np

from perception.yard.bodies import gap_m
from perception.yard.track import STILL_M
from perception.yard.world import Entity, PlotEvent, PlotKind, World

MEETING_M = 3.0  # two things that stand no farther apart than this meet
TURN_RAD = 0.6  # less is no turn worth a word
STEP_S = 0.1
WAY_M = 2.0  # by so much it must come nearer, or go away, to approach or retreat


def plot_of(world: World) -> tuple[PlotEvent, ...]:
    """Return everything that happens, by its beginning."""
    events = [event for one in world.entities for event in _of_one(one, world)]
    events += [event for one, other in combinations(world.entities, 2) for event in _meetings(one, other)]
    events += [
        PlotEvent(kind="light", start_s=from_s, end_s=from_s, entities=(), value=light)
        for from_s, light in world.lights[1:]
    ]
    return tuple(sorted(events, key=lambda event: (event.start_s, event.kind, event.entities)))


def _of_one(entity: Entity, world: World) -> Iterator[PlotEvent]:
    track, who = entity.track, (entity.id,)
    if track.start_s > 0:
        yield PlotEvent(kind="enters", start_s=track.start_s, end_s=track.start_s, entities=who)
    if track.end_s < world.length_s:
        yield PlotEvent(kind="leaves", start_s=track.end_s, end_s=track.end_s, entities=who)
    ways = track.stretches()
    for (_, end_s, before_mps), (_, _, after_mps) in pairwise(ways):
        if before_mps > STILL_M >= after_mps:
            yield PlotEvent(kind="stops", start_s=end_s, end_s=end_s, entities=who)
        if after_mps > STILL_M >= before_mps:
            yield PlotEvent(kind="starts", start_s=end_s, end_s=end_s, entities=who)
    for t_s, angle_rad in track.corners():
        if abs(angle_rad) >= TURN_RAD:
            yield PlotEvent(kind="turns", start_s=t_s, end_s=t_s, entities=who, value=round(angle_rad, 3))
    for start_s, end_s in entity.sounding_s:
        yield PlotEvent(kind="sounds", start_s=start_s, end_s=end_s, entities=who, value=entity.of.voice.name)
    yield from _ways_to_the_rig(entity, world)


def _ways_to_the_rig(entity: Entity, world: World) -> Iterator[PlotEvent]:
    """Yield when it comes nearer to the rig, and when it goes away, by more than a step or two."""
    start_s, end_s = max(0.0, entity.track.start_s), min(world.length_s, entity.track.end_s)
    times = np.arange(start_s, end_s + STEP_S / 2, STEP_S)
    if len(times) < 2:
        return
    away = np.linalg.norm(entity.track.position_m(times) - world.rig.position_m(times), axis=1)
    signs = np.sign(np.round(np.diff(away), 4))
    borders = [0, *(np.flatnonzero(np.diff(signs)) + 1), len(signs)]
    for first, after in pairwise(borders):
        change_m = float(away[after] - away[first])
        if abs(change_m) >= WAY_M:
            kind: PlotKind = "approaches" if change_m < 0 else "retreats"
            a_s, b_s = float(times[first]), float(times[after])
            yield PlotEvent(
                kind=kind, start_s=round(a_s, 3), end_s=round(b_s, 3), entities=(entity.id,), value=round(change_m, 3)
            )


def _meetings(one: Entity, other: Entity) -> Iterator[PlotEvent]:
    """Yield when one comes to stand beside the other; what always stood there has not met anybody."""
    for (a_s, b_s), (c_s, d_s) in product(one.track.stands(), other.track.stands()):
        start_s, end_s = max(a_s, c_s), min(b_s, d_s)
        if 0 < start_s < end_s and gap_m(one, other, start_s) <= MEETING_M:
            yield PlotEvent(kind="meets", start_s=start_s, end_s=end_s, entities=(one.id, other.id))
