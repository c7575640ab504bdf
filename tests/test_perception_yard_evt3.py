"""EVT3 words: two other decoders read what was written, over wraps and pauses, in one piece or in packets."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.evt3 import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRAP_US = 1 << 24
Event = tuple[int, int, int, int]  # x, y, p, t_us


def _arrays(
    events: list[Event],
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8], NDArray[np.int64]]:
    x, y, p, t = (np.array([event[part] for event in events], np.int64) for part in range(4))
    return x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), t


def _written(events: list[Event]) -> bytes:
    return encode(*_arrays(events), 0, events[-1][3] + 1 if events else 0)


def _read_slowly(data: bytes, wraps: int = 0) -> list[Event]:
    """Follow the words one by one, as the format's description says."""
    found: list[Event] = []
    row = high = low = 0
    last_high = -1
    for (word,) in struct.iter_unpack("<H", data):
        code, rest = word >> 12, word & 0xFFF
        if code == 0:
            row = rest & 0x7FF
        elif code == 2:
            t_us = wraps * WRAP_US + (high << 12 | low)
            found.append((rest & 0x7FF, row, rest >> 11, t_us))
        elif code == 6:
            low = rest
        elif code == 8:
            wraps += rest < last_high
            high = last_high = rest
        else:
            raise AssertionError(f"code {code}")
    return found


def _drawn(seed: int, count: int, until_us: int) -> list[Event]:
    draw = np.random.default_rng(seed)
    times = np.sort(draw.integers(0, until_us, count))
    columns = (draw.integers(0, most, count) for most in (160, 120, 2))
    return list(zip(*(column.tolist() for column in columns), times.tolist(), strict=True))


def test_the_evt3_package_reads_what_was_written() -> None:
    events = _drawn(1, 20_000, 3_000_000)
    evt3 = pytest.importorskip("evt3")
    read = evt3.decode_bytes(_written(events), sensor_width=160, sensor_height=120)
    for mine, its in zip(_arrays(events), (read.x, read.y, read.polarity, read.timestamp), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_times_beyond_the_wrap_are_read_back_by_both() -> None:
    events = _drawn(2, 300, 60_000_000)
    data = _written(events)
    assert _read_slowly(data) == events
    evt3 = pytest.importorskip("evt3")
    np.testing.assert_array_equal(evt3.decode_bytes(data, 160, 120).timestamp, [event[3] for event in events])


def test_a_pause_longer_than_a_wrap_loses_no_time() -> None:
    events = [(1, 2, 1, 5), (3, 2, 0, 5 + 3 * WRAP_US), (3, 2, 0, 5 + 3 * WRAP_US)]
    data = _written(events)
    assert _read_slowly(data) == events
    evt3 = pytest.importorskip("evt3")
    np.testing.assert_array_equal(evt3.decode_bytes(data, 160, 120).timestamp, [event[3] for event in events])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2047), st.integers(0, 2047), st.integers(0, 1), st.integers(0, 1 << 26)), max_size=40
    )
)
def test_any_events_are_read_back(events: list[Event]) -> None:
    events.sort(key=lambda event: event[3])
    assert _read_slowly(_written(events)) == events


def test_packets_in_a_row_read_like_one() -> None:
    events = _drawn(3, 2_000, 40_000_000)
    packets = []
    for from_us in range(0, 40_000_000, 2_500_000):
        part = [event for event in events if from_us <= event[3] < from_us + 2_500_000]
        packets.append(encode(*_arrays(part), from_us, from_us + 2_500_000))
    stream = b"".join(packets)
    assert _read_slowly(stream) == events
    evt3 = pytest.importorskip("evt3")
    np.testing.assert_array_equal(evt3.decode_bytes(stream, 160, 120).timestamp, [event[3] for event in events])


def test_a_packet_without_events_still_says_the_time() -> None:
    assert encode(*_arrays([]), 3 * 4096 + 7, 5 * 4096) == struct.pack("<HH", 0x8003, 0x8004)


def test_events_that_share_row_and_time_cost_one_word_each() -> None:
    events = [(column, 7, 1, 99) for column in range(10)]
    assert len(_written(events)) == 2 * (1 + 1 + 1 + 10)


@pytest.mark.parametrize(
    ("events", "from_us", "message"),
    [
        ([(0, 0, 0, 9), (0, 0, 0, 8)], 0, "order"),
        ([(0, 0, 0, 9)], 10, "order"),
        ([(0, 0, 0, 20)], 10, "10 to 20"),
        ([(2048, 0, 0, 9)], 0, "outside"),
    ],
)
def test_events_that_cannot_be_written_are_refused(events: list[Event], from_us: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode(*_arrays(events), from_us, 20)
