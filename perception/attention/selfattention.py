"""A plain pre-norm transformer block, as in ViT (Dosovitskiy et al. 2020, arXiv:2010.11929).

It hands out its queries and keys, from which attention rollout recomputes what it needs, and takes keys and values of
other tokens, which is how the blocks of DCAL share its weights.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.feedforward import FeedForward


class SelfAttentionBlock(nn.Module):
    """Self-attention, then a feed-forward layer, each on normalised tokens and added to them."""

    def __init__(self, width: int, heads: int, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.ffn = FeedForward(width, mlp_ratio)

    def heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, N, C) -> queries, keys and values, (B, H, N, D) each."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def mix(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Let tokens x (B, R, C), by their queries (B, H, R, D), see keys and values (B, H, N, D) -> (B, R, C)."""
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).flatten(2))
        out: Tensor = x + self.ffn(self.norm2(x))
        return out

    def look(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, N, C) -> the same shape, and the queries and keys (B, H, N, D) by which it came about."""
        q, k, v = self.heads_of(x)
        return self.mix(x, q, k, v), q, k

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) -> the same shape."""
        return self.mix(x, *self.heads_of(x))
