"""An event camera from packets to records: movements with places, flashes, blindness, and bad input of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perception.events.activity import WINDOW_NS
from perception.events.arrays import Events, joined
from perception.events.clock import AHEAD_NS
from perception.events.evt3 import WRAP_US
from perception.events.stream import EventStream
from perception.inputs import DataSample
from perception.recorded import RecordedData
from perception.recording import probe_recording
from perception.yard.eventcam import EventCamera
from perception.yard.evt3 import encode
from runtime.messages import EventsInput, Motion, Record
from tests.test_perception_yard_eventcam import LENS, passing

W, H = 160, 120
PACKET_US = 10_000
S = 1_000_000_000


def scene(seed: int, seconds: float, things: Sequence[tuple[float, float, int]] = (), noise_hz: float = 0.1) -> Events:
    """Return noise, and from `start_s` to `end_s` a square of 24 pixels at column x that flickers."""
    draw = np.random.default_rng(seed)
    until_us = round(seconds * 1e6)
    count = draw.poisson(noise_hz * W * H * seconds)
    parts = [(draw.integers(0, W, count), draw.integers(0, H, count), draw.integers(0, until_us, count))]
    for start_s, end_s, x in things:
        many = round(4_000 * (end_s - start_s))
        t_us = draw.integers(round(start_s * 1e6), round(end_s * 1e6), many)
        parts.append((x + draw.integers(0, 24, many), 40 + draw.integers(0, 24, many), t_us))
    xs, ys, ts = (np.concatenate([part[number] for part in parts]) for number in range(3))
    order = np.argsort(ts, kind="stable")
    p = draw.integers(0, 2, len(order), np.uint8)
    return Events(x=xs[order].astype(np.uint16), y=ys[order].astype(np.uint16), p=p, t_us=ts[order])


def packets(events: Events, until_us: int, base_ns: int = 0, sensor_us: int = 0) -> list[DataSample]:
    """Return packets of 10 ms; the sensor's clock shows `sensor_us` at the beginning."""
    found = []
    for seq, from_us in enumerate(range(0, until_us, PACKET_US)):
        part = events.take((events.t_us >= from_us) & (events.t_us < from_us + PACKET_US))
        start_us = from_us + sensor_us
        words = encode(part.x, part.y, part.p, part.t_us + sensor_us, start_us, start_us + PACKET_US)
        found.append(sample(base_ns + from_us * 1000, seq, words))
    return found


def sample(t_ns: int, seq: int, words: bytes, encoding: str = "evt3", size: tuple[int, int] = (W, H)) -> DataSample:
    message = EventsInput(
        session="s", stream="dvs", encoding=encoding, width_px=size[0], height_px=size[1], payload=words
    )
    return DataSample(t_ns=t_ns, seq=seq, message=message)


def seen(samples: Sequence[DataSample], at_once: int = 1) -> tuple[list[Motion], EventStream]:
    stream, records = EventStream("s", "dvs", 0, 3.0), list[Record]()
    for start in range(0, len(samples), at_once):
        found = stream.step(samples[start : start + at_once])
        assert all(one.t_ns <= samples[min(len(samples), start + at_once) - 1].t_ns for one in found)
        records += found
    records += stream.finish()
    return [one for one in records if isinstance(one, Motion)], stream


def spans(motions: Sequence[Motion]) -> list[tuple[float, float]]:
    """Join the pieces that touch, in seconds."""
    joined_spans: list[tuple[float, float]] = []
    for one in motions:
        start_s = one.start_ns / S
        if joined_spans and joined_spans[-1][1] == start_s:
            start_s = joined_spans.pop()[0]
        joined_spans.append((start_s, one.end_ns / S))
    return joined_spans


def test_a_movement_is_told_with_its_time_and_place() -> None:
    motions, stream = seen(packets(scene(1, 6, [(2, 4, 8)]), 6_000_000))
    assert spans(motions) == [pytest.approx((2.05, 4.0), abs=0.051)]
    assert [one.seq for one in motions] == [1, 2, 3]
    assert all(one.t_ns >= one.end_ns for one in motions)
    for one in motions:
        [(x0, y0, x1, y1)] = one.boxes
        assert (x0, y0, x1, y1) == pytest.approx((8 / W, 40 / H, 32 / W, 64 / H), abs=1e-4)
    assert (stream.blind, stream.active_ns) == ("", None)


def test_noise_is_no_movement() -> None:
    motions, stream = seen(packets(scene(2, 5), 5_000_000))
    assert motions == []
    assert stream.counters["events"] > 0


def test_batches_give_what_single_packets_give() -> None:
    samples = packets(scene(3, 5, [(1, 2, 8), (2.5, 4.2, 120)]), 5_000_000)
    assert seen(samples, 1)[0] == seen(samples, 32)[0] == seen(samples, len(samples))[0]


def test_over_wraps_of_the_counter_nothing_is_lost() -> None:
    events = scene(4, 6, [(2, 4, 8)])
    plain, _ = seen(packets(events, 6_000_000))
    wrapped, stream = seen(packets(events, 6_000_000, sensor_us=WRAP_US - 3_000_000))
    assert wrapped == plain
    assert stream.counters["wraps"] == 1
    assert stream.counters["out of order"] == stream.counters["clock jumps"] == 0


def test_the_sensors_clock_may_be_hours_from_ours() -> None:
    events = scene(5, 4, [(1, 3, 8)])
    plain, _ = seen(packets(events, 4_000_000, base_ns=1_700_000_000 * S))
    other, _ = seen(packets(events, 4_000_000, base_ns=1_700_000_000 * S, sensor_us=7_200_000_000))
    assert plain == other
    assert spans(plain)[0][0] == pytest.approx(1_700_000_001.05, abs=0.051)


def test_a_pause_ends_a_movement_and_what_follows_is_another_one() -> None:
    first = packets(scene(6, 2, [(0.5, 2, 8)]), 2_000_000)
    later = packets(scene(7, 3, [(1, 2, 8)]), 3_000_000, base_ns=10 * S, sensor_us=10_000_000)
    motions, _ = seen([*first, *later])
    assert [tuple(map(round, span)) for span in spans(motions)] == [(1, 2), (11, 12)]


def test_without_any_event_for_a_minute_it_is_blind_until_one_comes() -> None:
    stream = EventStream("s", "dvs", 0, 3.0)
    for one in packets(scene(8, 1), 1_000_000):
        stream.step([one])
    assert stream.blind == ""
    quiet = [sample((1 + second) * S, 100 + second, b"") for second in range(60)]
    blinds = []
    for one in quiet:
        assert stream.step([one]) == []
        blinds.append(stream.blind)
    assert set(blinds[:3]) == {""}
    assert set(blinds[4:]) == {"no events"}
    assert stream.blind_since_ns == pytest.approx(S, abs=0.1 * S)
    stream.step(packets(scene(9, 0.1), 100_000, base_ns=61 * S, sensor_us=61_000_000))
    assert (stream.blind, stream.blind_since_ns) == ("", None)


def test_a_flash_is_told_although_it_is_short() -> None:
    events = scene(10, 3)
    draw = np.random.default_rng(11)
    t_us = np.sort(draw.integers(1_501_000, 1_540_000, 8 * W * H // 10))
    at = draw.integers(0, W * H, len(t_us))
    flash = Events(x=(at % W).astype(np.uint16), y=(at // W).astype(np.uint16), p=np.ones(len(at), np.uint8), t_us=t_us)
    both = joined([events, flash])
    motions, _ = seen(packets(both.take(np.argsort(both.t_us, kind="stable")), 3_000_000))
    [motion] = motions
    assert motion.boxes == ((0.0, 0.0, 1.0, 1.0),)
    assert motion.area > 0.6
    assert (motion.start_ns, motion.end_ns) == (1_500_000_000, 1_550_000_000)


def test_ten_times_the_usual_rate_is_taken_whole() -> None:
    events = scene(12, 3, [(1, 2, 8)], noise_hz=1.0)
    motions, stream = seen(packets(events, 3_000_000))
    assert stream.counters["events"] == len(events)
    assert stream.counters["too many"] == 0
    assert any(one.start_ns < 1.5 * S < one.end_ns for one in motions)


def test_events_outside_or_out_of_order_are_counted_and_change_nothing() -> None:
    samples = packets(scene(13, 4, [(1, 3, 8)]), 4_000_000)
    plain, _ = seen(samples)
    stray = np.array([0x0000 | 2000, 0x2000 | 5], "<u2").tobytes()  # a row far below the picture
    motions, stream = seen([replace(one, message=_longer(one.message, stray)) for one in samples])
    assert motions == plain
    assert stream.counters["outside"] == len(samples)


def _longer(message: object, words: bytes) -> EventsInput:
    assert isinstance(message, EventsInput)
    return replace(message, payload=message.payload + words)


def test_a_sensor_that_changes_its_size_begins_anew() -> None:
    samples = packets(scene(14, 2, [(0.5, 2, 8)]), 2_000_000)
    later = [
        sample(one.t_ns + 2 * S, one.seq, one.message.payload, size=(320, 240))
        for one in packets(scene(15, 2, [(0.5, 2, 8)]), 2_000_000)
        if isinstance(one.message, EventsInput)
    ]
    motions, stream = seen([*samples, *later])
    assert {one.boxes[0][2] for one in motions} == {32 / W, 32 / 320}
    assert stream.counters["outside"] == 0


@pytest.mark.parametrize("encoding", ["evt2", "evt3", "libcaer_cmp"])
def test_garbage_neither_fails_nor_piles_up(encoding: str) -> None:
    draw = np.random.default_rng(16)
    stream = EventStream("s", "dvs", 0, 3.0)
    for seq in range(200):
        words = draw.integers(0, 256, 4_000, np.uint8).tobytes()
        for one in stream.step([sample(seq * 10_000_000, seq, words, encoding)]):
            assert one.t_ns <= seq * 10_000_000
    for one in stream.finish():
        assert isinstance(one, Motion)
        assert 0 <= one.start_ns <= one.end_ns <= one.t_ns <= 2 * S + AHEAD_NS + WINDOW_NS


def test_an_encoding_that_nobody_knows_is_counted() -> None:
    motions, stream = seen([sample(0, 0, b"abcd", "mp4")])
    assert motions == []
    assert stream.counters["unreadable packets"] == 1


@pytest.mark.data
def test_the_sample_moves_where_its_pictures_show_it(data_dir: Path) -> None:
    recording = probe_recording(data_dir / "events" / "event_camera_test_events_1.db3")
    reader, samples = RecordedData(recording.tracks[0], recording), list[DataSample]()
    while part := reader.read(64):
        samples += part
    reader.close()
    motions, stream = seen(samples, 32)
    counters = stream.counters
    assert counters["events"] == 218_291 + 125_183
    assert {name for name, count in counters.items() if count} == {"events", "events/s"}
    assert spans(motions) == [pytest.approx((0.1, 2.07), abs=0.06)]


def test_of_the_yard_it_says_where_a_truck_passes() -> None:
    camera = EventCamera(passing(2.0))
    samples = [
        sample(
            number * S // 5, number, camera.packet(number / 5, (number + 1) / 5), size=(LENS.width_px, LENS.height_px)
        )
        for number in range(20)
    ]
    motions, _ = seen(samples)
    assert spans(motions) == [pytest.approx((0.1, 3.8), abs=0.06)]  # the stamp of the last packet
    middles = [(one.boxes[0][0] + one.boxes[0][2]) / 2 for one in motions]
    assert middles == sorted(middles)  # from left to right
    assert middles[0] < 0.5 < middles[-1]
