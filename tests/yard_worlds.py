"""Small worlds of the yard with a few things at places that a test names."""

from __future__ import annotations

from perception.yard.kinds import Size
from perception.yard.settings import Light, WorldSettings
from perception.yard.track import Track
from perception.yard.world import Entity, Wall, World

LENGTH_S = 16.0


def still(x_m: float, y_m: float) -> Track:
    return Track(knots=((0.0, x_m, y_m), (LENGTH_S, x_m, y_m)))


def across(from_m: tuple[float, float], to_m: tuple[float, float], end_s: float = LENGTH_S) -> Track:
    return Track(knots=((0.0, *from_m), (end_s, *to_m)))


def a_thing(number: int, track: Track, colour: str = "red", kind: str = "truck", size: Size = "large") -> Entity:
    return Entity(id=number, kind=kind, colour=colour, size=size, track=track, sounding_s=())


def a_wall(
    x_m: float, y_m: float, length_m: float, height_m: float = 5.0, colour: tuple[int, int, int] = (120, 110, 100)
) -> Wall:
    return Wall(x_m=x_m, y_m=y_m, length_m=length_m, width_m=0.2, height_m=height_m, heading_rad=0.0, colour=colour)


def a_world(
    *entities: Entity,
    walls: tuple[Wall, ...] = (),
    rig: Track | None = None,
    turn: float = 0.0,
    light: Light = "day",
    seed: int = 5,
) -> World:
    return World(
        settings=WorldSettings(light=light, length_s=LENGTH_S),
        seed=seed,
        entities=entities,
        walls=walls,
        rig=rig or still(0.0, 0.0),
        rig_turn_radps=turn,
        lights=((0.0, light),),
        plot=(),
    )
