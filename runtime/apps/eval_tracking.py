"""`heedful eval yard-tracking`: what a radar follows in worlds of the yard, against their truth, by day, night, in fog.

Each line is one measure; the last one is the result: `{"type":"result","suite":"yard-tracking","n":...,"recall":...}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from perception.inputs import DataSample
from perception.tracking.points import canonical
from perception.tracking.poses import Poses
from perception.tracking.radar import Mover, RadarTracker
from perception.yard.motion import POSE_HZ, RigMotion
from perception.yard.radar import RADAR_HZ, Radar
from perception.yard.script import make_world
from perception.yard.settings import Light, Split, seed_of
from perception.yard.truth import EntityTruth, Truth, is_echoing
from perception.yard.view import truths
from perception.yard.world import States, World
from runtime.apps.bench_measure import progress
from runtime.apps.yard_worlds import settings_of

NEAR_M = 2.0  # from the middle of a thing
LIGHTS: tuple[Light, ...] = ("day", "night", "fog")  # in turn
FIELDS = "x y z rcs v_r".split()
EVERY = 2  # sweeps; the truth is told ten times a second


@dataclass(slots=True)
class Tally:
    """What was right and wrong in some worlds."""

    found: int = 0  # things that move, at one moment, which a track is near
    missed: int = 0  # that echo, without a track
    wrong: int = 0  # tracks at one moment near nothing that moves
    tracks: int = 0
    false_tracks: int = 0  # that were never near anything that moves
    seconds: float = 0.0
    speed_off: list[float] = field(default_factory=list)  # m/s
    range_off: list[float] = field(default_factory=list)  # m
    bearing_off: list[float] = field(default_factory=list)  # degrees
    approach_off: list[float] = field(default_factory=list)  # m/s

    def add(self, other: Tally) -> None:
        """Take what another one counted."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def as_dict(self) -> dict[str, float]:
        """Return the numbers; of errors the median and the 90th percentile of their size."""
        named = {"speed_mps": self.speed_off, "range_m": self.range_off, "bearing_deg": self.bearing_off}
        errors = {
            f"{name}_{part}": round(float(np.percentile(np.abs(values), share)), 3) if values else float("nan")
            for name, values in (named | {"approach_mps": self.approach_off}).items()
            for part, share in (("p50", 50), ("p90", 90))
        }
        return {
            "recall": round(self.found / max(1, self.found + self.missed), 4),
            "precision": round(self.found / max(1, self.found + self.wrong), 4),
            "false_tracks_min": round(60 * self.false_tracks / max(self.seconds, 1e-9), 3),
            "tracks": self.tracks,
            **errors,
        }


def run_tracking(count: int, length_s: float, *, as_json: bool, split: Split = "test") -> int:
    """Measure with the yard's poses and without, and print; exit code 0 whatever the numbers are."""
    whole = Tally()
    for name, has_poses in (("poses", True), ("no poses", False)):
        by_light = {light: Tally() for light in LIGHTS}
        total = whole if has_poses else Tally()
        for number in range(count):
            progress(f"{name}: world {number + 1} of {count}")
            light = LIGHTS[number % len(LIGHTS)]
            world = make_world(settings_of(split, length_s, light), seed_of(split, number))
            tally = measure(world, has_poses=has_poses)
            total.add(tally)
            by_light[light].add(tally)
        for on, tally in [*((light, one) for light, one in by_light.items() if one.seconds), ("all", total)]:
            line = {"type": "score", "motion from": name, "on": on, **tally.as_dict()}
            print(json.dumps(line) if as_json else "  ".join(f"{key} {value}" for key, value in [*line.items()][1:]))
    scores = whole.as_dict()
    print(json.dumps({"type": "result", "suite": "yard-tracking", "n": count, "length_s": length_s, **scores}))
    return 0


def measure(world: World, *, has_poses: bool) -> Tally:
    """Follow one world's radar; return what was right and wrong."""
    tally, sweeps = Tally(seconds=world.length_s), int(world.length_s * RADAR_HZ)
    radar, tracker, poses = Radar(world), RadarTracker(), Poses()
    known = truths(world, np.arange(sweeps // EVERY) * EVERY / RADAR_HZ)
    near: dict[int, int] = {}  # track -> how often it was near something that moves
    for number, pose in enumerate(RigMotion(world).poses(0, sweeps)):
        t_ns = round(number / POSE_HZ * 1e9)
        poses.put(DataSample(t_ns=t_ns, seq=number, message=pose))
        sweep = canonical(radar.sweep(number / RADAR_HZ), FIELDS)
        movers = tracker.step(sweep, t_ns, poses.at(t_ns) if has_poses else None)
        for mover in movers:
            near.setdefault(mover.track, 0)
        if number % EVERY == 0 and number // EVERY < sweeps // EVERY:
            _compare(next(known), movers, tally, near, world.states(np.array([number / RADAR_HZ])))
    tally.tracks += len(near)
    tally.false_tracks += sum(not times for times in near.values())
    return tally


def _compare(truth: Truth, movers: Sequence[Mover], tally: Tally, near: dict[int, int], at: States) -> None:
    """Pair each track with the nearest thing that moves and is not taken."""
    free = [one for one in truth.entities if one.is_moving]
    for mover in movers:
        within = [(off_m, one) for one in free if (off_m := _apart_m(mover, one)) <= NEAR_M]
        if not within:
            tally.wrong += 1
            continue
        one = min(within, key=lambda pair: pair[0])[1]
        free.remove(one)
        near[mover.track] += 1
        tally.found += 1
        tally.speed_off.append(mover.speed_mps - float(np.hypot(*one.velocity_mps)))
        tally.range_off.append(mover.range_m - one.distance_m)
        tally.bearing_off.append(mover.bearing_deg - float(np.rad2deg(one.bearing_rad)))
        tally.approach_off.append(mover.approach_mps - _closing_mps(one, at))
    tally.missed += sum(map(is_echoing, free))


def _apart_m(mover: Mover, one: EntityTruth) -> float:
    angle = np.deg2rad(mover.bearing_deg) - one.bearing_rad
    square = mover.range_m**2 + one.distance_m**2 - 2 * mover.range_m * one.distance_m * np.cos(angle)
    return float(np.sqrt(max(0.0, square)))


def _closing_mps(one: EntityTruth, at: States) -> float:
    """Return how fast the true distance shrinks."""
    away, moves = np.subtract(one.position_m, at.rig_m[0]), np.subtract(one.velocity_mps, at.rig_mps[0])
    return -float(away @ moves) / max(float(np.hypot(*away)), 1e-6)
