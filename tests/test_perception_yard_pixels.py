"""The pixels of the event camera, against one pixel at a time followed crossing by crossing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.pixels import EventSettings, Pixels, log_of
from runtime.errors import ConfigError

STEP_US = 10_000
QUIET = EventSettings(noise_hz=0.0, refractory_us=0)
Event = tuple[int, int, int]  # pixel, p, t_us


def codes(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    return np.array(values, np.uint16)


def seen(rows: list[list[int]], about: EventSettings) -> list[Event]:
    """Return the events of pixels whose brightness is each row in turn, `STEP_US` apart."""
    pixels = Pixels(codes(*rows[0]), 0, about, seed=1)
    found: list[Event] = []
    for number, row in enumerate(rows[1:], 1):
        some = pixels.see(codes(*row), number * STEP_US)
        found += zip(some.pixel.tolist(), some.p.tolist(), some.t_us.tolist(), strict=True)
    return sorted(found, key=lambda event: (event[0], event[2]))


def followed_slowly(rows: list[list[int]], about: EventSettings) -> list[Event]:
    """Do the same for one pixel after another, one threshold after another."""
    found: list[Event] = []
    for pixel, values in enumerate(zip(*rows, strict=True)):
        level, last_us = float(log_of(codes(values[0]))[0]), -(10**9)
        for number, (one, other) in enumerate(pairwise(values)):
            before, now = (float(log_of(codes(value))[0]) for value in (one, other))
            way = about.threshold if now > before else -about.threshold
            while now != before and (now - level) / way >= 1 - 1e-5:
                level += way
                exact_us = number * STEP_US + (level - before) / (now - before) * STEP_US
                if exact_us >= last_us + about.refractory_us - 1e-6:
                    last_us = min(int(exact_us + 1e-6), (number + 1) * STEP_US - 1)
                    found.append((pixel, int(way > 0), last_us))
    return sorted(found, key=lambda event: (event[0], event[2]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6000), min_size=3, max_size=3), min_size=2, max_size=8))
def test_pixels_report_what_one_reports_that_is_followed_slowly(rows: list[list[int]]) -> None:
    mine, slow = seen(rows, QUIET), followed_slowly(rows, QUIET)
    assert [one[:2] for one in mine] == [one[:2] for one in slow]
    np.testing.assert_allclose([one[2] for one in mine], [one[2] for one in slow], atol=1)


def test_a_change_of_three_thresholds_is_three_events_at_equal_steps() -> None:
    about = EventSettings(threshold=float(log_of(codes(3200))[0] - log_of(codes(160))[0]) / 3, refractory_us=0)
    up, down = seen([[160], [3200]], about), seen([[3200], [160]], about)
    assert up == [(0, 1, 3333), (0, 1, 6666), (0, 1, 9999)]
    assert down == [(0, 0, 3333), (0, 0, 6666), (0, 0, 9999)]


def test_small_changes_add_up_to_an_event() -> None:
    slow = [[800 + 40 * number] for number in range(12)]
    assert seen(slow[:4], QUIET) == []
    assert [one[1] for one in seen(slow, QUIET)] == [1, 1]


def test_there_and_back_below_the_threshold_is_nothing() -> None:
    assert seen([[800], [900], [800], [900], [800]], QUIET) == []


@pytest.mark.parametrize("refractory_us", [400, 1_500, 4_000, 30_000])
def test_a_pixel_is_silent_for_its_refractory_time(refractory_us: int) -> None:
    about = EventSettings(noise_hz=0.0, refractory_us=refractory_us)
    rows = [[100], [5000], [300], [301], [4000], [4100], [0]]
    times = [one[2] for one in seen(rows, about)]
    assert 0 < len(times) <= len(seen(rows, QUIET))
    assert all(b - a >= refractory_us - 1 for a, b in pairwise(times))
    assert len(times) == pytest.approx(len(followed_slowly(rows, about)), abs=1)


def test_thresholds_differ_from_pixel_to_pixel_where_asked() -> None:
    rows = [[100] * 400, [5000] * 400]
    counts = [
        np.bincount([one[0] for one in seen(rows, about)], minlength=400)
        for about in (QUIET, EventSettings(mismatch=0.1, refractory_us=0))
    ]
    assert len(set(counts[0].tolist())) == 1
    assert len(set(counts[1].tolist())) > 4
    assert counts[1].mean() == pytest.approx(counts[0].mean(), rel=0.05)


def test_after_a_restart_nothing_of_before_counts() -> None:
    pixels = Pixels(codes(100), 0, QUIET, seed=1)
    pixels.restart(codes(5000), 10)
    assert len(pixels.see(codes(5000), 20).pixel) == 0
    assert pixels.see(codes(100), 30).p.tolist() == [0] * len(seen([[5000], [100]], QUIET))


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 0.0), ("mismatch", 0.5), ("refractory_us", -1), ("noise_hz", 11.0)]
)
def test_pixels_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"yard\.events\.{name}"):
        EventSettings(**{name: value})  # type: ignore[arg-type]
