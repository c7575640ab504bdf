"""A stream of events as one map for each window of time, whole windows only, however the stream is cut."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from perception.events.grids import Grid
from perception.events.tensors import EventTensors


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowState:
    """The window that is open: its number since time 0 and its map so far (C, H, W)."""

    number: int
    grid: Tensor


class Windows:
    """Cuts event time into windows that begin at multiples of their length; those without events give no map."""

    def __init__(self, grid: Grid, window_us: int) -> None:
        self._grid = grid
        self._window_us = window_us

    def step(
        self, events: EventTensors, state: WindowState | None = None, until_us: int | None = None
    ) -> tuple[list[tuple[int, Tensor]], WindowState | None]:
        """Take the next events, in order; return (start in us, map) of each window that has ended, and the state.

        A window ends with the first event of a later one, or when the stream has come to `until_us`.
        """
        ended: list[tuple[int, Tensor]] = []
        numbers, counts = torch.unique_consecutive(events.t_us // self._window_us, return_counts=True)
        start = 0
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            if state is not None and state.number != number:
                ended.append((state.number * self._window_us, state.grid))
                state = None
            state = self._added(events.between(start, start + count), number, state)
            start += count
        if state is not None and until_us is not None and until_us >= (state.number + 1) * self._window_us:
            ended.append((state.number * self._window_us, state.grid))
            state = None
        return ended, state

    def _added(self, events: EventTensors, number: int, state: WindowState | None) -> WindowState:
        one = self._grid
        if state is None:
            grid = torch.zeros(one.channels, one.height_px, one.width_px, device=events.t_us.device)
        else:
            grid = state.grid.clone()  # a state may be used again
        one.add(grid, events, number * self._window_us, (number + 1) * self._window_us)
        return WindowState(number=number, grid=grid)
