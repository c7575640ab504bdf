"""Events outside the sensor and out of order: dropped and counted, however the stream is cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from perception.events.arrays import joined
from perception.events.sieve import SET_BACK_US, Sieve
from tests.event_words import Event, arrays, rows

_event = st.tuples(st.integers(0, 12), st.integers(0, 9), st.integers(0, 1), st.integers(0, 4 * SET_BACK_US))


def sifted(events: list[Event]) -> list[Event]:
    """Go through events one by one."""
    kept: list[Event] = []
    newest = last = None
    for x, y, p, t_us in events:
        if x >= 10 or y >= 8:
            continue
        if newest is None or (last is not None and t_us < last - SET_BACK_US):
            newest = t_us
        last = t_us
        if t_us >= newest:
            newest = t_us
            kept.append((x, y, p, t_us))
    return kept


@given(st.lists(_event, max_size=40), st.lists(st.integers(0, 6), max_size=12))
@settings(deadline=None)
def test_chunked_as_whole_as_one_by_one(events: list[Event], sizes: list[int]) -> None:
    sieve, at, parts = Sieve(10, 8), 0, []
    for size in [*sizes, len(events)]:
        parts.append(sieve.step(arrays(events[at : at + size])))
        at += size
    assert rows(joined(parts)) == sifted(events)
    assert sieve.outside + sieve.disordered + len(sifted(events)) == len(events)


def test_what_is_dropped_is_counted_by_its_fault() -> None:
    sieve = Sieve(10, 8)
    kept = sieve.step(arrays([(0, 0, 1, 100), (10, 0, 1, 101), (0, 8, 1, 102), (1, 1, 0, 99), (2, 2, 0, 103)]))
    assert rows(kept) == [(0, 0, 1, 100), (2, 2, 0, 103)]
    assert (sieve.outside, sieve.disordered, sieve.set_back) == (2, 1, 0)


def test_a_clock_that_was_set_back_loses_nothing() -> None:
    sieve = Sieve(10, 8)
    events = [(0, 0, 1, 3 * SET_BACK_US), (1, 1, 1, 5), (2, 2, 1, 6)]
    assert rows(sieve.step(arrays(events))) == events
    assert (sieve.disordered, sieve.set_back) == (0, 1)


def test_a_sensor_of_unknown_size_has_no_outside() -> None:
    sieve = Sieve(0, 0)
    assert len(sieve.step(arrays([(2047, 2047, 1, 1)]))) == 1
    assert sieve.outside == 0
