"""What the microphones and the radar have of each thing at a moment, on average and without drawing a sample.

Both follow the physics of what they record: the same arrivals, walls and background, the same faces, fading and
receiver. So the truth can say what could be heard and sensed, and not only what made a sound or moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perception.yard.ears import LATEST_S, arrivals, background_rms, microphones_of
from perception.yard.echoes import faces_of, level_of
from perception.yard.radar import found_share, seen_from
from perception.yard.sightlines import Sightlines
from perception.yard.world import RIG_HEIGHT_M, Entity, States, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE, HIGH = (np.arange(5) + 0.5) / 5 - 0.5, (np.arange(3) + 0.5) / 3  # places on a face, as shares of its size


class Reach:
    """What reaches the sensors of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sightlines = Sightlines(world.walls)

    def loudness_db(self, states: States) -> NDArray[np.float64]:
        """Return (T, E): how far a voice stands out of the background at the nearer microphone, -inf in silence.

        It counts when it arrives, later than it is made, and in the short breaks of its pulses too.
        """
        found = np.full(states.is_there.shape, -np.inf)
        microphones_m, background = microphones_of(states), background_rms(states)
        first_s, last_s = float(states.t_s.min(initial=np.inf)), float(states.t_s.max(initial=-np.inf))
        for number, one in enumerate(self._world.entities):
            if any(a_s <= last_s and first_s - LATEST_S <= b_s for a_s, b_s in one.sounding_s):
                sent_s, gains = arrivals(one, states.t_s, microphones_m, self._sightlines)
                calls = [(sent_s >= a_s) & (sent_s < b_s) for a_s, b_s in one.sounding_s]
                level = (one.of.voice.level * gains * np.logical_or.reduce(calls)).max(axis=0)
                with np.errstate(divide="ignore"):
                    found[:, number] = 20 * np.log10(level / background)
        return found

    def echoes(self, states: States) -> NDArray[np.float64]:
        """Return (T, E): how many points of each thing a sweep of the radar finds on average."""
        found = np.zeros(states.is_there.shape)
        eyes_m = np.append(states.rig_m, np.full((len(states.t_s), 1), RIG_HEIGHT_M), axis=1)
        for number, one in enumerate(self._world.entities):
            if states.is_there[:, number].any():
                found[:, number] = self._echoes(one, number, states, eyes_m)
        return np.where(states.is_there, found, 0.0)

    def _echoes(self, one: Entity, number: int, states: States, eyes_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (T,): the sum over places on the faces that look at the eye of how often each is found."""
        middle_m, heading = states.position_m[:, number], states.heading_rad[:, number]
        faces = faces_of(one, middle_m, heading, eyes_m)
        length_m, width_m, height_m = one.box_m
        wide, high = (axis.ravel() for axis in np.meshgrid(WIDE, HIGH))
        end = (np.sign(faces.along_m)[:, None] * length_m / 2 + 0 * wide, 0 * heading[:, None] + wide * width_m)
        side = (0 * heading[:, None] + wide * length_m, np.sign(faces.across_m)[:, None] * width_m / 2 + 0 * wide)
        u, v = (np.concatenate(pair, axis=1) for pair in zip(end, side, strict=True))  # (T, G)
        cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
        x, y = middle_m[:, :1] + u * cos - v * sin, middle_m[:, 1:] + u * sin + v * cos
        places_m = np.stack([x, y, np.broadcast_to(np.tile(high * height_m, 2), x.shape)], axis=-1)
        eyes = np.broadcast_to(eyes_m[:, None], places_m.shape).reshape(-1, 3)
        at = seen_from(places_m.reshape(-1, 3) - eyes, np.repeat(states.rig_heading_rad, x.shape[1]))
        level = level_of(one, np.maximum(faces.count, 1.0))
        share = found_share(at, np.repeat(level, x.shape[1]))
        share = np.where(self._sightlines.are_blocked(eyes, places_m.reshape(-1, 3)), 0.0, share)
        ends, sides = np.moveaxis(share.reshape(len(x), 2, -1).mean(axis=2), 1, 0)
        wide_m = np.maximum(faces.end_m + faces.side_m, 1e-9)
        return np.asarray(faces.count * (faces.end_m * ends + faces.side_m * sides) / wide_m)
