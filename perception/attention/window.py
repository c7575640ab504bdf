"""Window attention: plain self-attention inside each of the small windows that a map is divided into.

The spatial half of DaViT (Ding et al. 2022, arXiv:2204.03645, section 3.2): no shift, no position bias. A map that the
windows do not fill is padded with zeros, and as in DaViT the padding is attended to like any other token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Let each token see the tokens of its window; `window` has one size per axis: (7, 7) of a map, (16,) of a line."""

    def __init__(self, width: int, heads: int, window: Sequence[int] = (7, 7), *, qkv_bias: bool = True) -> None:
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.heads = heads
        self.window = tuple(window)
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, *sizes, C) -> the same shape."""
        sizes = x.shape[1:-1]
        qkv = self.qkv(divide(x, self.window)).unflatten(-1, (3, self.heads, -1))  # (B·nW, P, 3, H, D)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B·nW, H, P, D) each
        y = F.scaled_dot_product_attention(q, k, v)
        return join(self.proj(y.transpose(1, 2).flatten(2)), self.window, sizes)


def divide(x: Tensor, window: Sequence[int]) -> Tensor:
    """Cut x (B, *sizes, C) into windows (B·nW, P, C), P tokens each, after padding every axis at its end with zeros."""
    sizes = x.shape[1:-1]
    assert len(sizes) == len(window), (x.shape, window)
    counts = [-(-size // step) for size, step in zip(sizes, window, strict=True)]
    missing = [count * step - size for count, step, size in zip(counts, window, sizes, strict=True)]
    if any(missing):
        x = F.pad(x, [0, 0, *(side for end in reversed(missing) for side in (0, end))])
    pairs = [part for pair in zip(counts, window, strict=True) for part in pair]
    tiles = x.reshape(len(x), *pairs, x.shape[-1])  # (B, n₁, w₁, n₂, w₂, ..., C)
    axes = range(len(window))
    order = [0, *(1 + 2 * axis for axis in axes), *(2 + 2 * axis for axis in axes), 1 + 2 * len(window)]
    return tiles.permute(order).reshape(-1, math.prod(window), x.shape[-1])


def join(tiles: Tensor, window: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Put windows (B·nW, P, C) together again and cut the padding off: (B, *sizes, C)."""
    counts = [-(-size // step) for size, step in zip(sizes, window, strict=True)]
    tiles = tiles.reshape(-1, *counts, *window, tiles.shape[-1])  # (B, n₁, n₂, ..., w₁, w₂, ..., C)
    number = len(window)
    order = [0, *(part for axis in range(number) for part in (1 + axis, 1 + number + axis)), 1 + 2 * number]
    padded = [count * step for count, step in zip(counts, window, strict=True)]
    x = tiles.permute(order).reshape(-1, *padded, tiles.shape[-1])
    return x[(slice(None), *(slice(size) for size in sizes))]
