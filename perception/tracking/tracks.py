"""From clusters of one moment to tracks over time: born, confirmed, followed, forgotten; all of it in event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.tracking.assignment import assign
from perception.tracking.clusters import Cluster
from perception.tracking.kalman import ConstantVelocity

TRACKS_MAX = 64
GATE = 14.2  # squared Mahalanobis distance of 3 numbers: 99.7 % of the right ones
GATE_M = 4.0
BIRTH_MPS = 0.5  # along the line of sight, or a cluster begins no track
CONFIRMED_NS = 200_000_000  # from the first to the newest sweep that has it
CONFIRMED_HITS = 4
CONFIRMED_SHARE = 0.5  # of the sweeps since its birth
PATIENCE_NS = 200_000_000  # without a sweep that has it, before it is confirmed
CONFIRMED_PATIENCE_NS = 800_000_000  # and after
TWINS_M, TWINS_MPS = 1.5, 1.5  # two tracks so close are one
NOISE = 4.0  # measurements overlap: each looks at the same sweeps as the three before it
HOLD_M, HOLD_MPS = 1.0, 0.45  # a track is held by points so near to where and how fast it is expected
HOLD_NOISE = 4.0
STANDS_MPS = 0.3  # a track that is slower does not move
LONGEST_STEP_NS = 1_000_000_000  # after a longer pause all begins anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The P points of one sweep that do not move along the line of sight."""

    places_m: NDArray[np.float64]  # (P, 2), in the frame that stands
    toward: NDArray[np.float64]  # (P, 2), unit vectors from the sensor
    speeds_mps: NDArray[np.float64]  # (P,), over ground


@dataclass(slots=True)
class Track:
    """One thing that moves, or did."""

    number: int  # counts from 1, never used twice
    motion: ConstantVelocity
    born_ns: int
    hit_ns: int  # newest sweep that had it
    hits: int = 1
    sweeps: int = 1  # since its birth
    is_confirmed: bool = False


class Tracker:
    """Follows the clusters of one radar in a frame that stands."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.tracks: list[Track] = []
        self._named = 0
        self._t_ns: int | None = None

    def restart(self) -> None:
        """Forget all: the frame is another one."""
        self.tracks, self._t_ns = [], None

    def step(self, clusters: Sequence[Cluster], t_ns: int, standing: Standing) -> list[Track]:
        """Take one sweep's clusters, and its points that seem to stand: what moves across is among them.

        Returns the confirmed tracks that it had, in the order of their birth.
        """
        if self._t_ns is not None and t_ns - self._t_ns > LONGEST_STEP_NS:
            self.restart()
        passed_s = 0.0 if self._t_ns is None else (t_ns - self._t_ns) / 1e9
        self._t_ns = t_ns
        for track in self.tracks:
            track.motion.predict(passed_s)
            track.sweeps += 1
        free = self._follow(clusters, t_ns)
        self._hold(standing, t_ns)
        self._merge()
        self.tracks = [track for track in self.tracks if t_ns - track.hit_ns <= _patience_ns(track)]
        self._bear([clusters[number] for number in free], t_ns)
        return [track for track in self.tracks if track.is_confirmed and track.hit_ns == t_ns]

    def _follow(self, clusters: Sequence[Cluster], t_ns: int) -> list[int]:
        """Give each track its cluster; return the numbers of those that are left."""
        costs = np.full((len(self.tracks), len(clusters)), np.inf)
        for row, track in enumerate(self.tracks):
            for column, one in enumerate(clusters):
                if float(np.hypot(*(one.place_m - track.motion.state[:2]))) <= GATE_M:
                    distance = track.motion.distance(one.place_m, one.toward, one.speed_mps)
                    costs[row, column] = distance if distance <= GATE else np.inf
        pairs = assign(costs)
        for row, column in pairs:
            track, one = self.tracks[row], clusters[column]
            if one.fresh:
                track.motion.update(one.place_m, one.toward, one.speed_mps, NOISE)
                track.hits += 1
                track.hit_ns = t_ns
                track.is_confirmed = track.is_confirmed or _is_sure(track)
        # What is near a track is a part of it: it begins no other one.
        taken = {column for _, column in pairs} | {
            column for column in range(len(clusters)) if np.isfinite(costs[:, column]).any()
        }
        return [column for column in range(len(clusters)) if column not in taken]

    def _hold(self, standing: Standing, t_ns: int) -> None:
        """Follow a confirmed track without a cluster through points that seem to stand where it is expected."""
        for track in self.tracks:
            if not track.is_confirmed or track.hit_ns == t_ns or not len(standing.places_m):
                continue
            speeds = standing.toward @ track.motion.state[2:]
            is_near = np.hypot(*(standing.places_m - track.motion.state[:2]).T) <= HOLD_M
            own = is_near & (np.abs(standing.speeds_mps - speeds) <= HOLD_MPS)
            if own.any():
                aim = standing.toward[own].mean(axis=0)
                aim /= max(float(np.hypot(*aim)), 1e-9)
                place, speed_mps = standing.places_m[own].mean(axis=0), float(standing.speeds_mps[own].mean())
                track.motion.update(place, aim, speed_mps, HOLD_NOISE)
                track.hit_ns = t_ns

    def _bear(self, clusters: Sequence[Cluster], t_ns: int) -> None:
        for one in sorted(clusters, key=lambda one: -one.count):
            if one.fresh and abs(one.speed_mps) >= BIRTH_MPS and len(self.tracks) < TRACKS_MAX:
                self._named += 1
                motion = ConstantVelocity(one.place_m, one.toward, one.speed_mps)
                self.tracks.append(Track(number=self._named, motion=motion, born_ns=t_ns, hit_ns=t_ns))

    def _merge(self) -> None:
        """Drop the younger of two tracks of one thing."""
        kept: list[Track] = []
        for track in sorted(self.tracks, key=lambda one: (not one.is_confirmed, one.number)):
            if not any(_are_twins(track, other) for other in kept):
                kept.append(track)
        self.tracks = sorted(kept, key=lambda one: one.number)


def _is_sure(track: Track) -> bool:
    is_long = track.hit_ns - track.born_ns >= CONFIRMED_NS and track.hits >= CONFIRMED_HITS
    speed_mps = float(np.hypot(*track.motion.state[2:]))
    return is_long and track.hits >= CONFIRMED_SHARE * track.sweeps and speed_mps >= STANDS_MPS


def _patience_ns(track: Track) -> int:
    return CONFIRMED_PATIENCE_NS if track.is_confirmed else PATIENCE_NS


def _are_twins(one: Track, other: Track) -> bool:
    off = one.motion.state - other.motion.state
    return float(np.hypot(*off[:2])) < TWINS_M and float(np.hypot(*off[2:])) < TWINS_MPS
