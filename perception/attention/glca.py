"""Global-local cross-attention: the tokens that told most look once more, at all the others.

DCAL (Zhu et al. 2022, arXiv:2205.02151), section 3.2. The local queries are the tokens that score best, by attention
rollout for instance; keys and values are those of all tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.attention.selfattention import SelfAttentionBlock


class GlobalLocalCrossAttention(nn.Module):
    """Let the best `share` of the tokens see all of them; a class token is the first and always among the queries."""

    def __init__(self, width: int, heads: int, share: float, *, has_class: bool, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        assert 0 < share <= 1, share
        self.share = share
        self.has_class = has_class
        self.block = SelfAttentionBlock(width, heads, mlp_ratio)

    def forward(self, x: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, N, C), scores (B, N) -> the chosen tokens (B, R, C), class first, then best first; places (B, R)."""
        places = self.choose(scores)
        q, k, v = self.block.heads_of(x)
        width, depth = x.shape[2], q.shape[3]
        local = x.gather(1, places[:, :, None].expand(-1, -1, width))  # (B, R, C)
        asking = q.gather(2, places[:, None, :, None].expand(-1, q.shape[1], -1, depth))  # (B, H, R, D)
        return self.block.mix(local, asking, k, v), places

    def choose(self, scores: Tensor) -> Tensor:
        """scores (B, N) -> the places of the queries, (B, R); the class token's own score does not count."""
        first = int(self.has_class)
        count = max(1, round(self.share * (scores.shape[1] - first)))
        best = scores[:, first:].topk(count, dim=1).indices + first
        return torch.cat([best.new_zeros(len(best), first), best], dim=1)
