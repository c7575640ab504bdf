"""Mutual fusion of two maps of one place, by positions and by channels.

GL-DMNet (arXiv:2501.01648): every position of each map is a sum over all positions of it, weighed by how they go with
what both maps share, and likewise for channels. The products have no softmax but a signed square root and an L2 norm,
so the table of N x N positions cannot be avoided, and large maps are refused. The norm is over a position's channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST = 32  # cells along a side: its table has a million numbers
EPSILON = 1e-6


class PositionFusion(nn.Module):
    """Relate every position to every other through what both maps share."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.where = nn.Conv2d(2, 1, 7, padding=3)
        self.shared = nn.Conv2d(width, width, 1)
        self.joint = _joint(width)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Twice (B, C, H, W) -> (B, C, H, W)."""
        both = first + second
        where = self.where(torch.cat([both.amax(1, keepdim=True), both.mean(1, keepdim=True)], dim=1))
        shared = self.shared(both * where + both).flatten(2)  # (B, C, N)
        r, d = first.flatten(2), second.flatten(2)
        by_first = signed_root(shared.transpose(1, 2) @ r)  # (B, N, N)
        by_second = signed_root(shared.transpose(1, 2) @ d)
        parts = [r @ by_first, d @ by_second, shared @ (by_first + by_second)]
        fused: Tensor = self.joint(_normed(parts, first.shape))
        return fused


class ChannelFusion(nn.Module):
    """Relate every channel to every other through what both maps share."""

    def __init__(self, width: int, reduction: int = 4) -> None:
        super().__init__()
        inner = max(1, 2 * width // reduction)
        self.weigh = nn.Sequential(nn.Linear(2 * width, inner), nn.ReLU(), nn.Linear(inner, 2 * width))
        self.shared = nn.Conv2d(2 * width, width, 1)
        self.joint = _joint(width)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Twice (B, C, H, W) -> (B, C, H, W)."""
        both = torch.cat([first, second], dim=1)
        weights = self.weigh(both.amax(dim=(2, 3))) + self.weigh(both.mean(dim=(2, 3)))  # (B, 2·C)
        shared = self.shared(both * weights[:, :, None, None]).flatten(2)  # (B, C, N)
        r, d = first.flatten(2), second.flatten(2)
        by_first = signed_root(r @ shared.transpose(1, 2))  # (B, C, C)
        by_second = signed_root(d @ shared.transpose(1, 2))
        parts = [by_first @ r, by_second @ d, (by_first + by_second) @ shared]
        fused: Tensor = self.joint(_normed(parts, first.shape))
        return fused


class MutualFusion(nn.Module):
    """The sum of both: two maps to one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.positions = PositionFusion(width)
        self.channels = ChannelFusion(width)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Twice (B, C, H, W) -> (B, C, H, W); ValueError above 32 x 32 cells, which are to be pooled before."""
        height, width = first.shape[2:]
        if max(height, width) > LARGEST:
            raise ValueError(f"a map of {height} x {width} cells is too large: pool it to {LARGEST} x {LARGEST} first")
        fused: Tensor = self.positions(first, second) + self.channels(first, second)
        return fused


def signed_root(x: Tensor) -> Tensor:
    """Return sign(x)·√|x|, a little flatter within 1e-6 of zero, where the root's own slope has no end."""
    return x * (x.abs() + EPSILON).rsqrt()


def _joint(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3 * width, width, 1), nn.Conv2d(width, width, 3, padding=1))


def _normed(parts: list[Tensor], shape: torch.Size) -> Tensor:
    """Give every position of each part (B, C, N) length one, and lay the parts side by side: (B, 3·C, H, W)."""
    return torch.cat([F.normalize(part, dim=1, eps=EPSILON).reshape(shape) for part in parts], dim=1)
