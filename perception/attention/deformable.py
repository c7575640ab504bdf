"""Deformable cross-attention: a query looks at a few places of a map, which it chooses around its own.

Deformable DETR (Zhu et al. 2021, arXiv:2010.04159), section 4.1, on one map. MetaOcc (2025, arXiv:2501.15384) fuses
radar and camera with it, for it absorbs what calibration and clocks are off; M3Net (2025, arXiv:2503.18100) reads
maps so.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DeformableCrossAttention(nn.Module):
    """Let each query sample `points` places a head, bilinearly; beyond the border a map is zero."""

    def __init__(self, width: int, heads: int, points: int = 4) -> None:
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.heads = heads
        self.points = points
        self.to_offsets = nn.Linear(width, heads * points * 2)  # in cells of the map, x before y
        self.to_weights = nn.Linear(width, heads * points)
        self.to_values = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)
        self._look_around()

    @torch.no_grad()
    def _look_around(self) -> None:
        """Start with equal weights, each head looking into a direction of its own, a cell further at every point."""
        nn.init.zeros_(self.to_weights.weight)
        nn.init.zeros_(self.to_weights.bias)
        nn.init.zeros_(self.to_offsets.weight)
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)  # (H, 2)
        direction = direction / direction.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, self.points + 1)
        self.to_offsets.bias.copy_((direction[:, None] * steps[:, None]).flatten())

    def forward(self, queries: Tensor, places: Tensor, values: Tensor) -> Tensor:
        """queries (B, N, C), their places (B, N, 2) as x and y in [0, 1], values (B, C, H, W) -> (B, N, C)."""
        batch, count, _ = queries.shape
        height, width = values.shape[2:]
        offsets = self.to_offsets(queries).view(batch, count, self.heads, self.points, 2)
        steps = torch.stack([offsets[..., 0] / width, offsets[..., 1] / height], dim=-1)
        where = places[:, :, None, None] + steps  # (B, N, H, K, 2)
        grid = (2 * where - 1).transpose(1, 2).flatten(0, 1)  # (B·H, N, K, 2), from -1 to 1 as grid_sample has it
        maps = self.to_values(values.movedim(1, -1)).movedim(-1, 1).reshape(batch * self.heads, -1, height, width)
        # Places keep the precision they come in: in bfloat16 a map of 100 cells has no fractions of cells.
        sampled = F.grid_sample(maps.to(grid.dtype), grid, align_corners=False).to(maps.dtype)  # (B·H, D, N, K)
        weights = self.to_weights(queries).view(batch, count, self.heads, self.points).softmax(dim=-1)
        weights = weights.transpose(1, 2).flatten(0, 1)[:, None]  # (B·H, 1, N, K)
        y = (sampled * weights).sum(dim=-1).view(batch, -1, count)  # (B, C, N)
        out: Tensor = self.proj(y.transpose(1, 2))
        return out


def cell_places(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Return where the cells of a map are, row by row: (H·W, 2) as x and y in [0, 1]."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).flatten(0, 1)
