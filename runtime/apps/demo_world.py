"""The world of the demo, laid by hand: what comes, stops, turns, rings and honks in it, by day and after nightfall.

A drawn world seldom has all of that in 45 s. This one obeys the same rules: nothing goes through walls or others, and
no composition in it is held out from training.
"""

from __future__ import annotations

from dataclasses import replace

from perception.yard.kinds import Size
from perception.yard.plot import plot_of
from perception.yard.settings import SEEDS, SPLITS, WorldSettings
from perception.yard.track import Track
from perception.yard.world import Entity, Wall, World

LENGTH_S = 45
SEED = len(SPLITS) * SEEDS + 27_968  # of the sensors' noise; no split has it
SETTINGS = WorldSettings(length_s=LENGTH_S, least_entities=4, most_entities=6, drives=False)
NIGHT_S = 28.567
WALLS = (
    Wall(
        x_m=11.148, y_m=17.167, length_m=3.175, width_m=0.4, height_m=3.001, heading_rad=-0.01, colour=(120, 110, 100)
    ),
    Wall(x_m=-6.5, y_m=18.0, length_m=6.6, width_m=0.4, height_m=2.669, heading_rad=-0.131, colour=(95, 100, 105)),
)


def make_demo_world() -> World:
    """Return the world: the same for ever."""
    world = World(
        settings=SETTINGS,
        seed=SEED,
        entities=(
            _thing(
                0, "car", "red", "large",
                (7.33, -22.0, 19.54), (18.264, 4.078, 25.018), (22.505, 4.078, 25.018), (28.393, 1.686, 10.87),
                (36.731, 22.0, 11.336),
                calls_s=((9.133, 11.954), (16.408, 20.139), (21.632, 25.273), (27.198, 30.51)),
            ),
            _thing(1, "truck", "red", "small", (25.203, -22.0, 15.6), (30.908, 5.042, 15.8), (37.497, -22.0, 9.0)),
            _thing(
                2, "car", "blue", "small",
                (26.62, 22.0, 12.087), (31.511, 3.214, 26.562), (34.519, 3.214, 26.562), (36.705, -1.0, 21.0),
                (42.157, 22.0, 36.0),
                calls_s=((33.084, 36.824),),
            ),
            _thing(
                3, "bicycle", "white", "small", (0.0, -1.548, 17.545), (LENGTH_S, -1.548, 17.545),
                calls_s=((1.439, 3.547),),
            ),
            _thing(
                4, "car", "red", "small", (0.0, -13.0, 18.431), (4.347, -5.383, 33.545), (10.641, -22.0, 26.0),
                calls_s=((8.051, 10.565),),
            ),
        ),
        walls=WALLS,
        rig=Track(knots=((0.0, 0.0, 0.0), (LENGTH_S, 0.0, 0.0))),
        rig_turn_radps=0.0,
        lights=((0.0, "day"), (NIGHT_S, "night")),
        plot=(),
    )  # fmt: skip
    return replace(world, plot=plot_of(world))


def _thing(
    number: int,
    kind: str,
    colour: str,
    size: Size,
    *knots: tuple[float, float, float],
    calls_s: tuple[tuple[float, float], ...] = (),
) -> Entity:
    return Entity(id=number, kind=kind, colour=colour, size=size, track=Track(knots=knots), sounding_s=calls_s)
