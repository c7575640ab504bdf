"""Which points belong together: DBSCAN (Ester et al. 1996) over place and speed, and what each cluster measures.

Points are few once what stands is left out, so all pairs are looked at: plain arrays, and the order of points does not
matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POINTS_MAX = 1_000  # all pairs of them are looked at
NEAR_M = 1.5
NEAR_MPS = 2.0  # legs and arms of one person differ by so much
FEWEST = 2  # points near a point, itself included, that make it a core


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What one thing gave: its middle in the frame that stands, and its speed along the line of sight."""

    place_m: NDArray[np.float64]  # (2,)
    toward: NDArray[np.float64]  # (2,): unit vector from the sensor, level
    speed_mps: float  # over ground, receding is positive
    spread_m: float  # deviation of its points
    count: int
    fresh: int  # of its points, those of the newest sweep
    strength: float  # of its strongest point


def dbscan(features: NDArray[np.float64], fewest: int) -> NDArray[np.int64]:
    """Return a label for each of P points (P, F), -1 for noise; points within distance 1 are near.

    Labels count from 0 in the order of the first core points; a border point goes to the nearest core.
    """
    count = len(features)
    labels = np.full(count, -1, np.int64)
    if not count:
        return labels
    squares = (features * features).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * features @ features.T
    near = distances <= 1 + 1e-9
    np.fill_diagonal(near, val=True)
    is_core = near.sum(axis=1) >= fewest
    cores = np.flatnonzero(is_core)
    if not len(cores):
        return labels
    roots = _components(near[np.ix_(cores, cores)])
    _, names = np.unique(roots, return_inverse=True)
    labels[cores] = names.reshape(-1)
    border = np.flatnonzero(~is_core & near[:, cores].any(axis=1))
    if len(border):
        labels[border] = labels[cores[distances[np.ix_(border, cores)].argmin(axis=1)]]
    return labels


def _components(near: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each of C nodes the smallest number of its connected component (C, C)."""
    roots = np.arange(len(near))
    while True:
        least = np.where(near, roots[None, :], len(near)).min(axis=1)
        least = least[least]  # the neighbour's neighbour: long chains take few rounds
        if (least == roots).all():
            return roots
        roots = least


def find_clusters(
    places_m: NDArray[np.float64],
    toward: NDArray[np.float64],
    speeds_mps: NDArray[np.float64],
    ages: NDArray[np.int64],
    strengths: NDArray[np.float64],
) -> list[Cluster]:
    """Return the clusters of P points: places (P, 2), unit vectors (P, 2), speeds, sweeps ago (0: now), strengths."""
    if len(places_m) > POINTS_MAX:
        kept = np.sort(np.argsort(-strengths, kind="stable")[:POINTS_MAX])
        places_m, toward, speeds_mps = places_m[kept], toward[kept], speeds_mps[kept]
        ages, strengths = ages[kept], strengths[kept]
    features = np.column_stack([places_m / NEAR_M, speeds_mps / NEAR_MPS])
    labels = dbscan(features, FEWEST)
    found = []
    for label in range(int(labels.max(initial=-1)) + 1):
        members = labels == label
        if len(np.unique(ages[members])) < 2:
            continue  # in one sweep only: noise has company now and then
        middle = places_m[members].mean(axis=0)
        aim = toward[members].mean(axis=0)
        found.append(
            Cluster(
                place_m=middle,
                toward=aim / max(float(np.hypot(*aim)), 1e-9),
                speed_mps=float(np.median(speeds_mps[members])),
                spread_m=float(np.sqrt(((places_m[members] - middle) ** 2).sum(axis=1).mean())),
                count=int(members.sum()),
                fresh=int((ages[members] == 0).sum()),
                strength=float(strengths[members].max()),
            )
        )
    return found
