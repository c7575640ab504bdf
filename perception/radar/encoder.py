"""Radar sweeps into one token each: points, pillars, columns of height, dual blocks over time.

Pillars lie along the range, where this kind of radar measures well; the person's becomes a column by height
self-attention (MetaOcc 2025, arXiv:2501.15384; our reading), and dual blocks (DaViT, arXiv:2204.03645) in their causal
form follow.
A person's place is not what they do: points are also told from where movement was so far.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from perception.attention.causaldual import CausalDualBlock, DualState
from perception.attention.height import HeightAttention

MIDDLE = (1.5, 0.0, 0.0)  # m, where somebody is taken to be until something moves
TRUST = 4.0  # that many moving points weigh as much as that
LEVELS = (-1.5, -0.75, -0.25, 0.25, 0.75)  # m, borders of the levels of height
RANGES = (0.5, 3.3)  # m, borders of the pillars: the sensor's own echo, the person, what is behind
PERSON = 1  # which of them
STEP_MPS = 0.6147  # the sensor's step of velocity: slower than half of it is none
FEATURES = 12


class RadarState(NamedTuple):
    """What a stream keeps between sweeps; all zero before the first."""

    moved: Tensor  # (B, 4), sum of the places of moving points so far, and how many
    first: DualState
    second: DualState


class Samples(NamedTuple):
    """Some sweeps of each stream of a batch."""

    points: Tensor  # (B, T, P, 5), as sweeps.pack gives them
    valid: Tensor  # (B, T, P) bool


class RadarEncoder(nn.Module):
    """Encode sweeps one by one, or many in one call with the same result."""

    def __init__(self, width: int = 64, point_width: int = 32, reach: int = 20) -> None:
        """Let window attention reach over `reach` sweeps."""
        super().__init__()
        self.width = width
        self.points = nn.Sequential(
            nn.Linear(FEATURES, point_width), nn.ReLU(), nn.Linear(point_width, point_width), nn.ReLU()
        )
        self.cells = nn.Linear(point_width + 1, point_width)
        self.height = HeightAttention(point_width, 2, len(LEVELS) + 1, mlp_ratio=1.0)
        self.narrow = nn.Linear(point_width, 12)
        self.flat = nn.Linear((len(RANGES) + 1) * point_width + (len(LEVELS) + 1) * 12, width)
        self.drop = nn.Dropout(0.1)
        self.first = _block(width, reach)
        self.second = _block(width, reach)
        self.norm = nn.LayerNorm(width)

    def start(self, samples: Samples) -> RadarState:
        """Return the state before the first sweep of a batch of streams."""
        points = samples.points
        maps = points.new_zeros(len(points), 1, self.width, 1, 1)
        return RadarState(points.new_zeros(len(points), 4), self.first.start(maps), self.second.start(maps))

    def step(self, samples: Samples, state: RadarState) -> tuple[Tensor, RadarState]:
        """Take T sweeps of B streams -> tokens (B, T, 1, C), and the state before the next sweep."""
        valid = samples.valid & samples.points.isfinite().all(dim=-1)
        points = torch.where(valid[..., None], samples.points, torch.zeros_like(samples.points))
        moved = _moved(points, valid, state.moved)  # (B, T, 4)
        frames = self._frames(features(points, valid, moved), points, valid)  # (B, T, C)
        x = self.drop(frames)[..., None, None]  # (B, T, C, 1, 1)
        x, first = self.first.step(x, state.first)
        x, second = self.second.step(x, state.second)
        tokens = self.norm(x.flatten(2))[:, :, None]
        return tokens, RadarState(moved[:, -1], first, second)

    def forward(self, samples: Samples) -> Tensor:
        """Take whole clips from their first sweep: tokens (B, T, 1, C)."""
        return self.step(samples, self.start(samples))[0]

    def _frames(self, told: Tensor, points: Tensor, valid: Tensor) -> Tensor:
        """Pool what points (B, T, P, F) tell into pillars, and the person's into a column: (B, T, C)."""
        h = self.points(told) * valid[..., None]  # (B, T, P, D)
        pillar = _bins(points[..., 0], RANGES)
        best = [
            torch.where((valid & (pillar == place))[..., None], h, h.new_zeros(())).amax(2)
            for place in range(len(RANGES) + 1)
        ]
        cells = self._cells(h, _bins(points[..., 2], LEVELS), valid & (pillar == PERSON)).flatten(0, 1)
        column = self.narrow(self.height(best[PERSON].flatten(0, 1), cells)).flatten(1)  # (B·T, Z·12)
        frames: Tensor = self.flat(torch.cat([*best, column.view(*points.shape[:2], -1)], -1))
        return frames

    def _cells(self, h: Tensor, level: Tensor, inside: Tensor) -> Tensor:
        """Return the mean of points (B, T, P, D) at each level of one pillar, zero where none is: (B, T, Z, D)."""
        levels = torch.arange(len(LEVELS) + 1, device=h.device)[:, None]
        share = ((level[..., None, :] == levels) & inside[..., None, :]).to(h.dtype)  # (B, T, Z, P)
        count = share.sum(-1, keepdim=True)
        mean = share @ h / count.clamp_min(1)
        cells: Tensor = self.cells(torch.cat([mean, torch.log1p(count)], -1)) * (count > 0)
        return cells


def _block(width: int, reach: int) -> CausalDualBlock:
    """Return a dual block whose frames have one token each."""
    kernel, drop_path = (5, 1, 1), (0.1, 0.1)
    return CausalDualBlock(
        width, 4, width // 16, (1, 1), frames=reach, kernel=kernel, mlp_ratio=2.0, drop_path=drop_path
    )


def features(points: Tensor, valid: Tensor, moved: Tensor) -> Tensor:
    """Tell of each point where it is, how it moves, and where that is from the movement so far: (B, T, P, 12)."""
    place, speed = points[..., :3], (points[..., 3] / STEP_MPS).clamp(-6, 6)
    first = points.new_tensor(MIDDLE)
    middle = (moved[..., :3] + TRUST * first) / (moved[..., 3:] + TRUST)  # (B, T, 3)
    away = place - middle[:, :, None]
    moving = speed.abs() > 0.5
    rest = [speed, speed.abs(), moving.to(points.dtype), (points[..., 4] - 28) / 4]
    flat = torch.stack([*rest, place[..., :2].norm(dim=-1) - 1.5, valid.to(points.dtype)], -1)
    return torch.cat([place - first, away, flat], -1) * valid[..., None]


def _moved(points: Tensor, valid: Tensor, before: Tensor) -> Tensor:
    """Return the sums of places of moving points, and their number, up to each sweep: (B, T, 4)."""
    moving = (valid & (points[..., 3].abs() > STEP_MPS / 2)).to(points.dtype)[..., None]
    sums = torch.cat([points[..., :3] * moving, moving], -1).sum(2)  # (B, T, 4)
    return sums.cumsum(1) + before[:, None]


def _bins(values: Tensor, borders: tuple[float, ...]) -> Tensor:
    return torch.bucketize(values.contiguous(), values.new_tensor(borders))
