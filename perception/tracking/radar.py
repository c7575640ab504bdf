"""From sweeps and poses to things that move: one `step` per sweep, the same at any speed of a replay."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.tracking.clusters import Cluster, find_clusters
from perception.tracking.ego import compensate, estimate_velocity
from perception.tracking.points import RCS, V_COMP, Sweep, directions
from perception.tracking.poses import EgoMotion
from perception.tracking.tracks import STANDS_MPS, Standing, Track, Tracker

SWEEPS = 4  # that are looked at together
OLDEST_NS = 500_000_000  # of them
MOVES_MPS = 0.45  # along the line of sight: two steps of a usual sensor, and what ego motion leaves
HOLDS_NS = 1_000_000_000  # a velocity that a sweep showed is held against others for so long
FASTEST_CHANGE_MPS2 = 10.0  # of the sensor; a sweep that says more is wrong
CHANGE_MPS = 0.3  # and what two estimates differ by at any rate
LONGEST_STEP_NS = 1_000_000_000  # after a longer pause all begins anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """One tracked thing as the sensor has it now."""

    track: int
    range_m: float
    bearing_deg: float  # left of where the sensor looks is positive
    speed_mps: float  # over ground
    approach_mps: float  # how fast the distance shrinks, with the sensor's own motion; positive when nearing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moving:
    """What moves in one sweep, in the frame that stands."""

    t_ns: int
    places_m: NDArray[np.float64]  # (P, 3)
    speeds_mps: NDArray[np.float64]  # (P,), over ground along the line of sight
    aims: NDArray[np.float64]  # (P, 3), unit vectors from the sensor
    strengths: NDArray[np.float64]  # (P,)


class RadarTracker:
    """Everything that is known of one radar; it stays bounded."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.unplaced = 0  # sweeps of which nothing tells how the sensor moved
        self._sweeps: deque[_Moving] = deque(maxlen=SWEEPS)
        self._tracker = Tracker()
        self._epoch: tuple[bool, int] | None = None
        self._drift_m = np.zeros(3)  # of a sensor without poses, added up
        self._estimated: tuple[int, NDArray[np.float64] | None] = (0, None)  # when, velocity
        self._t_ns: int | None = None

    def step(self, sweep: Sweep, t_ns: int, pose: EgoMotion | None) -> list[Mover]:
        """Take the next sweep with how its sensor moves, None where no pose tells; return what moves, by track."""
        if self._t_ns is not None and not 0 < t_ns - self._t_ns <= LONGEST_STEP_NS:
            self._restart()
        ego = pose or self._guess(sweep, t_ns)
        self._t_ns = t_ns
        if ego is None:
            self.unplaced += 1
            return []
        epoch = (pose is not None, ego.epoch)
        if epoch != self._epoch:
            self._restart()
            self._epoch = epoch
        moving, standing = _parted(sweep, t_ns, ego)
        self._sweeps.append(moving)
        tracks = self._tracker.step(self._clusters(t_ns), t_ns, standing)
        return [_seen(track, ego) for track in tracks if np.hypot(*track.motion.state[2:]) >= STANDS_MPS]

    def _guess(self, sweep: Sweep, t_ns: int) -> EgoMotion | None:
        """Return the motion that the sweep itself shows; turns are not seen in it."""
        if not sweep.has_speed:
            return None
        if sweep.has_compensated:  # the sender knows its motion, and does not say it
            velocity = np.zeros(3)
        elif (estimated := self._estimate(sweep, t_ns)) is not None:
            velocity = estimated
        else:
            return None
        passed_s = 0.0 if self._t_ns is None else (t_ns - self._t_ns) / 1e9
        self._drift_m = self._drift_m + velocity * passed_s
        return EgoMotion(rotation=np.eye(3), position_m=self._drift_m, velocity_mps=velocity)

    def _estimate(self, sweep: Sweep, t_ns: int) -> NDArray[np.float64] | None:
        """Return the sensor's velocity as the sweep shows it, None where it cannot have got there from just before."""
        since_ns, before = self._estimated
        known = before if before is not None and t_ns - since_ns <= HOLDS_NS else None
        found = estimate_velocity(sweep.points, known)
        if found is None or (known is not None and not _can_follow(known, found.velocity_mps, t_ns - since_ns)):
            return None
        self._estimated = t_ns, found.velocity_mps
        return found.velocity_mps

    def _restart(self) -> None:
        self._sweeps.clear()
        self._tracker.restart()
        self._drift_m = np.zeros(3)
        self._t_ns = None

    def _clusters(self, t_ns: int) -> list[Cluster]:
        """Cluster the newest sweeps where their points are now: each went on along its line of sight."""
        recent = [one for one in self._sweeps if t_ns - one.t_ns <= OLDEST_NS]
        ages = np.concatenate([np.full(len(one.speeds_mps), len(recent) - 1 - at) for at, one in enumerate(recent)])
        moved = [one.places_m + one.aims * (one.speeds_mps * ((t_ns - one.t_ns) / 1e9))[:, None] for one in recent]
        return find_clusters(
            np.concatenate(moved)[:, :2],
            np.concatenate([one.aims for one in recent])[:, :2],
            np.concatenate([one.speeds_mps for one in recent]),
            ages,
            np.concatenate([one.strengths for one in recent]),
        )


def _parted(sweep: Sweep, t_ns: int, ego: EgoMotion) -> tuple[_Moving, Standing]:
    """Return what moves and what seems to stand, in the frame that stands."""
    points = sweep.points if sweep.has_compensated else compensate(sweep.points, ego.velocity_mps)
    if not sweep.has_speed and not sweep.has_compensated:
        points = points[:0]
    places = ego.to_frame(points[:, :3].astype(np.float64))
    speeds, aims = points[:, V_COMP].astype(np.float64), directions(points) @ ego.rotation.T
    moves = np.abs(speeds) >= MOVES_MPS
    moving = _Moving(
        t_ns=t_ns,
        places_m=places[moves],
        speeds_mps=speeds[moves],
        aims=aims[moves],
        strengths=points[moves, RCS].astype(np.float64),
    )
    return moving, Standing(places_m=places[~moves, :2], toward=aims[~moves, :2], speeds_mps=speeds[~moves])


def _can_follow(before: NDArray[np.float64], after: NDArray[np.float64], passed_ns: int) -> bool:
    return float(np.hypot(*(after - before)[:2])) <= CHANGE_MPS + FASTEST_CHANGE_MPS2 * passed_ns / 1e9


def _seen(track: Track, ego: EgoMotion) -> Mover:
    """Return a track in the sensor's own axes; its height is not followed, and taken as the sensor's."""
    x, y, vx, vy = track.motion.state.tolist()
    away = ego.from_frame(np.array([[x, y, float(ego.position_m[2])]]))[0]
    relative = np.array([vx, vy, 0.0]) @ ego.rotation - ego.velocity_mps
    range_m = float(np.hypot(away[0], away[1]))
    closing = -float(away[:2] @ relative[:2]) / max(range_m, 1e-6)
    return Mover(
        track=track.number,
        range_m=range_m,
        bearing_deg=float(np.rad2deg(np.arctan2(away[1], away[0]))),
        speed_mps=float(np.hypot(vx, vy)),
        approach_mps=closing,
    )
