"""A radar from sweeps to records: against the yard's truth, in pieces or whole, with and without poses, bad input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from memory.describe import describe
from perception.inputs import DataSample
from perception.tracking.feed import AT_ONCE, PoseFeed
from perception.tracking.poses import Poses, PoseStream
from perception.tracking.stream import LOST_NS, PIECE_NS, RadarStream
from perception.yard.motion import RigMotion
from perception.yard.radar import Radar
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, seed_of
from runtime.messages import Detection, RadarInput, Record, span_of

STEP_NS = 50_000_000


@cache
def yard() -> tuple[tuple[DataSample, ...], tuple[DataSample, ...]]:
    """Return eight seconds of sweeps and poses of a world in which the rig drives."""
    world = make_world(WorldSettings(split="train", length_s=8, drives=True), seed_of("train", 5))
    radar = Radar(world)
    sweeps = [sample(radar.sweep(number / 20), number) for number in range(160)]
    poses = [
        DataSample(t_ns=number * STEP_NS, seq=number, message=message)
        for number, message in enumerate(RigMotion(world).poses(0, 160))
    ]
    return tuple(sweeps), tuple(poses)


def sample(rows: np.ndarray, number: int, fields: str = "x y z rcs v_r") -> DataSample:
    message = RadarInput(session="s", stream="r", fields=fields, payload=rows.astype("<f4").tobytes())
    return DataSample(t_ns=number * STEP_NS, seq=number, message=message)


class Read:
    """A reader of samples that are there."""

    truncated = False

    def __init__(self, samples: Sequence[DataSample]) -> None:
        self._rest = list(samples)
        self.read_most = 0
        self.is_closed = False

    def read(self, count: int) -> list[DataSample]:
        part, self._rest = self._rest[:count], self._rest[count:]
        self.read_most += len(part)
        return part

    def close(self) -> None:
        self.is_closed = True


def told(sweeps: Sequence[DataSample], poses: Sequence[DataSample] = (), at_once: int = 1) -> list[Detection]:
    feed = PoseFeed(lambda: Read(poses))
    stream, records = RadarStream("s", "r", 0, feed.at, feed.close), list[Record]()
    for start in range(0, len(sweeps), at_once):
        records += stream.step(sweeps[start : start + at_once])
    records += stream.finish()
    return [one for one in records if isinstance(one, Detection)]


def approaching(count: int = 100) -> list[DataSample]:
    """Return a standing sensor's sweeps: ground that stands, and from 0.5 s on a thing that nears at 2 m/s."""
    draw, sweeps = np.random.default_rng(0), []
    azimuth, reach = draw.uniform(-1, 1, 60), draw.uniform(3, 40, 60)
    ground = np.column_stack([reach * np.cos(azimuth), reach * np.sin(azimuth), *np.zeros((3, 60))])
    for number in range(count):
        range_m = 20 - 2 * (number - 10) * STEP_NS / 1e9
        thing = np.tile([range_m * np.cos(0.3), range_m * np.sin(0.3), 0, 5, -2], (3, 1))
        thing[:, :2] += draw.normal(0, 0.1, (3, 2))
        sweeps.append(sample(np.vstack([ground, thing]) if number >= 10 else ground, number))
    return sweeps


def test_what_comes_nearer_is_told_with_range_bearing_speed_and_approach() -> None:
    records = told(approaching())
    assert [one.seq for one in records] == [1, 2, 3]
    assert {one.things[0].ranged.track for one in records if one.things[0].ranged} == {1}
    for one in records:
        (thing,) = one.things
        assert thing.ranged is not None
        assert thing.ranged.range_m == pytest.approx(20 - 2 * (one.end_ns / 1e9 - 0.5), abs=0.3)
        assert thing.ranged.bearing_deg == pytest.approx(np.rad2deg(0.3), abs=1.5)
        assert thing.ranged.speed_mps == pytest.approx(2, abs=0.2)
        assert thing.ranged.approach_mps == pytest.approx(2, abs=0.3)
        assert one.t_ns >= one.end_ns
    assert all(one.end_ns == after.start_ns for one, after in pairwise(records))
    assert describe(records[0]).startswith("track 1: something came nearer from 19.")


def test_pieces_are_cut_and_what_is_lost_is_told_later() -> None:
    sweeps = approaching(60)
    empty = [sample(np.zeros((0, 5)), number) for number in range(60, 100)]
    records = told([*sweeps, *empty])
    first, last = records
    assert first.end_ns - first.start_ns == PIECE_NS
    assert last.t_ns - last.end_ns == pytest.approx(LOST_NS, abs=2 * STEP_NS)


def test_batches_give_what_single_sweeps_give() -> None:
    sweeps, poses = yard()
    single = told(sweeps, poses)
    assert single
    assert single == told(sweeps, poses, 7) == told(sweeps, poses, len(sweeps))


def test_live_poses_give_what_recorded_ones_give() -> None:
    sweeps, poses = yard()
    known = Poses()
    posed, stream, records = PoseStream(known), RadarStream("s", "r", 0, known.at), list[Record]()
    for one, pose in zip(sweeps, poses, strict=True):
        assert posed.step([pose]) == []
        records += stream.step([one])
    assert posed.finish() == []
    assert [*records, *stream.finish()] == told(sweeps, poses)


def test_without_poses_the_sweeps_tell_how_the_sensor_moves() -> None:
    sweeps, poses = yard()

    def seconds(records: Sequence[Detection]) -> float:
        return sum(end_ns - start_ns for start_ns, end_ns in map(span_of, records)) / 1e9

    with_poses, without = told(sweeps, poses), told(sweeps)
    assert seconds(without) == pytest.approx(seconds(with_poses), rel=0.3)


def test_sweeps_that_tell_nothing_give_nothing_and_are_counted() -> None:
    stream = RadarStream("s", "r", 0)
    plain = sample(np.ones((5, 3)), 0, "x y z")
    broken = sample(np.array([[1, 2, 3, 0, 0], [np.nan, 1, 1, 0, 0]]), 1)
    empty = sample(np.zeros((0, 5)), 2)
    assert stream.step([plain, broken, empty, plain]) == []
    assert stream.finish() == []
    assert stream.counters == {
        "sweeps": 3,
        "points": 6,
        "points not finite": 1,
        "points too many": 0,
        "sweeps without speed": 1,
        "sweeps without ego motion": 3,
        "sweeps out of order": 1,
    }
    assert (stream.blind, stream.active_ns) == ("", None)


def test_a_pause_or_another_frame_begins_anew() -> None:
    sweeps = approaching(60)
    later = [replace(one, t_ns=one.t_ns + 60_000_000_000) for one in approaching(60)]
    records = told([*sweeps, *later])
    tracks = [one.things[0].ranged.track for one in records if one.things[0].ranged]
    assert tracks == sorted(tracks)
    assert len(set(tracks)) == 2
    assert all(end_ns - start_ns <= PIECE_NS for start_ns, end_ns in map(span_of, records))


def test_a_feed_reads_no_further_than_it_must_and_closes_at_the_end() -> None:
    _, poses = yard()
    reader = Read(poses)
    feed = PoseFeed(lambda: reader)
    assert feed.at(0) is None
    assert reader.read_most == AT_ONCE
    assert feed.at(4 * STEP_NS) is not None
    assert reader.read_most == AT_ONCE
    assert feed.at(300 * STEP_NS) is None  # the last one is too old
    assert (reader.read_most, reader.is_closed) == (len(poses), True)
    feed.close()
