"""Small worlds of the yard, made by hand, for tests that know what must come out."""

from __future__ import annotations

from perception.yard.kinds import Size
from perception.yard.settings import WorldSettings
from perception.yard.track import Track
from perception.yard.world import Entity, Wall, World

Knot = tuple[float, float, float]


def thing(
    kind: str, *knots: Knot, sounding_s: tuple[tuple[float, float], ...] = (), number: int = 0, size: Size = "small"
) -> Entity:
    """Return something on a way."""
    return Entity(id=number, kind=kind, colour="red", size=size, track=Track(knots=knots), sounding_s=sounding_s)


def parked(kind: str, x_m: float, y_m: float, sounding_s: tuple[tuple[float, float], ...] = ()) -> Entity:
    """Return something that never moves."""
    return thing(kind, (0.0, x_m, y_m), (20.0, x_m, y_m), sounding_s=sounding_s)


def wall(x_m: float, y_m: float, length_m: float = 6.0, height_m: float = 3.5, heading_rad: float = 0.0) -> Wall:
    """Return a wall."""
    return Wall(
        x_m=x_m,
        y_m=y_m,
        length_m=length_m,
        width_m=0.4,
        height_m=height_m,
        heading_rad=heading_rad,
        colour=(120, 110, 100),
    )


def world_of(
    *things: Entity, walls: tuple[Wall, ...] = (), rig: tuple[Knot, ...] = (), turn_radps: float = 0.0, seed: int = 7
) -> World:
    """Return a world by day with just this in it; the rig stands at the origin where no way is given."""
    return World(
        settings=WorldSettings(),
        seed=seed,
        entities=things,
        walls=walls,
        rig=Track(knots=rig or ((0.0, 0.0, 0.0), (16.0, 0.0, 0.0))),
        rig_turn_radps=turn_radps,
        lights=((0.0, "day"),),
        plot=(),
    )
