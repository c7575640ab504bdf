"""Draws moments of a world: for each pixel the surface that is nearest, its depth and how bright it is.

While the rig stands, all that never moves is drawn once, and each moment is a copy of it with what moves on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.casting import NEAR_M, SUN, Sights, cos_sin, sights_of
from perception.yard.ground import GROUND, SKY, Ground
from perception.yard.lens import Lens
from perception.yard.light import LIGHTING
from perception.yard.settings import Light
from perception.yard.shapes import WALL, boxes_of
from perception.yard.world import RIG_HEIGHT_M, States, World

ON_GROUND = 1  # the number of the ground's surface; the sky has 0, box b has 2 + 3 b and the next two
AMBIENT = 0.5  # how bright a face is that the sun does not meet
SUNLIT = 0.75  # how much brighter, where it meets the sun straight
AT_ONCE = 16  # moments whose rays are computed together
SOFT = 2.5  # a shadow is full where it is that deep inside, as a share of its size


@dataclass(slots=True, kw_only=True)
class Scene:
    """One moment as the lens sees it; `paint` of surface s times `shade` is its colour before light and air."""

    light: Light
    depth_m: NDArray[np.float32]  # (H, W)
    surface: NDArray[np.int16]  # (H, W)
    shade: NDArray[np.float32]  # (H, W)
    paint: NDArray[np.float32]  # (S, 3)


class Stage:
    """Draws a world through a lens."""

    def __init__(self, world: World, lens: Lens) -> None:
        self.world, self.lens = world, lens
        self.boxes = boxes = boxes_of(world)
        self.stands = world.rig_turn_radps == 0.0 and world.rig.never_moves
        tracks = [one.track for one in world.entities]
        is_parked = [one.never_moves and one.start_s <= 0 and one.end_s >= world.length_s for one in tracks]
        is_fixed = np.where(boxes.owner == WALL, True, np.array([*is_parked, False])[np.maximum(boxes.owner, 0)])
        self._moving = np.flatnonzero(~is_fixed) if self.stands else np.arange(len(boxes.owner))
        self._fixed = np.flatnonzero(is_fixed)
        self._ground = Ground(lens, world.seed)
        self._stills: dict[Light, Scene] = {}  # what never moves, while the rig stands
        self._paint = np.zeros((2 + 3 * len(boxes.owner), 3))
        self._paint[:2] = SKY, GROUND

    def scenes(self, t_s: NDArray[np.float64]) -> Iterator[Scene]:
        """Yield the scene of each moment of `t_s` (T,)."""
        for first in range(0, len(t_s), AT_ONCE):
            states = self.world.states(t_s[first : first + AT_ONCE])
            sights = sights_of(self.world, self.boxes, self._moving, states, self.lens)
            borders = np.searchsorted(sights.moment, np.arange(len(states.t_s) + 1))
            tones = _tones(sights, self.boxes.low_m, self.boxes.high_m)
            for number, moment_s in enumerate(states.t_s):
                light = self.world.light_at(float(moment_s))
                scene = self._still(light) if self.stands else self._empty(light, states, number)
                self._draw(scene, sights, tones, range(borders[number], borders[number + 1]))
                yield scene

    def _still(self, light: Light) -> Scene:
        """Return a copy of all that never moves."""
        if light not in self._stills:
            states = self.world.states(np.zeros(1))
            scene = self._empty(light, states, 0)
            sights = sights_of(self.world, self.boxes, self._fixed, states, self.lens)
            tones = _tones(sights, self.boxes.low_m, self.boxes.high_m)
            self._draw(scene, sights, tones, range(len(sights.box)))
            self._stills[light] = scene
        still = self._stills[light]
        return Scene(
            light=light,
            depth_m=still.depth_m.copy(),
            surface=still.surface.copy(),
            shade=still.shade.copy(),
            paint=still.paint.copy(),
        )

    def _empty(self, light: Light, states: States, number: int) -> Scene:
        ahead = cos_sin(states.rig_heading_rad[number : number + 1])[0]
        return Scene(
            light=light,
            depth_m=self._ground.depth_m.copy(),
            surface=self._ground.surface.copy(),
            shade=self._ground.shade(states.rig_m[number], ahead),
            paint=self._paint.astype(np.float32),
        )

    def _draw(self, scene: Scene, sights: Sights, tones: NDArray[np.float64], which: range) -> None:
        """Put boxes and their shadows into a scene, wherever nothing nearer is."""
        strength = LIGHTING[scene.light].shadow
        for one in which:
            box = int(sights.box[one])
            top, bottom, left, right = sights.window[one]
            if top == bottom or left == right:
                continue
            at = slice(top, bottom), slice(left, right)
            if self.boxes.is_shadow[box]:
                if strength:
                    self._darken(scene, sights, one, strength, at)
                continue
            first = 2 + 3 * box
            scene.paint[first : first + 3] = tones[one, :, None] * self.boxes.rgb[box]
            is_hit, enters, face = hits_of(sights, one, at)
            is_hit &= enters < scene.depth_m[at]
            np.copyto(scene.depth_m[at], enters, where=is_hit)
            np.copyto(scene.surface[at], face + np.int16(first), where=is_hit)
            np.copyto(scene.shade[at], np.float32(1.0), where=is_hit)

    def _darken(self, scene: Scene, sights: Sights, one: int, strength: float, at: tuple[slice, slice]) -> None:
        """Darken the ground in a shadow, softly towards its border."""
        depth, right = self.lens.ground_m[at[0]].astype(np.float32)[:, None], self.lens.right[at[1]].astype(np.float32)
        (x, y), (cosine, sine), half = (
            values[one].astype(np.float32) for values in (sights.from_m, sights.turn, sights.half_m)
        )
        along = np.abs((x + depth * (cosine + right * sine)) / half[0])
        across = np.abs((y + depth * (sine - right * cosine)) / half[1])
        inside = np.clip((1 - np.maximum(along, across)) * np.float32(SOFT), 0, 1)
        is_ground = scene.surface[at] == ON_GROUND
        np.multiply(scene.shade[at], 1 - np.float32(strength) * inside, out=scene.shade[at], where=is_ground)


def hits_of(
    sights: Sights, one: int, at: tuple[slice, slice]
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int16]]:
    """Return for the window of a box where it is hit, at which depth, and on which face (0 end, 1 side, 2 top)."""
    rows, columns = at
    row, column = sights.enters_row[one, rows, None], sights.enters_column[one, columns]
    enters = np.maximum(row, column)
    is_hit = enters <= np.minimum(sights.leaves_row[one, rows, None], sights.leaves_column[one, columns])
    is_hit &= enters > NEAR_M
    side = sights.is_side[one, columns].astype(np.int16)
    return is_hit, enters, np.where(row > column, np.int16(2), side)


def _tones(sights: Sights, low_m: NDArray[np.float64], high_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how bright the three faces are that may be seen of each box, (P, 3): end, side, top or bottom."""
    cosine, sine = sights.heading[:, 0], sights.heading[:, 1]
    end = np.sign(sights.from_m[:, 0]) * (cosine * SUN[0] + sine * SUN[1])
    side = np.sign(sights.from_m[:, 1]) * (cosine * SUN[1] - sine * SUN[0])
    flat = np.where(high_m[sights.box] < RIG_HEIGHT_M, SUN[2], 0.0)
    meets_sun = np.maximum(np.stack([end, side, flat], axis=1), 0.0)
    tones: NDArray[np.float64] = AMBIENT + SUNLIT * meets_sun
    return tones
