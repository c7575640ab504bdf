"""Recorded sweeps with one activity each: CLASS/NAME.npz, read and cut into windows.

Each file has `t_ns` (N,), `frame` (N,) counted from 0, and `points` (N, 5): x forward m, y right m, z up m, radial
velocity m/s, intensity dB. Windows are those of RadHAR (Singh et al. 2019): 60 sweeps, a new one every 10.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from perception.radar.sweeps import FIELDS, Points, Valid, pack
from runtime.errors import InputError

WINDOW = 60
STRIDE = 10
WIDTH = 40  # points of a sweep that are kept; 38 is the most in RadHAR

SILENT_MAX = 100_000  # an hour of sweeps without a point; a number beyond is damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording of one activity."""

    name: str
    activity: str
    points: Points  # (T, P, 5)
    valid: Valid  # (T, P)

    def starts(self, stride: int = STRIDE) -> range:
        """Return where windows begin."""
        return range(0, len(self.points) - WINDOW + 1, stride)


def read_folder(folder: Path) -> list[Recording]:
    """Read all recordings of a folder, by class and name. Raises InputError where there is none, or a broken one."""
    paths = sorted(folder.glob("*/*.npz"))
    if not paths:
        raise InputError(folder, "holds no CLASS/NAME.npz")
    return [read(path) for path in paths]


def read(path: Path) -> Recording:
    """Read one recording; its folder names the activity. Raises InputError."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            frame, points = np.asarray(file["frame"]), np.asarray(file["points"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(path, f"is no radar recording: {error}") from error
    if points.ndim != 2 or points.shape[1] != FIELDS or frame.shape != points.shape[:1]:
        raise InputError(path, f"has points {points.shape} and frames {frame.shape}, not (N, 5) and (N,)")
    if len(frame) == 0 or frame[0] < 0 or (np.diff(frame) < 0).any():
        raise InputError(path, "has no frames that count up from 0")
    if frame[-1] >= len(frame) + SILENT_MAX:
        raise InputError(path, f"has {int(frame[-1]) + 1} frames for {len(frame)} points")
    padded, valid = pack(list(sweeps(frame, points)), WIDTH)
    return Recording(name=path.stem, activity=path.parent.name, points=padded, valid=valid)


def sweeps(frame: np.ndarray[tuple[int, ...], np.dtype[np.int32]], points: Points) -> Iterator[Points]:
    """Yield the points of each frame from 0 on; a number that is left out has none."""
    borders = np.searchsorted(frame, np.arange(int(frame[-1]) + 2))
    for begin, end in pairwise(borders):
        yield points[begin:end]


def windows(recordings: Sequence[Recording], places: Sequence[tuple[int, int]]) -> tuple[Points, Valid]:
    """Return windows by (which recording, first sweep): points (B, 60, P, 5) and which are real (B, 60, P)."""
    points = np.stack([recordings[which].points[first : first + WINDOW] for which, first in places])
    valid = np.stack([recordings[which].valid[first : first + WINDOW] for which, first in places])
    return points, valid


def first_word(recording: Recording) -> int:
    """Return 1 where a name has the number first (`20_x`), else 0 (`x_20`); leading underscores are nothing."""
    return int(recording.name.lstrip("_")[:1].isdigit())


def last_number(recording: Recording) -> int:
    """Return the number at a name's end, 0 where it has none."""
    found = re.search(r"(\d+)$", recording.name)
    return int(found.group(1)) if found else 0
