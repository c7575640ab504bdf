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

    keys: Tensor  # (B, M, nW, H, P, D)
    values: Tensor  # (B, M, nW, H, P, D)
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
        windows, tokens = divide(x[:1, 0], self.window).shape[:2]
        shape = (len(x), self.frames - 1, windows, self.heads, tokens, x.shape[-1] // self.heads)
        seen = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        return WindowState(x.new_zeros(shape), x.new_zeros(shape), seen)

    def step(self, x: Tensor, state: WindowState) -> tuple[Tensor, WindowState]:
        """x (B, T, H, W, C) -> the same shape, and the state before the next frame."""
        batch, count, *sizes, _ = x.shape
        tiles = self.qkv(divide(x.flatten(0, 1), self.window))  # (B·T·nW, P, 3·C)
        tiles = tiles.unflatten(0, (batch, count, -1)).unflatten(-1, (3, self.heads, -1))
        q, k, v = tiles.permute(4, 0, 1, 2, 5, 3, 6)  # (B, T, nW, H, P, D) each
        keys, values = torch.cat([state.keys, k], dim=1), torch.cat([state.values, v], dim=1)  # (B, M + T, ...)
        mask = self._readable(state.seen, q)
        y = F.scaled_dot_product_attention(q.flatten(0, 2), self._last(keys), self._last(values), attn_mask=mask)
        y = self.proj(y.transpose(1, 2).flatten(2))  # (B·T·nW, P, C)
        seen = (state.seen + count).clamp(max=self.frames - 1)
        after = WindowState(keys[:, count:], values[:, count:], seen)
        return join(y, self.window, sizes).reshape(x.shape), after

    def _last(self, rows: Tensor) -> Tensor:
        """Give every frame the rows of its last frames: (B, M + T, nW, H, P, D) -> (B·T·nW, H, frames·P, D)."""
        sliding = rows.unfold(1, self.frames, 1)  # (B, T, nW, H, P, D, frames)
        return sliding.movedim(-1, 4).flatten(4, 5).flatten(0, 2)

    def _readable(self, seen: Tensor, q: Tensor) -> Tensor | None:
        """Hide frames from before the first one: (B·T·nW, 1, 1, frames·P) bool, or nothing where none is looked at."""
        if self.frames == 1:
            return None
        batch, count, windows, _, tokens, _ = q.shape
        place = torch.arange(count, device=q.device)[:, None] + torch.arange(self.frames, device=q.device)  # oldest: 0
        there = place[None] >= self.frames - 1 - seen[:, None, None]  # (B, T, frames)
        there = there.repeat_interleave(tokens, dim=-1)[:, :, None].expand(batch, count, windows, -1)
        return there.flatten(0, 2)[:, None, None]
