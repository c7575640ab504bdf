"""Maps of the events in a window of time, as scatter-adds on the device of their tensors.

Histogram (2, H, W); voxel grid (B, H, W) with signed events shared between the two nearest bins (Zhu et al. 2019,
arXiv:1812.08156); EST (2B, H, W), the same with polarities apart (Gehrig et al. 2019, arXiv:1904.08245, with a
triangle for its kernel). The edges of the window count, not the first and last event, or the maps of a stream would
depend on where it happens to be quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from perception.events.tensors import EventTensors


class Grid(Protocol):
    """What makes a map of a window; maps of parts of a window add up to that of the whole."""

    @property
    def channels(self) -> int:
        """Return C."""

    @property
    def height_px(self) -> int:
        """Return H."""

    @property
    def width_px(self) -> int:
        """Return W."""

    def add(self, grid: Tensor, events: EventTensors, start_us: int, end_us: int) -> None:
        """Add events from `start_us` on and before `end_us` to a map (C, H, W)."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of OFF and ON events (2, H, W)."""

    height_px: int
    width_px: int
    channels: int = 2

    def add(self, grid: Tensor, events: EventTensors, start_us: int, end_us: int) -> None:
        """Add one for each event."""
        size = self.height_px * self.width_px
        counts = torch.bincount(events.pixel + size * events.p, minlength=2 * size)
        grid += counts.view_as(grid)


@dataclass(frozen=True, slots=True)
class VoxelGrid:
    """Polarity as -1 and 1, shared between bins (B, H, W)."""

    channels: int
    height_px: int
    width_px: int

    def add(self, grid: Tensor, events: EventTensors, start_us: int, end_us: int) -> None:
        """Add each event to the bins around its time."""
        size = self.height_px * self.width_px
        bins, share = _bins(events.t_us, start_us, end_us, self.channels)
        sign = (2 * events.p - 1).to(share.dtype)
        share *= sign
        _add_twice(grid, bins * size + events.pixel, size, sign - share, share)


@dataclass(frozen=True, slots=True)
class SpikeTensor:
    """Polarities apart, OFF first, each shared between bins (2 B, H, W)."""

    bins: int
    height_px: int
    width_px: int

    @property
    def channels(self) -> int:
        """Return the number of maps."""
        return 2 * self.bins

    def add(self, grid: Tensor, events: EventTensors, start_us: int, end_us: int) -> None:
        """Add each event to the bins of its polarity around its time."""
        size = self.height_px * self.width_px
        bins, share = _bins(events.t_us, start_us, end_us, self.bins)
        _add_twice(grid, (events.p * self.bins + bins) * size + events.pixel, size, 1 - share, share)


def window_map(grid: Grid, events: EventTensors, start_us: int, end_us: int) -> Tensor:
    """Return the map (C, H, W) of a window's events."""
    device = events.t_us.device
    made = torch.zeros(grid.channels, grid.height_px, grid.width_px, device=device)
    grid.add(made, events, start_us, end_us)
    return made


def normalised(grid: Tensor) -> Tensor:
    """Return a map (..., H, W) whose cells that are not 0 have mean 0 and variance 1; the others stay 0."""
    is_set = grid != 0
    count = is_set.sum().clamp(min=1)
    centred = torch.where(is_set, grid - grid.sum() / count, 0.0)
    spread = (centred.square().sum() / count).sqrt()
    return centred / torch.where(spread > 0, spread, 1.0)


def _bins(t_us: Tensor, start_us: int, end_us: int, count: int) -> tuple[Tensor, Tensor]:
    """Return each event's earlier bin and the share (N,) of the next one."""
    place = (t_us - start_us).to(torch.float32)
    place *= (count - 1) / (end_us - start_us)
    bins = place.to(torch.int64)  # the floor: none is below 0
    bins.clamp_(max=max(0, count - 2))
    place -= bins
    return bins, place


def _add_twice(grid: Tensor, at: Tensor, size: int, here: Tensor, next_bin: Tensor) -> None:
    """Add to cells and to those one bin later; of a single bin there is no later one, and its share is 0."""
    flat = grid.view(-1)
    flat.index_add_(0, at, here)
    if len(flat) > size:
        flat[size:].index_add_(0, at, next_bin)
