"""Files of event cameras as packets: what comes out is what was in, on one clock, through pauses and damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from perception.events.arrays import joined
from perception.events.decoders import PacketDecoder
from perception.events.eventfile import PACKET_US, QUIET_US, EventFile, is_event_file
from perception.events.evt3 import WRAP_US
from perception.inputs import DataSample, input_fault
from perception.yard.evt3 import encode
from runtime.messages import EventsInput
from tests.event_words import Event, arrays, drawn, read_evt2, rows, write_evt2

MINUTE_US = 60_000_000
HEADER = b"% evt 2.0\n% geometry 40x30\n% end\n"


def made(path: Path, events: list[Event], tail: bytes = b"") -> Path:
    path.write_bytes(HEADER + write_evt2(events) + tail)
    return path


def played(path: Path, count: int = 7, start_ns: int = 0) -> tuple[list[DataSample], list[Event], EventFile]:
    """Read a file `count` packets at a time; return them, their events, and the reader."""
    file, found = EventFile(path, start_ns=start_ns), []
    while samples := file.read(count):
        found += samples
    file.close()
    decoder, parts = PacketDecoder(), []
    for one in found:
        assert isinstance(one.message, EventsInput)
        assert input_fault(one.message) == ""
        parts.append(decoder.step(one.message))
    return found, rows(joined(parts)), file


def test_packets_hold_all_events_with_times_from_the_first_one_on(tmp_path: Path) -> None:
    events = [(x, y, p, t_us + 5_000_000) for x, y, p, t_us in rows(drawn(1, 3_000, 400_000))]
    samples, found, file = played(made(tmp_path / "a.raw", events))
    first_us = events[0][3]
    assert found == [(x, y, p, t_us - first_us) for x, y, p, t_us in events]
    assert [one.t_ns for one in samples] == [1000 * PACKET_US * number for number in range(40)]
    assert [one.seq for one in samples] == list(range(40))
    assert (file.truncated, file.faults) == (False, [])


def test_a_minute_without_events_is_empty_packets_and_loses_no_time(tmp_path: Path) -> None:
    events = [(1, 2, 1, 0), (3, 4, 0, 10), (5, 6, 1, MINUTE_US + 77)]
    samples, found, _ = played(made(tmp_path / "a.raw", events))
    assert MINUTE_US > 3 * WRAP_US
    assert found == events
    steps = np.diff([one.t_ns for one in samples]) // 1000
    assert steps.max() == QUIET_US


def test_ten_times_the_usual_rate_is_the_same_number_of_packets(tmp_path: Path) -> None:
    usual, _, _ = played(made(tmp_path / "a.raw", rows(drawn(1, 2_000, 100_000))))
    much, found, _ = played(made(tmp_path / "b.raw", rows(drawn(2, 20_000, 100_000))))
    assert len(usual) == len(much) == 10
    assert len(found) == 20_000


def test_events_outside_of_the_sensor_or_out_of_order_are_counted(tmp_path: Path) -> None:
    events = [(1, 2, 1, 1_000), (40, 2, 1, 1_001), (3, 4, 1, 900), (3, 4, 1, 1_100)]
    path = made(tmp_path / "a.raw", events)
    _, found, file = played(path)
    assert found == [(1, 2, 1, 0), (3, 4, 1, 100)]
    assert file.faults == [
        f"{path}: 1 events outside of the sensor were left out",
        f"{path}: 1 events out of order were left out",
    ]


@pytest.mark.parametrize("after_us", [10, 20_000_000 + 3 * 3_600_000_000])
def test_a_clock_that_jumps_goes_on_from_where_it_was(tmp_path: Path, after_us: int) -> None:
    events = [(1, 2, 1, 20_000_000), (3, 4, 1, 20_000_500), (5, 6, 1, after_us), (5, 6, 1, after_us + 7)]
    _, found, file = played(made(tmp_path / "a.raw", events))
    assert [event[3] for event in found] == [0, 500, 501, 508]
    assert file.jumps == 1


def test_a_file_that_breaks_off_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    _, found, file = played(made(tmp_path / "a.raw", [(1, 2, 1, 5), (3, 4, 0, 9)], b"\x00"))
    assert len(found) == 2
    assert file.truncated


def test_garbage_gives_packets_that_can_be_read_and_every_event_is_accounted_for(tmp_path: Path) -> None:
    garbage = np.random.default_rng(3).integers(0, 256, 4_000, np.uint8).tobytes()
    samples, found, file = played(made(tmp_path / "a.raw", [(1, 2, 1, 5)], garbage))
    assert len(found) + file.sieve.outside + file.sieve.disordered == 1 + len(read_evt2(garbage))
    assert (np.diff([one.t_ns for one in samples]) > 0).all()


def test_a_start_in_the_middle_leaves_out_what_ends_before_it(tmp_path: Path) -> None:
    path = made(tmp_path / "a.raw", rows(drawn(1, 500, 100_000)))
    whole, _, _ = played(path)
    later, _, _ = played(path, start_ns=45_000_000)
    assert [one.t_ns for one in later] == [one.t_ns for one in whole[4:]]


def test_evt3_is_read_too(tmp_path: Path) -> None:
    events = arrays([(1, 2, 1, 0), (3, 4, 0, 2 * WRAP_US)])
    words = encode(events.x, events.y, events.p, events.t_us, 0, 2 * WRAP_US + 1)
    (tmp_path / "a.raw").write_bytes(b"% evt 3.0\n% geometry 40x30\n" + words)
    assert played(tmp_path / "a.raw")[1] == rows(events)


def test_only_files_of_event_cameras_are_such_files(tmp_path: Path) -> None:
    (tmp_path / "sound.raw").write_bytes(struct.pack("<8h", *range(8)))
    assert not is_event_file(tmp_path / "sound.raw")
    assert not is_event_file(tmp_path)
    assert not is_event_file(tmp_path / "none.raw")
    assert is_event_file(made(tmp_path / "a.raw", []))


@pytest.mark.data
def test_packets_of_the_sample_hold_every_event(data_dir: Path) -> None:
    samples, found, _ = played(data_dir / "events" / "evt2_sample.raw")
    assert len(found) == 539_481
    assert len(samples) == 6
