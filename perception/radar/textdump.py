"""The published text dumps of RadHAR (Singh et al. 2019, nesl/RadHAR): one point after the other, as recordings.

Each point is a ROS message in text, with a line for each field, and `---` after it. A frame begins where `point_id` is
0 again; the numbers within a frame have gaps, as published.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.errors import ConfigError, InputError

WANTED = ("secs", "nsecs", "point_id", "x", "y", "z", "velocity", "intensity")
LINE = re.compile(rf"^\s*({'|'.join(WANTED)}):\s*(\S+)\s*$", re.MULTILINE)

Arrays = dict[str, NDArray[np.generic]]


def convert_folder(source: Path, to: Path, show: Callable[[str], None] = lambda line: None) -> int:
    """Convert all CLASS/NAME.txt below a folder to CLASS/NAME.npz, and return how many there were.

    Raises InputError where there is none, or one that cannot be read, and ConfigError where a file is there already.
    """
    paths = sorted(source.glob("*/*.txt"))
    if not paths:
        raise InputError(source, "holds no CLASS/NAME.txt; name the folder that holds boxing, jack, jump, squats, walk")
    targets = [to / path.parent.name / f"{path.stem}.npz" for path in paths]
    for target in targets:
        if target.exists():
            raise ConfigError(str(target), "is there already; name a new folder")
    for path, target in zip(paths, targets, strict=True):
        arrays = read_dump(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        part.replace(target)
        show(f"{target}  {int(arrays['frame'][-1]) + 1} frames, {len(arrays['frame'])} points")
    return len(paths)


def read_dump(path: Path) -> Arrays:
    """Return t_ns, frame and points of a dump; a last point that breaks off is left out. Raises InputError."""
    try:
        records = path.read_text(encoding="ascii").split("\n---")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"is no radar dump: {error}") from error
    rows = [LINE.findall(one) for one in records]
    if rows and tuple(name for name, _ in rows[-1]) != WANTED:
        rows.pop()  # what follows the last `---`: nothing, or a point that breaks off
    for number, row in enumerate(rows, 1):
        if tuple(name for name, _ in row) != WANTED:
            raise InputError(path, f"is no radar dump: point {number} does not have {', '.join(WANTED)}")
    if not rows:
        raise InputError(path, "is no radar dump: it has no point")
    try:
        return as_arrays([[value for _, value in row] for row in rows])
    except (ValueError, OverflowError) as error:
        raise InputError(path, f"is no radar dump: {error}") from error


def as_arrays(rows: list[list[str]]) -> Arrays:
    """Return the arrays of a recording from rows of text, one a point, in the order of WANTED. Raises ValueError."""
    t_ns = np.array([int(row[0]) * 1_000_000_000 + int(row[1]) for row in rows], np.int64)
    begins = np.array([int(row[2]) == 0 for row in rows])
    begins[0] = True  # a dump may begin within a frame
    points = np.array([[float(value) for value in row[3:]] for row in rows], np.float32)
    return {"t_ns": t_ns, "frame": np.cumsum(begins, dtype=np.int32) - 1, "points": points}
