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
        y = self._attend(q, keys, values, state.seen)  # (B, T, nW, P, C)
        y = self.proj(y.flatten(0, 2))
        seen = (state.seen + count).clamp(max=self.frames - 1)
        after = WindowState(keys[:, count:], values[:, count:], seen)
        return join(y, self.window, sizes).reshape(x.shape), after

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """q (B, T, nW, H, P, D), keys and values (B, M + T, nW, H, P, D) -> (B, T, nW, P, C).

        Some frames ask at once, at most as many as they see: each frame by itself would need its own copy of all that
        it sees, and all of them at once would be compared with all.
        """
        count, windows = q.shape[1], q.shape[2]
        size = min(count, self.frames)  # S frames a block
        if rest := -count % size:
            q, keys, values = (F.pad(rows, [0] * 9 + [rest]) for rows in (q, keys, values))
        asking = _blocks(q, size, size)  # (B·blocks, nW·H, S·P, D)
        keys, values = (_blocks(rows, self.frames - 1 + size, size) for rows in (keys, values))
        y = F.scaled_dot_product_attention(asking, keys, values, attn_mask=self._readable(seen, q, size))
        y = y.unflatten(1, (windows, self.heads)).unflatten(3, (size, -1))  # (B·blocks, nW, H, S, P, D)
        y = y.permute(0, 3, 1, 4, 2, 5).flatten(4)  # (B·blocks, S, nW, P, C)
        out: Tensor = y.reshape(len(q), -1, *y.shape[2:])[:, :count]
        return out

    def _readable(self, seen: Tensor, q: Tensor, size: int) -> Tensor | None:
        """Hide frames that are later, too old, or from before the first: (B·blocks, 1, S·P, (M + S)·P) bool.

        None where every frame sees itself alone.
        """
        past = self.frames - 1
        if past == 0:
            return None
        asks = torch.arange(size, device=q.device)[:, None]
        place = torch.arange(past + size, device=q.device)  # in a block, where `past` is the first that asks
        first = torch.arange(0, q.shape[1], size, device=q.device)[:, None, None]  # of each block
        is_near = (asks <= place) & (place <= asks + past)  # (S, M + S)
        is_there = first + place >= past - seen[:, None, None, None]  # (B, blocks, 1, M + S)
        readable = (is_near & is_there).flatten(0, 1)  # (B·blocks, S, M + S)
        tokens = q.shape[4]
        return readable.repeat_interleave(tokens, 1).repeat_interleave(tokens, 2)[:, None]


def _blocks(rows: Tensor, length: int, step: int) -> Tensor:
    """Cut rows (B, T, nW, H, P, D) into blocks of `length` frames, every `step`: (B·blocks, nW·H, length·P, D)."""
    blocks = rows.unfold(1, length, step).movedim(-1, 4)  # (B, blocks, nW, H, length, P, D)
    return blocks.flatten(4, 5).flatten(2, 3).flatten(0, 1)
