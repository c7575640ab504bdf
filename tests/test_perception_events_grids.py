"""Maps of windows: scatter-adds equal loops, parts add up to the whole, a stream's windows do not depend on chunks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from perception.events.arrays import Events
from perception.events.grids import Grid, Histogram, SpikeTensor, VoxelGrid, normalised, window_map
from perception.events.tensors import to_tensors
from perception.events.windows import Windows
from tests.event_words import arrays, drawn, rows

W, H, B = 12, 9, 5
START, END = 1_000, 51_000
GRIDS: list[Grid] = [Histogram(H, W), VoxelGrid(B, H, W), VoxelGrid(1, H, W), SpikeTensor(B, H, W)]


def slowly(grid: Grid, events: Events, start_us: int, end_us: int) -> Tensor:
    """Add one event after the other, as the papers' sums say."""
    found = torch.zeros(grid.channels, H, W, dtype=torch.float64)
    for x, y, p, t_us in rows(events):
        if isinstance(grid, Histogram):
            found[p, y, x] += 1
            continue
        bins = grid.bins if isinstance(grid, SpikeTensor) else grid.channels
        place = (bins - 1) * (t_us - start_us) / (end_us - start_us)
        for one in range(bins):
            share = max(0.0, 1 - abs(place - one))
            if isinstance(grid, SpikeTensor):
                found[p * bins + one, y, x] += share
            else:
                found[one, y, x] += (2 * p - 1) * share
    return found


def some_events(count: int = 400) -> Events:
    events = drawn(4, count, END - START, W, H)
    return Events(x=events.x, y=events.y, p=events.p, t_us=events.t_us + START)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("count", [0, 1, 400])
def test_scatter_adds_equal_the_loop(grid: Grid, count: int) -> None:
    events = some_events(count)
    found = window_map(grid, to_tensors(events, W), START, END)
    assert found.shape == (grid.channels, H, W)
    torch.testing.assert_close(found.double(), slowly(grid, events, START, END), atol=1e-5, rtol=0)


@pytest.mark.parametrize("grid", GRIDS)
def test_parts_of_a_window_add_up_to_the_whole(grid: Grid) -> None:
    events = to_tensors(some_events(), W)
    whole = window_map(grid, events, START, END)
    parts = torch.zeros_like(whole)
    for start in range(0, 400, 37):
        grid.add(parts, events.between(start, min(400, start + 37)), START, END)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("grid", GRIDS)
@given(sizes=st.lists(st.integers(0, 120), max_size=8))
@settings(deadline=None, max_examples=20)
def test_a_stream_gives_the_same_maps_however_it_is_cut(grid: Grid, sizes: list[int]) -> None:
    events = to_tensors(drawn(6, 300, 200_000, W, H), W)
    windows = Windows(grid, 10_000)
    whole, _ = windows.step(events, None, 200_000)
    state, at, parts = None, 0, []
    for size in [*sizes, len(events)]:
        ended, state = windows.step(events.between(min(at, 300), min(at + size, 300)), state)
        parts += ended
        at += size
    ended, state = windows.step(events.since(300), state, 200_000)
    assert state is None
    parts += ended
    assert [start for start, _ in parts] == [start for start, _ in whole] == list(range(0, 200_000, 10_000))
    for (_, one), (start_us, other) in zip(parts, whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
        mine = drawn(6, 300, 200_000, W, H)
        inside = (mine.t_us >= start_us) & (mine.t_us < start_us + 10_000)
        expected = slowly(grid, mine.take(inside), start_us, start_us + 10_000)
        torch.testing.assert_close(other.double(), expected, atol=1e-4, rtol=0)


def test_a_minute_without_events_costs_no_maps() -> None:
    events = to_tensors(arrays([(1, 2, 1, 5), (1, 2, 1, 60_000_000)]), W)
    ended, state = Windows(Histogram(H, W), 10_000).step(events)
    assert [start for start, _ in ended] == [0]
    assert state is not None
    assert (state.number, float(state.grid.sum())) == (6_000, 1.0)


def test_a_state_may_be_used_again() -> None:
    windows, events = Windows(Histogram(H, W), 10_000), to_tensors(arrays([(1, 2, 1, 5)]), W)
    _, state = windows.step(events)
    _, once = windows.step(events, state)
    _, twice = windows.step(events, state)
    assert once is not None
    assert twice is not None
    assert float(once.grid.sum()) == float(twice.grid.sum()) == 2.0


def test_cells_that_are_set_get_mean_0_and_variance_1() -> None:
    grid = window_map(VoxelGrid(B, H, W), to_tensors(some_events(), W), START, END)
    found = normalised(grid)
    cells = found[grid != 0].double()
    assert math.isclose(float(cells.mean()), 0, abs_tol=1e-5)
    assert math.isclose(float(cells.var(correction=0)), 1, rel_tol=1e-5)
    assert float(found[grid == 0].abs().sum()) == 0


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_maps_without_any_spread_stay_finite(value: float) -> None:
    assert float(normalised(torch.full((2, 3, 3), value)).abs().sum()) == 0


def test_events_on_the_edges_stay_in_their_map() -> None:
    events = arrays([(0, 0, 1, START), (W - 1, H - 1, 1, END - 1)])
    found = window_map(VoxelGrid(B, H, W), to_tensors(events, W), START, END)
    np.testing.assert_allclose([found[0, 0, 0], found[-1, -1, -1]], [1, 1], atol=1e-3)
    assert float(found.sum()) == pytest.approx(2, abs=1e-5)
