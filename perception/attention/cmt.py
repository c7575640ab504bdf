"""The CMT layer: attention over a map whose keys and values are a smaller copy of it, then a convolving feed-forward.

CMT (Guo et al. 2022, arXiv:2107.06263) as FE-LSD (2023) has it in its fusion blocks: a learnt code of height and one of
width are added to the keys, and keys and values come from a strided convolution.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.droppath import DropPath


class ReducedAttention(nn.Module):
    """Let each cell of a map see the map `reduction` times smaller in height and width."""

    def __init__(self, width: int, heads: int, reduction: int, cells: tuple[int, int]) -> None:
        """Learn codes for `cells`, rows and columns of the reduced map; for maps of other sizes they are stretched."""
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.heads = heads
        self.to_q = nn.Linear(width, width)
        # One filter a channel, as in CMT: a dense one has width² · reduction² weights.
        self.reduce = nn.Conv2d(width, width, reduction, stride=reduction, groups=width)
        self.norm = nn.LayerNorm(width)
        self.to_kv = nn.Linear(width, 2 * width)
        self.height_code = nn.Parameter(torch.randn(width, cells[0]) * 0.02)
        self.width_code = nn.Parameter(torch.randn(width, cells[1]) * 0.02)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, H, W, C) -> the same shape."""
        small = self._smaller(x.permute(0, 3, 1, 2))  # (B, H', W', C)
        k, v = self.to_kv(small).chunk(2, dim=-1)
        k = k + self._code(small.shape[1], small.shape[2])
        q, k, v = (part.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.to_q(x), k, v))
        y = F.scaled_dot_product_attention(q, k, v)  # (B, H, N, D)
        out: Tensor = self.proj(y.transpose(1, 2).reshape(x.shape))
        return out

    def _smaller(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> (B, ⌈H/reduction⌉, ⌈W/reduction⌉, C); what sticks out is padded with zeros."""
        step = self.reduce.stride[0]
        x = F.pad(x, (0, -x.shape[3] % step, 0, -x.shape[2] % step))
        smaller: Tensor = self.norm(self.reduce(x).permute(0, 2, 3, 1))
        return smaller

    def _code(self, height: int, width: int) -> Tensor:
        """Return the keys' position code, (H', W', C)."""
        rows, columns = (
            code if code.shape[1] == size else F.interpolate(code[None], size, mode="linear")[0]
            for code, size in ((self.height_code, height), (self.width_code, width))
        )
        return rows.T[:, None] + columns.T[None]


class InvertedResidual(nn.Module):
    """The feed-forward layer: widen, filter each channel with its neighbourhood, narrow."""

    def __init__(self, width: int, ratio: int = 4) -> None:
        super().__init__()
        self.widen = nn.Conv2d(width, ratio * width, 1)
        self.filter = nn.Conv2d(ratio * width, ratio * width, 3, padding=1, groups=ratio * width)
        self.narrow = nn.Conv2d(ratio * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> the same shape."""
        x = F.gelu(self.widen(x))
        y: Tensor = self.narrow(F.gelu(x + self.filter(x)))
        return y


class CmtLayer(nn.Module):
    """Reduced attention and the convolving feed-forward, each on normalised cells and added to them."""

    def __init__(
        self, width: int, heads: int = 8, *, reduction: int, cells: tuple[int, int], drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = ReducedAttention(width, heads, reduction, cells)
        self.norm2 = nn.LayerNorm(width)
        self.ffn = InvertedResidual(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> the same shape."""
        x = x.permute(0, 2, 3, 1)  # (B, H, W, C)
        x = x + self.drop_path(self.attn(self.norm1(x)))
        y: Tensor = x.permute(0, 3, 1, 2) + self.drop_path(self.ffn(self.norm2(x).permute(0, 3, 1, 2)))
        return y


class CmtFusion(nn.Module):
    """Two streams side by side in the channels to one: a convolution that mixes them, then a CMT layer."""

    def __init__(
        self, width: int, heads: int = 8, *, reduction: int, cells: tuple[int, int], drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.joint = nn.Conv2d(2 * width, width, 1)
        self.layer = CmtLayer(width, heads, reduction=reduction, cells=cells, drop_path=drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 2·C, H, W) -> (B, C, H, W)."""
        y: Tensor = self.layer(self.joint(x))
        return y
