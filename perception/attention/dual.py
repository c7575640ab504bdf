"""The dual block: window attention over space, then channel group attention.

DaViT (Ding et al. 2022, arXiv:2204.03645), figure 3. Both halves are built alike: x += DWConv(x);
x += attention(norm x); x += DWConv(x); x += feed-forward(norm x).

The parameters are named as in Florence-2's vision tower, whose block this equals, but for `attn`, which is called
`window_attn` and `channel_attn` there. timm's names: 0 and 1 for spatial_block and channel_block, cpe1.proj and
cpe2.proj for conv1 and conv2, mlp for ffn; its channel half may need `from_davit_rows` and the scale "channels".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from perception.attention.channel import ChannelAttention
from perception.attention.droppath import DropPath
from perception.attention.feedforward import FeedForward
from perception.attention.window import WindowAttention


class AttentionHalf(nn.Module):
    """One half of a dual block around any attention that maps (B, H, W, C) to the same shape; alone, a single block."""

    def __init__(self, width: int, attention: nn.Module, *, mlp_ratio: float = 4.0, drop_path: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = nn.LayerNorm(width)
        self.attn = attention
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm2 = nn.LayerNorm(width)
        self.ffn = FeedForward(width, mlp_ratio)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> the same shape, in channels-last memory, where it is fastest."""
        x = x.contiguous(memory_format=torch.channels_last)
        x = (x + self.conv1(x)).permute(0, 2, 3, 1)  # (B, H, W, C)
        x = (x + self.drop_path(self.attn(self.norm1(x)))).permute(0, 3, 1, 2)  # (B, C, H, W)
        x = (x + self.conv2(x)).permute(0, 2, 3, 1)  # (B, H, W, C)
        y: Tensor = (x + self.drop_path(self.ffn(self.norm2(x)))).permute(0, 3, 1, 2)
        return y


class DualBlock(nn.Module):
    """Window attention, then channel attention, each in its half."""

    def __init__(
        self,
        width: int,
        heads: int,
        groups: int,
        window: Sequence[int] = (7, 7),
        *,
        scale: Literal["positions", "channels"] = "positions",
        mlp_ratio: float = 4.0,
        drop_path: tuple[float, float] = (0.0, 0.0),
        qkv_bias: bool = True,
    ) -> None:
        super().__init__()
        spatial = WindowAttention(width, heads, window, qkv_bias=qkv_bias)
        channel = ChannelAttention(width, groups, scale, qkv_bias=qkv_bias)
        self.spatial_block = AttentionHalf(width, spatial, mlp_ratio=mlp_ratio, drop_path=drop_path[0])
        self.channel_block = AttentionHalf(width, channel, mlp_ratio=mlp_ratio, drop_path=drop_path[1])

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> the same shape."""
        y: Tensor = self.channel_block(self.spatial_block(x))
        return y
