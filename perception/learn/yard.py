"""Windows of the yard as batches: what all sensors give, and what is true at each sample, kept on disk.

Worlds are those of one split by their numbers, so what is learnt from `train` shares no seed with what is measured on.
A thing is a target where a sensor could have it: seen, heard or in the radar's echo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from perception.fusion.sets import TrueThings
from perception.yard.kinds import CLASSES, COLOURS
from perception.yard.script import make_world
from perception.yard.settings import Split, WorldSettings, seed_of
from perception.yard.truth import EntityTruth, Truth, is_audible, is_echoing, is_visible
from perception.yard.view import truths
from perception.yard.window import SAMPLE_HZ, window_of

KINDS, HUES = tuple(CLASSES), tuple(COLOURS)
ACTIVITIES = ("nothing", "still", "moving", "approaching")  # the last that is so of any thing
MOST_THINGS, MOST_POINTS = 8, 256
NEARS_MPS = 0.3  # who comes nearer faster than this approaches
BEFORE_S = 0.2  # over which that is measured
CELL_M, GROUND = 2.5, (12, 16)  # ahead, and across from left to right

VERSION = "1"  # another one where what a window holds, or the yard, changes

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """Which windows: the same values give the same arrays."""

    split: Split = "train"
    samples: int = 8
    least_entities: int = 2
    most_entities: int = 5

    def window(self, number: int, folder: Path) -> Arrays:
        """Return the window of the split's `number`-th world, from `folder` where it is there, else made and kept."""
        name = "-".join(str(one) for one in asdict(self).values())
        path = folder / f"{VERSION}-{name}-{seed_of(self.split, number)}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made, unfinished = self._make(number), path.with_suffix(".part")
            with unfinished.open("wb") as file:
                np.savez(file, **made)  # type: ignore[arg-type]
            unfinished.replace(path)  # whole, or not there
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def _make(self, number: int) -> Arrays:
        settings = WorldSettings(
            split=self.split,
            length_s=max(6.0, self.samples / SAMPLE_HZ),
            least_entities=self.least_entities,
            most_entities=self.most_entities,
        )
        world = make_world(settings, seed_of(self.split, number))
        window = window_of(world, samples=self.samples)
        points = np.zeros((self.samples, MOST_POINTS, 5), np.float32)
        for place, sweep in enumerate(window.sweeps):
            points[place, : len(sweep)] = sweep[:MOST_POINTS]
        counts = np.array([min(len(sweep), MOST_POINTS) for sweep in window.sweeps])
        both = list(truths(world, np.stack([window.t_s - BEFORE_S, window.t_s], 1).ravel()))
        said = [targets(now, before) for before, now in zip(both[::2], both[1::2], strict=True)]
        return {
            "pictures": window.pictures,
            "event_maps": window.event_maps,
            "sound": window.sound,
            "points": points,
            "counts": counts,
            **{key: np.stack([one[key] for one in said]) for key in said[0]},
        }


def targets(now: Truth, before: Truth) -> Arrays:
    """Return what is true at a moment: things (M, 6), the nearest first and -1 where there is none, and the rest."""
    was_m = {one.id: one.distance_m for one in before.entities}
    own = sorted((one for one in now.entities if is_sensed(one)), key=lambda one: one.distance_m)
    things = np.full((MOST_THINGS, 6), -1.0, np.float32)
    sound, ground = np.zeros(len(KINDS), np.float32), np.zeros(GROUND, np.float32)
    activity = 0
    for place, one in enumerate(own[:MOST_THINGS]):
        nears = (was_m.get(one.id, one.distance_m) - one.distance_m) / BEFORE_S > NEARS_MPS
        kind, colour = KINDS.index(one.kind), HUES.index(one.colour)
        things[place] = kind, colour, one.distance_m, one.bearing_rad, one.is_moving, nears
        activity = max(activity, 3 if nears else 2 if one.is_moving else 1)
        sound[kind] = max(sound[kind], float(is_audible(one)))
        ahead = int(np.floor(one.distance_m * np.cos(one.bearing_rad) / CELL_M))
        across = int(np.floor(GROUND[1] / 2 - one.distance_m * np.sin(one.bearing_rad) / CELL_M))
        if 0 <= ahead < GROUND[0] and 0 <= across < GROUND[1]:
            ground[ahead, across] = 1.0
    return {"things": things, "activity": np.array(activity), "sound_of": sound, "ground": ground}


def is_sensed(one: EntityTruth) -> bool:
    """Say whether any sensor could have it."""
    return is_visible(one) or is_echoing(one) or is_audible(one)


def batch(windows: Sequence[Arrays]) -> dict[str, Tensor]:
    """Stack windows of the same length: every array (B, T, ...)."""
    return {
        key: torch.from_numpy(np.stack([one[key] for one in windows]).astype(_plain(windows[0][key])))
        for key in windows[0]
    }


def true_things(things: Tensor) -> list[TrueThings]:
    """things (R, M, 6) -> those that are there in each row."""
    rows = [row[row[:, 0] >= 0] for row in things]
    return [TrueThings(row[:, 0].long(), row[:, 1].long(), row[:, 2], row[:, 3], row[:, 4], row[:, 5]) for row in rows]


def _plain(array: NDArray[np.generic]) -> np.dtype[np.generic]:
    """Return the type a tensor has of it: few operations take uint16."""
    return np.dtype(np.float32) if array.dtype == np.uint16 else array.dtype
