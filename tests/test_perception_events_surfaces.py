"""Time surface and TORE: fast equals slow, chunked equals whole, a pause begins anew."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.events.surfaces import SurfaceState, TimeSurface, Tore
from perception.events.tensors import PAUSE_US, to_tensors
from tests.event_words import Event, arrays, drawn, rows

W, H, K = 6, 5, 3
TAU = 40_000.0
Maker = TimeSurface | Tore
MAKERS: list[Maker] = [TimeSurface(H, W, TAU), Tore(H, W, K), Tore(H, W, 1)]

_steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 40)), max_size=40)


def remembered(events: list[Event], depth: int) -> tuple[dict[tuple[int, int, int], list[int]], int]:
    """Return the latest times of each pixel since the last pause, newest first, and the time of the newest event."""
    times: dict[tuple[int, int, int], list[int]] = {}
    last = None
    for x, y, p, t_us in events:
        if last is not None and abs(t_us - last) > PAUSE_US:
            times.clear()
        last = t_us
        times[p, y, x] = [t_us, *times.get((p, y, x), [])][:depth]
    return times, last or 0


def slow_surface(events: list[Event]) -> Tensor:
    found = torch.zeros(2, H, W)
    times, now_us = remembered(events, 1)
    for place, (t_us,) in times.items():
        found[place] = math.exp(-(now_us - t_us) / TAU)
    return found


def slow_tore(events: list[Event], depth: int) -> Tensor:
    found = torch.zeros(2 * depth, H, W)
    times, now_us = remembered(events, depth)
    near, far = math.log(150), math.log(5_000_000)
    for (p, y, x), stamps in times.items():
        for rank, t_us in enumerate(stamps):
            age = min(max(math.log(now_us - t_us + 1), near), far)
            found[p * depth + rank, y, x] = 1 - (age - near) / (far - near)
    return found


def slowly(maker: Maker, events: list[Event]) -> Tensor:
    if isinstance(maker, TimeSurface):
        return slow_surface(events)
    return slow_tore(events, K if maker is MAKERS[1] else 1)


@pytest.mark.parametrize("maker", MAKERS)
@given(steps=_steps, sizes=st.lists(st.integers(0, 9), max_size=8))
@settings(deadline=None, max_examples=60)
def test_chunked_as_whole_as_one_by_one(maker: Maker, steps: list[Event], sizes: list[int]) -> None:
    events, t_us = [], 0
    for x, y, p, step in steps:  # steps of up to 2 s, most of them short
        t_us += 50_000 * step if step > 25 else 97 * step
        events.append((x, y, p, t_us))
    tensors = to_tensors(arrays(events), W)
    whole, _ = maker.step(tensors)
    torch.testing.assert_close(whole, slowly(maker, events), atol=1e-5, rtol=0)
    state: SurfaceState | None = None
    at = 0
    for size in [*sizes, len(events)]:
        found, state = maker.step(tensors.between(min(at, len(events)), min(at + size, len(events))), state)
        at += size
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("maker", MAKERS)
def test_many_events_at_once_are_those_of_the_loop(maker: Maker) -> None:
    events = drawn(8, 2_000, 400_000, W, H)
    found, _ = maker.step(to_tensors(events, W))
    torch.testing.assert_close(found, slowly(maker, rows(events)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("gap_us", [PAUSE_US + 1, -PAUSE_US - 1])
def test_after_a_pause_or_a_clock_set_back_the_state_begins_anew(maker: Maker, gap_us: int) -> None:
    before = to_tensors(arrays([(1, 1, 1, 10 * PAUSE_US)]), W)
    after = to_tensors(arrays([(2, 3, 0, 10 * PAUSE_US + gap_us)]), W)
    _, state = maker.step(before)
    found, _ = maker.step(after, state)
    fresh, _ = maker.step(after)
    torch.testing.assert_close(found, fresh)
    assert int(found.count_nonzero()) == 1


@pytest.mark.parametrize("maker", MAKERS)
def test_a_gap_of_just_a_second_keeps_the_state(maker: Maker) -> None:
    _, state = maker.step(to_tensors(arrays([(1, 1, 1, 10)]), W))
    found, state = maker.step(to_tensors(arrays([(2, 3, 0, 10 + PAUSE_US)]), W), state)
    assert int(state.times_us.gt(0).sum()) == 2
    assert float(found.max()) == 1.0


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_at_all_gives_a_map_of_zeros(maker: Maker) -> None:
    found, state = maker.step(to_tensors(arrays([]), W))
    assert float(found.abs().sum()) == 0
    assert state.newest_us is None


def test_a_map_can_be_asked_for_at_any_later_time() -> None:
    maker = TimeSurface(H, W, TAU)
    _, state = maker.step(to_tensors(arrays([(1, 2, 1, 1_000)]), W))
    assert float(maker.at(state, 1_000 + int(TAU))[1, 2, 1]) == pytest.approx(math.exp(-1))
