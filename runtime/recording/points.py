"""Points in whatever layout they were packed, as float32 columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

POINTS_MAX = 4_000_000
POINT_BYTES_MAX = 4_096


def float_columns(data: bytes, step_bytes: int, layout: Mapping[str, tuple[str, int]]) -> tuple[str, bytes]:
    """Return (names, float32 points) of packed points; `layout` is name -> (NumPy type, offset).

    Fields of unknown types are left out, and so are points with a coordinate that is not finite. Raises ValueError
    where the layout does not fit the bytes.
    """
    known = {name: spot for name, spot in layout.items() if spot[0] and name and not name.isspace()}
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
    places = [list(known).index(name) for name in ("x", "y", "z")]
    finite = np.isfinite(columns[:, places]).all(axis=1)
    return " ".join("_".join(name.split()) for name in known), columns[finite].tobytes()
