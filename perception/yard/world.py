"""One world: what is in it, where everything is at any time, how light it is, and what happens.

The rig starts at the origin, `RIG_HEIGHT_M` above the ground, and looks along +y; x is to its right, z is up. Things
come and go at the borders of the yard, stop, turn, approach, meet and pass behind walls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from perception.yard.kinds import CLASSES, COLOURS, SIZES, ClassOfThings, Size
from perception.yard.settings import Light, WorldSettings
from perception.yard.track import Track

RIG_HEIGHT_M = 1.4
YARD_M = (-22.0, 22.0, 3.0, 42.0)  # x from, x to, y from, y to
PlotKind: TypeAlias = Literal[
    "enters", "leaves", "stops", "starts", "turns", "approaches", "retreats", "meets", "sounds", "light"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Something that stands and hides what is behind it: a box on the ground."""

    x_m: float
    y_m: float
    length_m: float  # along its heading
    width_m: float
    height_m: float
    heading_rad: float
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One thing of the world."""

    id: int
    kind: str
    colour: str
    size: Size
    track: Track
    sounding_s: tuple[tuple[float, float], ...]  # when its voice is heard

    @property
    def of(self) -> ClassOfThings:
        """Return its class."""
        return CLASSES[self.kind]

    @property
    def box_m(self) -> tuple[float, float, float]:
        """Return (length, width, height)."""
        factor = SIZES[self.size]
        return self.of.length_m * factor, self.of.width_m * factor, self.of.height_m * factor

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Return its paint."""
        return COLOURS[self.colour]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotEvent:
    """Something that happened, to one entity or between two; `value` is what its kind says (angle, light, ...)."""

    kind: PlotKind
    start_s: float
    end_s: float
    entities: tuple[int, ...]
    value: float | str = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Where everything is at T moments; E entities in the order of the world."""

    t_s: NDArray[np.float64]  # (T,)
    position_m: NDArray[np.float64]  # (T, E, 2)
    heading_rad: NDArray[np.float64]  # (T, E)
    velocity_mps: NDArray[np.float64]  # (T, E, 2)
    is_there: NDArray[np.bool_]  # (T, E)
    is_sounding: NDArray[np.bool_]  # (T, E)
    rig_m: NDArray[np.float64]  # (T, 2)
    rig_heading_rad: NDArray[np.float64]  # (T,): pi / 2 looks along +y
    rig_mps: NDArray[np.float64]  # (T, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world that is done: nothing in it changes any more."""

    settings: WorldSettings
    seed: int
    entities: tuple[Entity, ...]
    walls: tuple[Wall, ...]
    rig: Track
    rig_turn_radps: float  # how fast the rig turns on its way
    lights: tuple[tuple[float, Light], ...]  # from when on it is so
    plot: tuple[PlotEvent, ...]  # by start

    @property
    def length_s(self) -> float:
        """Return how long it lasts."""
        return self.settings.length_s

    def light_at(self, t_s: float) -> Light:
        """Return how light it is."""
        return [light for from_s, light in self.lights if from_s <= t_s][-1]

    def states(self, t_s: NDArray[np.float64]) -> States:
        """Return where everything is at times (T,) in seconds."""
        tracks = [one.track for one in self.entities]
        shape = (len(t_s), len(tracks))

        def over(values: list[NDArray[np.float64]], *more: int) -> NDArray[np.float64]:
            return np.stack(values, axis=1) if values else np.zeros((*shape, *more))

        there = [one.is_there(t_s) for one in tracks]
        sounding = [
            np.logical_or.reduce([(t_s >= a) & (t_s < b) for a, b in one.sounding_s] or [np.zeros(len(t_s), bool)])
            for one in self.entities
        ]
        return States(
            t_s=t_s,
            position_m=over([one.position_m(t_s) for one in tracks], 2),
            heading_rad=over([one.heading_rad(t_s) for one in tracks]),
            velocity_mps=over([one.velocity_mps(t_s) for one in tracks], 2),
            is_there=np.stack(there, axis=1) if there else np.zeros(shape, bool),
            is_sounding=np.stack(sounding, axis=1) if sounding else np.zeros(shape, bool),
            rig_m=self.rig.position_m(t_s),
            rig_heading_rad=np.pi / 2 + self.rig_turn_radps * t_s,
            rig_mps=self.rig.velocity_mps(t_s),
        )
