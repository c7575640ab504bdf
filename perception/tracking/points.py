"""A radar sweep in whatever columns it came, as (P, 7): x, y, z, rcs, v_r, v_r compensated for ego motion, delta t."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runtime.messages import RadarInput

POINTS_MAX = 100_000  # of one sweep; the strongest are kept
X, Y, Z, RCS, V_R, V_COMP, DT = range(7)
# What senders call the columns, best first. Strength is compared within one sweep only, so its unit does not matter.
_NAMES: Mapping[int, tuple[str, ...]] = {
    RCS: ("rcs", "intensity", "power", "snr", "amplitude"),
    V_R: ("v_r", "vr", "doppler", "velocity", "radial_velocity", "doppler_velocity", "range_rate", "speed_radial"),
    V_COMP: ("v_r_comp", "v_r_compensated", "vr_compensated", "vr_comp", "v_comp"),
    DT: ("dt", "delta_t", "time", "time_offset"),
}
_FLAT = {V_R: ("vx", "vy"), V_COMP: ("vx_comp", "vy_comp")}  # nuScenes: the radial speed as a vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One sweep as it is worked with."""

    points: NDArray[np.float32]  # (P, 7), receding is positive; what was not sent is 0
    has_speed: bool  # v_r was sent
    has_compensated: bool  # so was v_r without the ego motion
    dropped: int = 0  # points that were not finite
    excess: int = 0  # points beyond POINTS_MAX, the weakest


def read_sweep(message: RadarInput) -> Sweep:
    """Return the points of a message; fields are matched by name. Raises ValueError where they do not fit its bytes."""
    names = message.fields.lower().split()
    if not names or len(message.payload) % (4 * len(names)):
        raise ValueError(f"{len(message.payload)} bytes are no whole number of points with {len(names)} float32 each")
    return canonical(np.frombuffer(message.payload, "<f4").reshape(-1, len(names)), names)


def canonical(rows: NDArray[np.float32], names: Sequence[str]) -> Sweep:
    """Return rows (P, F) with named columns as a sweep. Raises ValueError without x, y and z."""
    places = {name: number for number, name in enumerate(names)}
    if not {"x", "y", "z"} <= places.keys():
        raise ValueError("points without x, y and z")
    columns = {X: rows[:, places["x"]], Y: rows[:, places["y"]], Z: rows[:, places["z"]]}
    for column, known in _NAMES.items():
        name = next((one for one in known if one in places), None)
        if name is not None:
            columns[column] = rows[:, places[name]]
    for column, (along, across) in _FLAT.items():
        if column not in columns and {along, across} <= places.keys():
            flat = np.hypot(columns[X], columns[Y])
            toward = columns[X] * rows[:, places[along]] + columns[Y] * rows[:, places[across]]
            columns[column] = (toward / np.maximum(flat, np.float32(1e-6))).astype(np.float32)
    points = np.zeros((len(rows), 7), np.float32)
    for column, values in columns.items():
        points[:, column] = values
    finite = np.isfinite(points).all(axis=1)
    kept = points[finite]
    excess = max(0, len(kept) - POINTS_MAX)
    if excess:
        strongest = np.argsort(-kept[:, RCS], kind="stable")[:POINTS_MAX]
        kept = kept[np.sort(strongest)]
    return Sweep(
        points=kept,
        has_speed=V_R in columns,
        has_compensated=V_COMP in columns,
        dropped=len(points) - int(finite.sum()),
        excess=excess,
    )


def directions(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return unit vectors (P, 3) from the sensor to points (P, 7)."""
    places = points[:, :3].astype(np.float64)
    lengths = np.sqrt((places * places).sum(axis=1, keepdims=True))
    return np.asarray(places / np.maximum(lengths, 1e-9))
