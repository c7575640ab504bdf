"""Maps of how long ago each pixel last saw something; their state goes on from chunk to chunk, on its device.

Time surface (2, H, W): exp(-(now - T_last) / tau) (Lagorce et al. 2017, HOTS). TORE (2 K, H, W): the K latest times of
each pixel and polarity, on a scale of logarithms from 150 us (1) to 5 s and never (0) (Baldwin et al. 2022,
arXiv:2103.06108). After a pause of more than a second, or a clock that was set back by as much, the state begins anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from perception.events.tensors import EventTensors, last_pause

NEVER_US = -(1 << 60)
NEAREST_US = 150
FARTHEST_US = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceState:
    """The latest times of all pixels (K, 2 * H * W) int64, newest first, and that of the newest event."""

    times_us: Tensor
    newest_us: int | None = None


class TimeSurface:
    """The newest time of each pixel and polarity, fading with `tau_us`."""

    def __init__(self, height_px: int, width_px: int, tau_us: float = 50_000.0) -> None:
        self._fifo = _Latest(1, height_px * width_px)
        self._shape = (2, height_px, width_px)
        self._tau_us = tau_us

    def step(self, events: EventTensors, state: SurfaceState | None = None) -> tuple[Tensor, SurfaceState]:
        """Take the next events, in order; return the map (2, H, W), OFF first, at the newest one, and the state."""
        state = self._fifo.step(events, state)
        return self.at(state, state.newest_us), state

    def at(self, state: SurfaceState, now_us: int | None) -> Tensor:
        """Return the map at a time; at None, where nothing ever came, all is 0."""
        age = _age_us(state, now_us)[0]
        return torch.exp(age / -self._tau_us).view(self._shape)


class Tore:
    """The `depth` latest times of each pixel and polarity."""

    def __init__(self, height_px: int, width_px: int, depth: int = 4) -> None:
        self._fifo = _Latest(depth, height_px * width_px)
        self._shape = (2 * depth, height_px, width_px)

    def step(self, events: EventTensors, state: SurfaceState | None = None) -> tuple[Tensor, SurfaceState]:
        """Take the next events, in order; return the map (2 K, H, W) at the newest one, and the state.

        First the K maps of OFF, newest first, then those of ON.
        """
        state = self._fifo.step(events, state)
        return self.at(state, state.newest_us), state

    def at(self, state: SurfaceState, now_us: int | None) -> Tensor:
        """Return the map at a time; at None, where nothing ever came, all is 0."""
        age = _age_us(state, now_us)  # (K, 2 * H * W)
        near, far = math.log(NEAREST_US), math.log(FARTHEST_US)
        seen = 1 - (torch.log1p(age).clamp(near, far) - near) / (far - near)
        return seen.view(seen.shape[0], 2, -1).transpose(0, 1).reshape(self._shape)


class _Latest:
    """Keeps the `depth` latest times of each of 2 * `size` cells."""

    def __init__(self, depth: int, size: int) -> None:
        self._depth = depth
        self._size = size

    def step(self, events: EventTensors, state: SurfaceState | None) -> SurfaceState:
        """Return the state after the next events; the one that was given stays as it is."""
        if state is None:
            state = SurfaceState(times_us=self._empty(events.t_us.device))
        if not len(events):
            return state
        times_us = state.times_us
        if (start := last_pause(events.t_us, state.newest_us)) is not None:
            times_us, events = self._empty(events.t_us.device), events.since(start)
        cells = events.pixel + self._size * events.p
        newest_us = int(events.t_us[-1])
        if self._depth == 1:  # no need to sort
            newest = times_us[0].scatter_reduce(0, cells, events.t_us, "amax")
            return SurfaceState(times_us=newest[None], newest_us=newest_us)
        return SurfaceState(times_us=self._pushed(times_us, cells, events.t_us), newest_us=newest_us)

    def _pushed(self, times_us: Tensor, cells: Tensor, t_us: Tensor) -> Tensor:
        """Return the times (K, cells) after new ones (N,) were put in front."""
        order = torch.argsort(cells, stable=True)
        touched, counts = torch.unique_consecutive(cells[order], return_counts=True)
        ends = counts.cumsum(0)
        rank = ends.repeat_interleave(counts) - 1 - torch.arange(len(order), device=order.device)  # 0 is the newest
        is_kept = rank < self._depth
        # What was there moves back by as many as came.
        back = torch.arange(self._depth, device=order.device)[:, None] - counts.clamp(max=self._depth)  # (K, touched)
        old = times_us[:, touched].gather(0, back.clamp(min=0))
        pushed = times_us.clone()
        pushed[:, touched] = old
        pushed[rank[is_kept], cells[order][is_kept]] = t_us[order][is_kept]
        return pushed

    def _empty(self, device: torch.device) -> Tensor:
        return torch.full((self._depth, 2 * self._size), NEVER_US, dtype=torch.int64, device=device)


def _age_us(state: SurfaceState, now_us: int | None) -> Tensor:
    """Return how long ago everything was, infinity where it never was."""
    age = ((now_us or 0) - state.times_us).to(torch.float32)
    return torch.where(state.times_us == NEVER_US, torch.inf, age)
