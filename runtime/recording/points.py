"""Points in whatever layout they were packed, as float32 columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

POINTS_MAX = 4_000_000
POINT_BYTES_MAX = 4_096


def float_columns(data: bytes, step_bytes: int, layout: Mapping[str, tuple[str, int]]) -> tuple[str, bytes]:
    """Return (names, float32 points) of packed points; `layout` is name -> (NumPy type, offset).

    Left out are fields of unknown types and those without one finite number, then points with a number that is not
    finite. Raises ValueError where the layout does not fit the bytes.
    """
    known = {"_".join(name.split()): spot for name, spot in layout.items() if spot[0] and name.strip()}
    if not {"x", "y", "z"} <= known.keys():
        raise ValueError("points without x, y and z")
    ends = [offset + np.dtype(kind).itemsize for kind, offset in known.values()]
    if not 0 < step_bytes <= POINT_BYTES_MAX or max(ends) > step_bytes or len(data) // step_bytes > POINTS_MAX:
        raise ValueError("points whose fields do not fit their size")
    packed = np.dtype(
        {
            "names": list(known),
            "formats": [kind for kind, _ in known.values()],
            "offsets": [offset for _, offset in known.values()],
            "itemsize": step_bytes,
        }
    )
    points = np.frombuffer(data, packed, len(data) // step_bytes)
    columns = np.empty((len(points), len(known)), "<f4")
    with np.errstate(over="ignore", invalid="ignore"):
        for number, name in enumerate(known):
            columns[:, number] = points[name]
    finite = np.isfinite(columns)
    used = finite.any(axis=0) | np.isin(list(known), ["x", "y", "z"]) | (not len(points))
    names = [name for name, is_used in zip(known, used, strict=True) if is_used]
    return " ".join(names), columns[finite[:, used].all(axis=1)][:, used].tobytes()
