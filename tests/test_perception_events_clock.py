"""The sensor's clock on the stream's, and windows that wait for their end in bounded room."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.events.clock import AHEAD_NS, APART_NS, SensorClock, WindowSorter

MS = 1_000_000


def micro(*times: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(times, np.int64)


def test_both_clocks_go_alike_from_the_first_event_on() -> None:
    clock = SensorClock()
    assert clock.step(micro(5_000, 5_001), 70 * MS).tolist() == [70 * MS, 70 * MS + 1_000]
    # a stamp that jitters does not move them
    assert clock.step(micro(15_000), 85 * MS).tolist() == [80 * MS]
    assert clock.jumps == 0


def test_a_sensor_clock_that_is_set_anew_begins_at_its_packet() -> None:
    clock = SensorClock()
    clock.step(micro(60_000_000), 0)
    assert clock.step(micro(10, 20), 10 * MS).tolist() == [10 * MS, 10 * MS + 10_000]
    assert clock.step(micro(10 + APART_NS // 1000 + 20_000), 10 * MS).tolist() == [10 * MS]
    assert clock.jumps == 2


def test_a_sensor_that_disagrees_by_hours_in_one_packet_is_held() -> None:
    assert SensorClock().step(micro(0, 7_200_000_000), 5).tolist() == [5, 5 + AHEAD_NS]


@given(st.lists(st.integers(0, 400), max_size=40), st.lists(st.integers(0, 9), max_size=8))
@settings(deadline=None)
def test_every_event_comes_out_once_in_the_window_of_its_time(times: list[int], sizes: list[int]) -> None:
    times.sort()
    sorter, at, found = WindowSorter(10), 0, dict[int, list[int]]()
    for size in [*sizes, len(times)]:
        part = np.array(times[at : at + size], np.int64)
        sorter.add(part, part)
        if len(part):
            for end_ns, pixels in sorter.ended(int(part[-1]), 100):
                found[end_ns] = pixels.tolist()
        at += size
    for end_ns, pixels in sorter.ended(sorter.rest_ns() or 0, 100):
        found[end_ns] = pixels.tolist()
    assert sorted(value for values in found.values() for value in values) == times
    assert all(end_ns - 10 <= value < end_ns for end_ns, values in found.items() for value in values)
    assert sorter.rest_ns() is None


def test_empty_windows_are_told_of_but_not_those_of_a_long_pause() -> None:
    sorter = WindowSorter(10)
    sorter.add(micro(5), micro(1))
    assert [end_ns for end_ns, _ in sorter.ended(45, 100)] == [10, 20, 30, 40]
    sorter.add(micro(60_005), micro(2))
    assert sorter.ended(60_000, 100) == []
    assert [end_ns for end_ns, _ in sorter.ended(60_010, 100)] == [60_010]


def test_a_window_holds_a_bounded_number_of_events_and_the_rest_is_counted() -> None:
    sorter = WindowSorter(10, most=3)
    for _ in range(4):
        sorter.add(micro(1, 2), micro(7, 8))
    [(_, pixels)] = sorter.ended(10, 100)
    assert len(pixels) == 3
    assert sorter.lost == 5
