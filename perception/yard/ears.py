"""The two microphones of the rig: every voice of the yard as it arrives there, late, weaker and shifted in pitch.

A sound takes its time from where it was to where the microphone is: that alone makes its delay, its Doppler shift and
the difference between left and right. Things are heard wherever they are, in the view of the camera or not; each wall
on the straight way leaves `BEHIND_WALL` of the pressure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.yard.settings import stream_of
from perception.yard.sightlines import Sightlines
from perception.yard.voices import hum_at, voice_at
from perception.yard.world import RIG_HEIGHT_M, Entity, States, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000
APART_M = 0.2  # the microphones, to the left and right of the rig's middle
SOUND_MPS = 343.0
NEAREST_M = 1.0  # nothing is louder than at this distance
BEHIND_WALL = 10 ** (-12 / 20)  # of the pressure, for each wall
WIND_RMS = 10 ** (-61 / 20)
HISS_RMS = 10 ** (-68 / 20)
HUM_RMS = 10 ** (-60 / 20)

PAGE = 8000  # samples that are made at once, whoever asks for how many: pieces are the same as the whole
STEP = 80  # between two of them places and levels are followed exactly, and linear between
LATEST_S = 0.5  # nothing is so far away that it sounds later
ROUNDS = 5  # each makes the time of emission 40 times more exact at the fastest
WIND_STEP = 16  # samples between two draws of the wind: it has nothing above some 500 Hz


class Ears:
    """Hears one world; a block depends on the seed and its time only, not on the blocks before it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sightlines = Sightlines(world.walls)
        self._seed = stream_of(world.seed, "ears")
        ways = [(end_s - start_s) * speed_mps for start_s, end_s, speed_mps in world.rig.stretches()]
        self._rig_times = np.array([t_s for t_s, _, _ in world.rig.knots])
        self._rig_ways = np.concatenate([[0.0], np.cumsum(ways)])
        self._last = (-1, np.zeros((PAGE, 2), np.int16))

    def block(self, t0_s: float, samples: int) -> NDArray[np.int16]:
        """Return (samples, 2) at 16 kHz from the sample nearest to `t0_s` on: left and right."""
        assert t0_s >= 0, t0_s
        first = round(t0_s * RATE_HZ)
        after = first + samples
        pages = [
            self._page(number)[max(0, first - number * PAGE) : after - number * PAGE]
            for number in range(first // PAGE, -(-after // PAGE))
        ]
        return np.concatenate(pages) if pages else np.zeros((0, 2), np.int16)

    def _page(self, number: int) -> NDArray[np.int16]:
        if self._last[0] != number:
            heard = np.clip(self._heard(number), -1, 1) * 32767  # (2, PAGE)
            self._last = (number, np.ascontiguousarray(np.round(heard).astype(np.int16).T))
        return self._last[1]

    def _heard(self, number: int) -> NDArray[np.float64]:
        """Return (2, PAGE): all that sounds in a page."""
        nodes_s = (number * PAGE + np.arange(0, PAGE + 1, STEP)) / RATE_HZ
        states = self._world.states(nodes_s)
        microphones_m = microphones_of(states)
        heard = self._quiet(number)
        if (states.rig_mps != 0).any():
            loud = HUM_RMS * (states.rig_mps != 0).any(axis=1)
            driven_m = np.interp(nodes_s, self._rig_times, self._rig_ways)
            heard += _between(loud) * hum_at(_between(nodes_s), _between(driven_m))
        for one in self._world.entities:
            if any(a <= nodes_s[-1] and nodes_s[0] - LATEST_S <= b for a, b in one.sounding_s):
                heard += self._voice(one, nodes_s, microphones_m)
        return heard

    def _voice(
        self, one: Entity, nodes_s: NDArray[np.float64], microphones_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return (2, PAGE): one thing's voice at both microphones (2, nodes, 3)."""
        sent_s, gains = arrivals(one, nodes_s, microphones_m, self._sightlines)
        return _between(gains) * voice_at(one.of.voice, one.sounding_s, _between(sent_s))

    def _quiet(self, number: int) -> NDArray[np.float64]:
        """Return (2, PAGE): the wind, its own at each microphone, and their hiss."""
        draw, after = (np.random.default_rng((self._seed, page)) for page in (number, number + 1))
        gusts = draw.standard_normal((PAGE // WIND_STEP, 2))
        gusts = np.concatenate([gusts, after.standard_normal((1, 2))]).T  # the last is the next page's first
        hiss = draw.standard_normal((2, PAGE))
        # a line between two independent draws has two thirds of their power
        return _between(gusts * WIND_RMS * 1.5**0.5) + hiss * HISS_RMS


def microphones_of(states: States) -> NDArray[np.float64]:
    """Return (2, T, 3): where the left and the right microphone are."""
    heading_rad = states.rig_heading_rad
    left = np.stack([-np.sin(heading_rad), np.cos(heading_rad)], axis=-1) * APART_M / 2
    flat = np.stack([states.rig_m + left, states.rig_m - left])
    return np.concatenate([flat, np.full((*flat.shape[:-1], 1), RIG_HEIGHT_M)], axis=-1)


def arrivals(
    one: Entity, t_s: NDArray[np.float64], microphones_m: NDArray[np.float64], sightlines: Sightlines
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return of a voice at microphones (2, T, 3) and times (T,) when it was sent, and what is left of it: (2, T)."""
    height_m = one.box_m[2] / 2
    sent_s = np.stack([t_s, t_s])
    for _ in range(ROUNDS):
        flat = one.track.position_m(sent_s)
        places_m = np.concatenate([flat, np.full((*sent_s.shape, 1), height_m)], axis=-1)
        away_m = np.sqrt(((places_m - microphones_m) ** 2).sum(axis=-1))
        sent_s = t_s - away_m / SOUND_MPS
    walls = sightlines.walls_between(microphones_m.reshape(-1, 3), places_m.reshape(-1, 3)).reshape(away_m.shape)
    return sent_s, BEHIND_WALL**walls / np.maximum(away_m, NEAREST_M)


def background_rms(states: States) -> NDArray[np.float64]:
    """Return (T,): how loud wind, hiss and the hum of a driving rig are together."""
    hum = HUM_RMS * (states.rig_mps != 0).any(axis=1)
    return np.asarray(np.sqrt(WIND_RMS**2 + HISS_RMS**2 + hum**2))


def _between(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw lines between values (..., n + 1) at equal steps of a page -> (..., PAGE)."""
    step = PAGE // (nodes.shape[-1] - 1)
    rises = np.diff(nodes, axis=-1)[..., None] * (np.arange(step) / step)
    lines: NDArray[np.float64] = (nodes[..., :-1, None] + rises).reshape(*nodes.shape[:-1], PAGE)
    return lines
