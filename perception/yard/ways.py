"""Draws ways through the yard that nothing else takes: around walls, and past each other but not through.

A way is drawn without looking and taken if there is room for it; else another one is drawn, from a stream of numbers of
its own, so that whatever comes after is the same. Now and then one goes to where another stands, and they meet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.yard.bodies import Room
from perception.yard.kinds import SIZES, ClassOfThings, Size
from perception.yard.track import Track
from perception.yard.world import YARD_M, Entity
from runtime.errors import ConfigError

PARKED = 0.15  # part of the things that never move
THERE_FROM_START = 0.4
STOPS, TURNS = 0.35, 0.45
STOPS_S = (2.0, 5.0)  # how long a stop takes
MEETS = 0.25  # of what moves, where somebody stands
BESIDE_M = (0.6, 1.4)  # so close they stand when they meet
MEETING_TRIES, TRIES = 12, 400
LEAST_WAY_M = 0.5
ROUND = 3  # digits: a millimetre, a millisecond

Place = tuple[float, float]


def find_way(
    draw: np.random.Generator,
    again: np.random.Generator,
    of: ClassOfThings,
    size: Size,
    room: Room,
    others: Sequence[Entity],
) -> Track:
    """Return a way that has room, and take it. Raises ConfigError where the yard is too full."""
    size_m = (of.length_m * SIZES[size], of.width_m * SIZES[size])
    first = _way(draw, of, room.length_s)
    is_parked = first.never_moves
    track = first if room.has(first, size_m) else None
    if not is_parked and again.random() < MEETS:
        track = _meeting(again, of, size_m, room, others) or track
    for number in range(TRIES):
        if track is not None:
            break
        after_s = room.length_s * max(0.0, 2 * number / TRIES - 1)  # where it is crowded one comes later, and moves on
        other = _way(again, of, room.length_s, is_parked=is_parked and not after_s, after_s=after_s)
        track = other if room.has(other, size_m) else None
    if track is None:
        raise ConfigError("yard.most_entities", f"there is no room for a {of.name} after {len(others)} other things")
    room.take(track, size_m)
    return track


def _way(
    draw: np.random.Generator,
    of: ClassOfThings,
    length_s: float,
    *,
    is_parked: bool | None = None,
    after_s: float = 0.0,
) -> Track:
    """Return a way: parked, or across the yard with perhaps a stop and a turn."""
    y_from, y_to = YARD_M[2:]
    inside = (_between(draw, -10.0, 10.0), _between(draw, 8.0, 28.0))
    if draw.random() < PARKED if is_parked is None else is_parked:
        return Track(knots=((0.0, *inside), (length_s, *inside)))
    speed_mps = _between(draw, *of.speeds_mps)
    if draw.random() < THERE_FROM_START and not after_s:
        start_s, begin = 0.0, inside
    else:
        start_s = _between(draw, after_s, max(after_s, 0.6 * length_s))
        begin = _border(draw, y_from + 5, y_to - 8)
    places = [inside] if begin != inside else []
    if draw.random() < TURNS:
        places.append((_between(draw, -12.0, 12.0), _between(draw, 6.0, 34.0)))
    stop_after = int(draw.integers(len(places))) if places and draw.random() < STOPS else -1
    places.append(_border(draw, y_from + 3, y_to - 4))
    return _track(draw, start_s, begin, places, stop_after, speed_mps)


def _meeting(
    draw: np.random.Generator,
    of: ClassOfThings,
    size_m: tuple[float, float],
    room: Room,
    others: Sequence[Entity],
) -> Track | None:
    """Return a way from the border to where another stands, a stop beside it, and a way out; none without room."""
    y_from, y_to = YARD_M[2:]
    stops = [(other, stop_s) for other in others for stop_s in other.track.stands() if stop_s[0] < room.length_s]
    for _ in range(MEETING_TRIES if stops else 0):
        other, (from_s, to_s) = stops[int(draw.integers(len(stops)))]
        speed_mps = _between(draw, *of.speeds_mps)
        begin = _border(draw, y_from + 5, y_to - 8)
        place = _beside(draw, other, from_s, size_m)
        takes_s = float(np.hypot(place[0] - begin[0], place[1] - begin[1])) / speed_mps
        comes_s = _between(draw, from_s, min(to_s, room.length_s))
        start_s = round(comes_s - takes_s, ROUND)
        places = [place, _border(draw, y_from + 3, y_to - 4)]
        if start_s > 0:
            track = _track(draw, start_s, begin, places, 0, speed_mps)
            if room.has(track, size_m):
                return track
    return None


def _beside(draw: np.random.Generator, other: Entity, at_s: float, size_m: tuple[float, float]) -> Place:
    """Return a place to the left or right of something that stands, with room for the longer side."""
    at = np.array([at_s])
    (x_m, y_m), heading = other.track.position_m(at)[0], float(other.track.heading_rad(at)[0])
    way_m = other.box_m[1] / 2 + max(size_m) / 2 + _between(draw, *BESIDE_M)
    way_m = way_m if draw.random() < 0.5 else -way_m
    return round(float(x_m - way_m * np.sin(heading)), ROUND), round(float(y_m + way_m * np.cos(heading)), ROUND)


def _track(
    draw: np.random.Generator, start_s: float, begin: Place, places: Sequence[Place], stop_after: int, speed_mps: float
) -> Track:
    """Return the way from place to place, with a stop after one of them."""
    knots = [(round(start_s, ROUND), *begin)]
    for number, place in enumerate(places):
        t_s, x_m, y_m = knots[-1]
        way_m = float(np.hypot(place[0] - x_m, place[1] - y_m))
        if way_m < LEAST_WAY_M:
            continue
        knots.append((round(t_s + way_m / speed_mps, ROUND), *place))
        if number == stop_after:
            knots.append((round(knots[-1][0] + _between(draw, *STOPS_S), ROUND), *place))
    return Track(knots=tuple(knots))


def _border(draw: np.random.Generator, y_from: float, y_to: float) -> Place:
    return (YARD_M[0] if draw.random() < 0.5 else YARD_M[1], _between(draw, y_from, y_to))


def _between(draw: np.random.Generator, least: float, most: float) -> float:
    return round(float(draw.uniform(least, most)), ROUND)
