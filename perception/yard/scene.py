"""What a questioner needs of a world, from its truth channel alone: what could be seen, heard and sensed, and when.

A thing is seen by day or dusk only; in night and fog the camera is blind but for what is close. It is heard where its
sound stands out of the background, in the view or not, and radar has it where enough of its echoes come back. What only
just shows, sounds or echoes is glimpsed, faint or perhaps there: nobody is asked about it, or what it would change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perception.yard.kinds import CLASSES
from perception.yard.light import sight_m
from perception.yard.truth import (
    LEAST_ECHOING,
    EntityTruth,
    Truth,
    is_audible,
    is_echoing,
    is_faint,
    is_visible,
)
from runtime.messages import Box

DARK = frozenset({"night", "fog"})
REACH_M = 5.0  # so much nearer than its middle something of a thing may be
KNOWN_S = 0.5  # seen for less it is a glimpse: nobody is asked about it, and nobody is asked what it would change
GAP_S = 1.0  # a shorter break does not end a sight
MARKS = (
    "is_there", "is_seen", "is_glimpsed", "is_heard", "is_faint", "is_echoing", "is_tracked", "is_perhaps", "is_moving"
)  # fmt: skip
VALUES = ("distance_m", "bearing_rad", "speed_mps", "course_rad")
SIDES = ("left", "middle", "right")
SIDE_MARGIN = 0.04  # of the picture's width: closer to a border between two sides it is on neither
EPS_S = 1e-6
_SIGHT_M = {"night": sight_m("night"), "fog": sight_m("fog")}

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Span: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What an entity is, whenever."""

    id: int
    kind: str
    colour: str
    size: str

    @property
    def look(self) -> tuple[str, str, str]:
        """Return what a picture shows of it."""
        return self.size, self.colour, self.kind

    @property
    def voice(self) -> str:
        """Return what its sound is called."""
        return CLASSES[self.kind].voice.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """T moments of E things, by id; values are NaN where a thing is not there."""

    t_s: Floats  # (T,)
    things: tuple[Thing, ...]
    is_dark: Bools  # (T,)
    is_there: Bools  # (T, E), like all that follow
    is_seen: Bools
    is_glimpsed: Bools  # something of it shows, but too little to be sure: half hidden, far, or close in the dark
    is_heard: Bools  # as its sound arrives
    is_faint: Bools  # its sound arrives, but hardly stands out
    is_echoing: Bools  # radar has it, moving or not
    is_tracked: Bools  # radar has it, and it moves
    is_perhaps: Bools  # it moves, and radar has little of it
    is_moving: Bools
    distance_m: Floats
    bearing_rad: Floats
    speed_mps: Floats
    course_rad: Floats  # which way it moves in the yard, NaN while it stands
    boxes: Floats  # (T, E, 4)

    def until(self, t_s: float) -> Scene:
        """Return what had been by then: no later moment, and nothing that came later."""
        count = int(np.searchsorted(self.t_s, t_s + EPS_S, side="right"))
        came = np.flatnonzero(self.is_there[:count].any(axis=0))
        return Scene(
            t_s=self.t_s[:count],
            things=tuple(self.things[column] for column in came),
            is_dark=self.is_dark[:count],
            boxes=self.boxes[:count, came],
            **{name: getattr(self, name)[:count, came] for name in (*MARKS, *VALUES)},
        )

    @property
    def step_s(self) -> float:
        """Return how far two moments are apart."""
        return float(self.t_s[1] - self.t_s[0]) if len(self.t_s) > 1 else KNOWN_S

    def during(self, start_s: float, end_s: float) -> slice:
        """Return the moments from `start_s` to `end_s`, both included."""
        first = int(np.searchsorted(self.t_s, start_s - EPS_S, side="left"))
        return slice(first, int(np.searchsorted(self.t_s, end_s + EPS_S, side="right")))

    def seen_s(self, when: slice = slice(None)) -> Floats:
        """Return (E,): for how long each was seen."""
        return np.asarray(self.is_seen[when].sum(axis=0) * self.step_s, np.float64)

    def spans(self, mask: Bools, gap_s: float = 0.0) -> list[Span]:
        """Return from when to when a mask (T,) holds, its first and its last moment; breaks up to `gap_s` are none."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
        found: list[Span] = []
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            start_s, end_s = float(self.t_s[first]), float(self.t_s[after - 1])
            if found and start_s - found[-1][1] <= gap_s + self.step_s + EPS_S:
                found[-1] = (found[-1][0], end_s)
            else:
                found.append((start_s, end_s))
        return found

    def sights(self, column: int) -> list[Span]:
        """Return when a thing was in view, without breaks shorter than `GAP_S`."""
        return self.spans(self.is_seen[:, column], GAP_S)

    def calls(self, sound: str) -> list[Span]:
        """Return when a sound was heard, whoever made it."""
        makers = [column for column, one in enumerate(self.things) if one.voice == sound]
        return self.spans(np.asarray(self.is_heard[:, makers].any(axis=1)), GAP_S / 2)

    def has_faint(self, sound: str, when: slice = slice(None)) -> bool:
        """Say whether something of a sound arrived that hardly stands out, whoever made it."""
        makers = [column for column, one in enumerate(self.things) if one.voice == sound]
        return bool(self.is_faint[when][:, makers].any())

    def dark_spans(self) -> list[Span]:
        """Return when the camera was blind."""
        return self.spans(self.is_dark)

    def first_seen_s(self, column: int) -> float:
        """Return when a thing was seen for the first time; infinite if never."""
        moments = np.flatnonzero(self.is_seen[:, column])
        return float(self.t_s[moments[0]]) if len(moments) else float("inf")

    def is_sudden(self, column: int) -> bool:
        """Say whether a thing was clear to see soon after it first showed at all."""
        moments = np.flatnonzero(self.is_glimpsed[:, column])
        return not len(moments) or self.first_seen_s(column) - float(self.t_s[moments[0]]) <= KNOWN_S

    def side(self, column: int, when: slice) -> str | None:
        """Return the side of the picture where a thing is all that time, none if it is not clearly on one."""
        centres = (self.boxes[when, column, 0] + self.boxes[when, column, 2]) / 2
        for number, name in enumerate(SIDES):
            least = number / 3 + (SIDE_MARGIN if number else -1)
            most = (number + 1) / 3 - (SIDE_MARGIN if number < 2 else -1)
            if len(centres) and bool(np.all((centres >= least) & (centres <= most))):
                return name
        return None

    def nearing_mps(self, column: int, when: slice) -> float:
        """Return how fast a thing comes nearer to the rig over that time, negative where it goes away."""
        t_s, away_m = self.t_s[when], self.distance_m[when, column]
        return float(away_m[0] - away_m[-1]) / max(EPS_S, float(t_s[-1] - t_s[0]))

    def box(self, column: int, t_s: float) -> Box | None:
        """Return where in the picture a thing was."""
        row = self.boxes[self.during(t_s, t_s), column]
        if not len(row) or bool(np.isnan(row[0]).any()):
            return None
        x0, y0, x1, y1 = (float(edge) for edge in row[0])
        return x0, y0, x1, y1


def scene_of(truths: Sequence[Truth]) -> Scene:
    """Return the scene of moments in their order."""
    things = {
        one.id: Thing(id=one.id, kind=one.kind, colour=one.colour, size=one.size)
        for truth in truths
        for one in truth.entities
    }
    columns = {number: column for column, number in enumerate(sorted(things))}
    shape = (len(truths), len(columns))
    marks = {name: np.zeros(shape, bool) for name in MARKS}
    values = {name: np.full(shape, np.nan) for name in VALUES}
    boxes = np.full((*shape, 4), np.nan)
    for row, truth in enumerate(truths):
        for one in truth.entities:
            at = row, columns[one.id]
            for name, is_so in _senses(one, truth).items():
                marks[name][at] = is_so
            values["distance_m"][at], values["bearing_rad"][at] = one.distance_m, one.bearing_rad
            values["speed_mps"][at], values["course_rad"][at] = _motion(one)
            if one.box is not None:
                boxes[at] = one.box
    return Scene(
        t_s=np.array([truth.t_ns / 1e9 for truth in truths], np.float64),
        things=tuple(things[number] for number in sorted(things)),
        is_dark=np.array([truth.light in DARK for truth in truths], bool),
        boxes=boxes,
        **marks,
        **values,
    )


def _senses(one: EntityTruth, truth: Truth) -> dict[str, bool]:
    """Return the marks of a thing at a moment."""
    is_seen = is_visible(one) and truth.light not in DARK
    is_near = truth.light not in DARK or one.distance_m - REACH_M <= _SIGHT_M[truth.light]
    return {
        "is_there": True,
        "is_seen": is_seen,
        "is_glimpsed": one.pixels > 0 and is_near and not is_seen,
        "is_heard": is_audible(one),
        "is_faint": is_faint(one),
        "is_echoing": is_echoing(one),
        "is_tracked": one.is_moving and is_echoing(one),
        "is_perhaps": one.is_moving and LEAST_ECHOING <= one.echoes and not is_echoing(one),
        "is_moving": one.is_moving,
    }


def _motion(one: EntityTruth) -> tuple[float, float]:
    """Return speed and course."""
    x_mps, y_mps = one.velocity_mps
    return float(np.hypot(x_mps, y_mps)), float(np.arctan2(y_mps, x_mps)) if one.is_moving else float("nan")
