"""Media time only moves forward, whatever the timestamps do."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from perception.mediaclock import MediaClock

S = 1_000_000_000
PERIOD_NS = S // 25
stamps = st.lists(st.none() | st.integers(-(2**62), 2**62) | st.integers(0, 30 * S), min_size=1, max_size=60)


def run(origin_ns: int | None, pts_ns: list[int | None]) -> tuple[list[int], int]:
    clock = MediaClock(origin_ns)
    times: list[int] = []
    for pts in pts_ns:
        times.append(clock.step(pts, times[-1] + PERIOD_NS if times else 0))
    return times, clock.jumps


@given(stamps, st.none() | st.integers(-(2**40), 2**40))
def test_time_never_stands_still_or_goes_back(pts_ns: list[int | None], origin_ns: int | None) -> None:
    times, _ = run(origin_ns, pts_ns)
    assert times[0] >= 0
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_believable_times_are_kept_relative_to_the_origin() -> None:
    assert run(5 * S, [7 * S, 8 * S, 17 * S]) == ([2 * S, 3 * S, 12 * S], 0)


def test_without_an_origin_the_first_stamp_is_zero() -> None:
    assert run(None, [7 * S, 8 * S]) == ([0, S], 0)


def test_absent_stamps_follow_the_expectation() -> None:
    assert run(0, [0, None, None, S]) == ([0, PERIOD_NS, 2 * PERIOD_NS, S], 0)


def test_jumps_either_way_are_bridged_and_counted() -> None:
    times, jumps = run(0, [0, S, 100 * S, 101 * S, 3 * S, 4 * S])
    assert times == [0, S, S + PERIOD_NS, 2 * S + PERIOD_NS, 2 * S + 2 * PERIOD_NS, 3 * S + 2 * PERIOD_NS]
    assert jumps == 2


def test_a_small_step_back_does_not_shift_what_follows() -> None:
    times, jumps = run(0, [0, S, S - PERIOD_NS, 2 * S])
    assert times == [0, S, S + 1, 2 * S]
    assert jumps == 0
