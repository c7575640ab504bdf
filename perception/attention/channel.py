"""Channel group attention: the channels are the tokens, and each of them has seen every position.

The channel half of DaViT (Ding et al. 2022, arXiv:2204.03645, section 3.3); the cost is linear in the number of
positions. The scores are sums over N positions: DaViT scales them by C_g^-1/2, its descendants (Florence-2, Xiao et al.
2024, arXiv:2311.06242) by N^-1/2, which holds for maps of any size.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Let each channel see the channels of its group; scores are divided by the root of the number of `scale`."""

    def __init__(
        self, width: int, groups: int, scale: Literal["positions", "channels"] = "positions", *, qkv_bias: bool = True
    ) -> None:
        super().__init__()
        assert width % groups == 0, (width, groups)
        self.groups = groups
        self.scale = scale
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, *sizes, C) -> the same shape."""
        qkv = self.qkv(x.flatten(1, -2)).unflatten(-1, (3, self.groups, -1))  # (B, N, 3, G, C_g)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, G, N, C_g) each
        count = q.shape[2] if self.scale == "positions" else q.shape[3]
        # Not scaled_dot_product_attention: few tokens that are N wide are what it is slowest at (a third of this).
        scores = (q * count**-0.5).transpose(2, 3) @ k  # (B, G, C_g, C_g)
        y = v @ torch.softmax(scores, dim=-1).transpose(2, 3)  # (B, G, N, C_g)
        out: Tensor = self.proj(y.transpose(1, 2).reshape(x.shape))
        return out


def from_davit_rows(qkv: Tensor) -> Tensor:
    """Return a qkv weight or bias (3·C, ...) of DaViT's own code, and of timm, in the order that is used here.

    There the scores are kᵀv and q is what they mix; here, as in Florence-2, they are qᵀk and mix v.
    """
    return torch.roll(qkv, -(len(qkv) // 3), dims=0)
