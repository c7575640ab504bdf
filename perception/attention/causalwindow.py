"""Window attention over time: a token sees its window of space in its own frame and in the few frames before.

After DaViT's spatial half (Ding et al. 2022, arXiv:2204.03645); keys and values of the frames before are the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.window import divide, join


class WindowState(NamedTuple):
    """What a stream keeps of the last M = frames - 1 frames, newest last; all zero before the first frame."""

    keys: Tensor  # (B, M, nW, P, C)
    values: Tensor  # (B, M, nW, P, C)
    seen: Tensor  # (B,) int64, how many of them there are


class CausalWindowAttention(nn.Module):
    """Let each token see its (height, width) window in the last `frames` frames, its own among them."""

    def __init__(self, width: int, heads: int, window: Sequence[int] = (7, 7), frames: int = 1) -> None:
        super().__init__()
        assert width % heads == 0, (width, heads)
        assert frames >= 1, frames
        self.heads = heads
        self.window = tuple(window)
        self.frames = frames
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def start(self, x: Tensor) -> WindowState:
        """Return the state before the first frame of x (B, T, H, W, C)."""
        tiles = divide(x[:, 0], self.window).unflatten(0, (len(x), -1))  # (B, nW, P, C)
        nothing = tiles.new_zeros(len(x), self.frames - 1, *tiles.shape[1:])
        return WindowState(nothing, nothing, torch.zeros(len(x), dtype=torch.int64, device=x.device))

    def step(self, x: Tensor, state: WindowState) -> tuple[Tensor, WindowState]:
        """x (B, T, H, W, C) -> the same shape, and the state before the next frame."""
        batch, count, *sizes, _ = x.shape
        tiles = divide(x.flatten(0, 1), self.window).unflatten(0, (batch, count, -1))  # (B, T, nW, P, C)
        q, k, v = self.qkv(tiles).chunk(3, dim=-1)
        keys, values = torch.cat([state.keys, k], dim=1), torch.cat([state.values, v], dim=1)  # (B, M + T, nW, P, C)
        q = q.flatten(0, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B·T·nW, H, P, D)
        mask = self._readable(state.seen, q, tiles.shape)
        y = F.scaled_dot_product_attention(q, self._last(keys), self._last(values), attn_mask=mask)
        y = self.proj(y.transpose(1, 2).flatten(2))  # (B·T·nW, P, C)
        seen = (state.seen + count).clamp(max=self.frames - 1)
        after = WindowState(keys[:, count:], values[:, count:], seen)
        out: Tensor = join(y, self.window, sizes).unflatten(0, (batch, count))
        return out, after

    def _last(self, rows: Tensor) -> Tensor:
        """Give every frame the rows of its last frames: (B, M + T, nW, P, C) -> (B·T·nW, H, frames·P, D)."""
        sliding = rows.unfold(1, self.frames, 1)  # (B, T, nW, P, C, frames)
        sliding = sliding.unflatten(-2, (self.heads, -1)).permute(0, 1, 2, 4, 6, 3, 5)  # (B, T, nW, H, frames, P, D)
        last: Tensor = sliding.flatten(4, 5).flatten(0, 2)
        return last

    def _readable(self, seen: Tensor, q: Tensor, shape: torch.Size) -> Tensor | None:
        """Hide frames from before the first one: (B·T·nW, 1, 1, frames·P) bool, or nothing where none is looked at."""
        if self.frames == 1:
            return None
        batch, count, windows, tokens, _ = shape
        place = torch.arange(count, device=q.device)[:, None] + torch.arange(self.frames, device=q.device)  # oldest: 0
        there = place[None] >= self.frames - 1 - seen[:, None, None]  # (B, T, frames)
        there = there.repeat_interleave(tokens, dim=-1)[:, :, None].expand(batch, count, windows, -1)
        return there.flatten(0, 2)[:, None, None]
