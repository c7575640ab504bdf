"""A training window: the same as each sensor alone, near to full rate, and nothing of the time after the world."""

from __future__ import annotations

import numpy as np
import pytest

from perception.yard.camera import Camera
from perception.yard.ears import RATE_HZ, Ears
from perception.yard.eventcam import EventCamera
from perception.yard.radar import Radar
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings
from perception.yard.window import window_of

WORLD = make_world(WorldSettings(length_s=6.0, least_entities=4, light="day", drives=False), 3)


def test_a_window_is_what_each_sensor_gives_alone() -> None:
    window = window_of(WORLD, samples=6, start_s=2.0)
    np.testing.assert_array_equal(window.t_s, [2.5, 3.0, 3.5, 4.0, 4.5, 5.0])
    camera, radar = Camera(WORLD), Radar(WORLD)
    for number, t_s in enumerate(window.t_s.tolist()):
        np.testing.assert_array_equal(window.pictures[number], camera.picture(t_s))
        np.testing.assert_array_equal(window.sweeps[number], radar.sweep(t_s))
        before = Ears(WORLD).block(t_s - 0.5, RATE_HZ // 2)
        np.testing.assert_array_equal(window.sound[number], before)
    maps = list(EventCamera(WORLD).maps(np.arange(2.0, 5.5, 0.5)))
    np.testing.assert_array_equal(window.event_maps, maps)


def test_a_sample_knows_nothing_of_the_time_after_it() -> None:
    window, shorter = window_of(WORLD, samples=8), window_of(WORLD, samples=3)
    for name in ("t_s", "pictures", "event_maps", "sound"):
        np.testing.assert_array_equal(getattr(shorter, name), getattr(window, name)[:3])


@pytest.mark.parametrize(("samples", "start_s"), [(13, 0.0), (12, 0.5), (0, 0.0), (2, -1.0)])
def test_a_window_lies_within_its_world(samples: int, start_s: float) -> None:
    assert len(window_of(WORLD, samples=12).t_s) == 12
    with pytest.raises(ValueError, match=r"are not in 6 s"):
        window_of(WORLD, samples=samples, start_s=start_s)
