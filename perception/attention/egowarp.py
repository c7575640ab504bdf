"""History in motion: maps of the ground from before, moved to where their content is now, joined to the present one.

MetaOcc (2025, arXiv:2501.15384), its temporal fusion; the paper has no code, and this is our reading. A pose turns and
shifts points of the vehicle into those of the world. What was out of sight is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Which part of the vehicle's plane a map (B, C, Y, X) covers: from the outer corner of its first cell."""

    left_m: float  # the smallest x
    top_m: float  # the smallest y
    cell_m: float


class HistoryState(NamedTuple):
    """The last maps and the poses they were taken at, newest last; all zero before the first one."""

    maps: Tensor  # (B, K, C, Y, X)
    poses: Tensor  # (B, K, 4, 4) or (B, K, 3, 3) float64: positions on earth have more digits than float32


class EgoHistory(nn.Module):
    """Join the present map with the `past` ones before it."""

    def __init__(self, width: int, past: int, ground: Ground) -> None:
        super().__init__()
        assert past >= 1, past
        self.past = past
        self.ground = ground
        self.reduce = nn.Conv2d((past + 1) * width, width, 1)
        self.residual = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def start(self, x: Tensor, poses: Tensor) -> HistoryState:
        """Return the state before the first frame of x (B, T, C, Y, X) with its poses."""
        maps = x.new_zeros(len(x), self.past, *x.shape[2:])
        return HistoryState(maps, poses.new_zeros(len(x), self.past, *poses.shape[2:], dtype=torch.float64))

    def step(self, x: Tensor, poses: Tensor, state: HistoryState) -> tuple[Tensor, HistoryState]:
        """x (B, T, C, Y, X), poses (B, T, 4, 4), or 3 x 3 in the plane -> the same shape, and the state after."""
        maps, where = torch.cat([state.maps, x], dim=1), torch.cat([state.poses, poses.double()], dim=1)
        count = x.shape[1]
        views = [x]
        for lag in range(1, self.past + 1):
            then = slice(self.past - lag, self.past - lag + count)
            moved = relative(where[:, then], where[:, self.past :])  # (B, T, 4, 4)
            views.append(warp(maps[:, then].flatten(0, 1), moved.flatten(0, 1), self.ground).view_as(x))
        y = self.reduce(torch.cat(views, dim=2).flatten(0, 1))  # (B·T, C, Y, X)
        y = (y + self.residual(y)).view_as(x)
        return y, HistoryState(maps[:, count:], where[:, count:])

    def forward(self, x: Tensor, poses: Tensor) -> Tensor:
        """Take a whole clip: x (B, T, C, Y, X), poses (B, T, 4, 4) -> the same shape as x."""
        return self.step(x, poses, self.start(x, poses))[0]


def relative(then: Tensor, now: Tensor) -> Tensor:
    """Return what turns points of the vehicle now into its points then, (..., 4, 4) or (..., 3, 3) as the poses are.

    A pose of all zeros, which no frame has, gives all zeros.
    """
    turn = then[..., :-1, :-1].transpose(-1, -2)  # the inverse of a rotation
    shift = now[..., :-1, -1:] - then[..., :-1, -1:]
    upper = torch.cat([turn @ now[..., :-1, :-1], turn @ shift], dim=-1)
    return torch.cat([upper, now[..., -1:, :]], dim=-2)


def warp(past: Tensor, moved: Tensor, ground: Ground) -> Tensor:
    """Move maps of then (B, C, Y, X) to now, `moved` being `relative(then, now)` -> (B, C, Y, X), zero outside.

    Of a motion in space, where each cell's point on the plane z = 0 comes to lie seen from above.
    """
    height, width = past.shape[2:]
    turn, shift = moved[:, :2, :2], moved[:, :2, -1]  # from x and y now to x and y then
    x = ground.left_m + (torch.arange(width, device=past.device) + 0.5) * ground.cell_m
    y = ground.top_m + (torch.arange(height, device=past.device) + 0.5) * ground.cell_m
    cells = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).to(turn)
    there = torch.einsum("bij,yxj->byxi", turn, cells) + shift[:, None, None]  # (B, Y, X, 2) in metres
    across = (there[..., 0] - ground.left_m) / (width * ground.cell_m)  # from 0 to 1 over the map
    along = (there[..., 1] - ground.top_m) / (height * ground.cell_m)
    grid = 2 * torch.stack([across, along], dim=-1) - 1
    return F.grid_sample(past.float(), grid.float(), align_corners=False).to(past.dtype)
