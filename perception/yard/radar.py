"""The 4D radar of the rig: range, azimuth, elevation, radial velocity and echo of what throws its waves back.

It sees by its own waves, so neither night nor fog changes anything; walls hide what is behind them, things do not. What
stands is told from the ground by nothing but its echo, and from a driving rig all that stands comes nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.yard.echoes import Echoes, clutter_of, echoes_of, together
from perception.yard.settings import stream_of
from perception.yard.sightlines import Sightlines
from perception.yard.world import RIG_HEIGHT_M, States, World

RADAR_HZ = 20.0  # in recordings
FURTHEST_M = 45.0
NEAREST_M = 0.4
WIDEST_RAD = float(np.deg2rad(60.0))  # to each side
HIGHEST_RAD = float(np.deg2rad(15.0))  # up and down
STEPS = np.array([0.2, np.deg2rad(1.2), np.deg2rad(2.0), 0.1])  # of range, azimuth, elevation, velocity
RCS_STEP_DB = 0.5
NOISE = 0.5  # deviation of each, in its steps
SNR_DB = 50.0  # of 0 dBsm at 10 m; it falls with the fourth power of the range
THRESHOLD_DB = 12.0
FALSE_ALARMS = 1.5  # a sweep, on average
FASTEST_FALSE_MPS = 15.0
GHOSTS = 0.005  # part of the points that also come back over the rig: twice as far and twice as fast
GHOST_DB = -6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Returns:
    """P points as the antenna sees them."""

    at: NDArray[np.float64]  # (P, 4): range, azimuth (left is positive), elevation, velocity (receding is positive)
    rcs_dbsm: NDArray[np.float64]  # (P,)

    def where(self, which: NDArray[np.bool_]) -> _Returns:
        return _Returns(at=self.at[which], rcs_dbsm=self.rcs_dbsm[which])


class Radar:
    """Sweeps one world; a sweep depends on the seed and its time only, not on the sweeps before it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sightlines = Sightlines(world.walls)
        self._clutter = clutter_of(world)
        self._seed = stream_of(world.seed, "radar")

    def sweep(self, t_s: float) -> NDArray[np.float32]:
        """Return (P, 5): x, y, z in metres forward, left and up of the rig, dBsm, m/s away from it; nearest first."""
        assert t_s >= 0, t_s
        draw = np.random.default_rng((self._seed, round(t_s * 1e6)))
        states = self._world.states(np.array([t_s]))
        eye_m = np.append(states.rig_m[0], RIG_HEIGHT_M)
        echoes = together([self._clutter, *echoes_of(self._world, states, draw, eye_m)])
        fading = 10 * np.log10(draw.standard_exponential(len(echoes.rcs_dbsm)))  # Swerling 1
        returns = _Returns(at=_as_seen(echoes, states, eye_m), rcs_dbsm=echoes.rcs_dbsm + fading)
        is_found = _is_in_view(returns.at) & _is_detected(returns)
        is_found[is_found] = ~self._sightlines.are_blocked(eye_m, echoes.position_m[is_found])
        return _as_points(_with_false(returns.where(is_found), draw), draw)


def _as_seen(echoes: Echoes, states: States, eye_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (P, 4): range, azimuth, elevation and velocity relative to the rig, of all points."""
    away = echoes.position_m - eye_m
    at = seen_from(away, states.rig_heading_rad[:1])
    moves = echoes.velocity_mps - np.append(states.rig_mps[0], 0.0)
    return np.append(at, ((away * moves).sum(axis=1) / at[:, 0])[:, None], axis=1)


def found_share(at: NDArray[np.float64], rcs_dbsm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (P,): how often points at (P, 4) that echo so much stand out while their echo fades (Swerling 1)."""
    least = 10 ** ((THRESHOLD_DB - SNR_DB - rcs_dbsm + 40 * np.log10(at[:, 0] / 10)) / 10)  # of the mean echo
    return np.where(_is_in_view(at), np.exp(-least), 0.0)


def seen_from(away_m: NDArray[np.float64], heading_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (P, 3): range, azimuth and elevation of what is so far away from a rig that looks along its heading."""
    flat = np.hypot(away_m[:, 0], away_m[:, 1])
    range_m = np.maximum(np.hypot(flat, away_m[:, 2]), 1e-6)
    azimuth = (np.arctan2(away_m[:, 1], away_m[:, 0]) - heading_rad + np.pi) % (2 * np.pi) - np.pi
    return np.stack([range_m, azimuth, np.arctan2(away_m[:, 2], flat)], axis=1)


def _is_in_view(at: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_near = (at[:, 0] >= NEAREST_M) & (at[:, 0] <= FURTHEST_M)
    return is_near & (np.abs(at[:, 1]) <= WIDEST_RAD) & (np.abs(at[:, 2]) <= HIGHEST_RAD)


def _is_detected(returns: _Returns) -> NDArray[np.bool_]:
    """Say what stands out of the receiver's noise: the radar equation."""
    return np.asarray(SNR_DB + returns.rcs_dbsm - 40 * np.log10(returns.at[:, 0] / 10) >= THRESHOLD_DB)


def _with_false(found: _Returns, draw: np.random.Generator) -> _Returns:
    """Return what is there with what is not: ghosts over the rig itself, and noise that passed the threshold."""
    ghosts = found.where(draw.random(len(found.at)) < GHOSTS)
    ghosts = _Returns(at=ghosts.at * (2, 1, 1, 2), rcs_dbsm=ghosts.rcs_dbsm + GHOST_DB)
    ghosts = ghosts.where(_is_in_view(ghosts.at) & _is_detected(ghosts))
    count = int(draw.poisson(FALSE_ALARMS))
    low = np.array([NEAREST_M, -WIDEST_RAD, -HIGHEST_RAD, -FASTEST_FALSE_MPS])
    high = np.array([FURTHEST_M, WIDEST_RAD, HIGHEST_RAD, FASTEST_FALSE_MPS])
    alarms = draw.uniform(low, high, (count, 4))
    levels = THRESHOLD_DB - SNR_DB + 40 * np.log10(alarms[:, 0] / 10) + 2 * draw.standard_exponential(count)
    return _Returns(
        at=np.concatenate([found.at, ghosts.at, alarms]),
        rcs_dbsm=np.concatenate([found.rcs_dbsm, ghosts.rcs_dbsm, levels]),
    )


def _as_points(returns: _Returns, draw: np.random.Generator) -> NDArray[np.float32]:
    """Measure with noise, in steps; what falls into one cell of the receiver is one point, the order tells nothing."""
    noisy = returns.at / STEPS + NOISE * draw.standard_normal(returns.at.shape)
    last = np.floor(np.array([FURTHEST_M, WIDEST_RAD, HIGHEST_RAD]) / STEPS[:3] + 1e-9)
    noisy[:, :3] = np.clip(noisy[:, :3], [np.ceil(NEAREST_M / STEPS[0]), -last[1], -last[2]], last)
    cells, of = np.unique(np.round(noisy).astype(np.int64), axis=0, return_inverse=True)
    power = np.zeros(len(cells))
    np.add.at(power, of.reshape(-1), 10 ** (returns.rcs_dbsm / 10))
    range_m, azimuth, elevation, velocity = (cells * STEPS).T
    flat = range_m * np.cos(elevation)
    columns = (flat * np.cos(azimuth), flat * np.sin(azimuth), range_m * np.sin(elevation))
    level = np.round(10 * np.log10(power) / RCS_STEP_DB) * RCS_STEP_DB
    places = [np.round(one, 4) for one in columns]  # so that the last bit of a cosine is nobody's business
    return np.stack([*places, level, np.round(velocity, 1)], axis=1).astype(np.float32) + np.float32(0)  # no -0
