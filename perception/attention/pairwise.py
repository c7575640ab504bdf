"""Pair-wise cross-attention: in training, another row's tokens are distractors among a row's keys.

DCAL (Zhu et al. 2022, arXiv:2205.02151), section 3.3: queries of row 1, keys and values of rows 1 and 2, one softmax
over both, the target of row 1. The weights are those of the self-attention block; in eval mode nothing is left of it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.attention.selfattention import SelfAttentionBlock


class PairwiseCrossAttention(nn.Module):
    """Run a block's weights with each row's partner in sight; outside training, hand the tokens through."""

    def __init__(self, block: SelfAttentionBlock) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor, partner: Tensor) -> Tensor:
        """x (B, N, C), partner (B,) int64, which row is whose distractor -> (B, N, C)."""
        if not self.training:
            return x
        q, k, v = self.block.heads_of(x)
        keys, values = torch.cat([k, k[partner]], dim=2), torch.cat([v, v[partner]], dim=2)  # (B, H, 2N, D)
        return self.block.mix(x, q, keys, values)


def draw_partners(batch: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw for each of `batch` rows another one, (batch,) int64; a row that is alone is its own partner."""
    order = torch.randperm(batch, generator=generator)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)  # round one ring through all rows, so that nobody meets itself
    return partner
