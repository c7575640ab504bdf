"""The dual block over time: frame in, frame out, with a state of constant size.

DaViT's block (Ding et al. 2022, arXiv:2204.03645) with each of its parts in its causal form, so that a whole clip
equals any way of cutting it. A frame is a map: a picture or a ground plan, or a spectrum with one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from perception.attention.causalchannel import CausalChannelAttention, ChannelState
from perception.attention.causalconv import CausalConv
from perception.attention.causalwindow import CausalWindowAttention, WindowState
from perception.attention.droppath import DropPath
from perception.attention.feedforward import FeedForward


class HalfState(NamedTuple):
    """What one half keeps: the frames before its two convolutions, and its attention's state."""

    conv1: Tensor
    attn: WindowState | ChannelState
    conv2: Tensor


class DualState(NamedTuple):
    """What a block keeps of a batch of streams; every tensor has the streams first and starts at zero."""

    spatial_block: HalfState
    channel_block: HalfState


class CausalHalf(nn.Module):
    """One half of a causal dual block around window or channel attention; alone, a single block."""

    def __init__(
        self,
        width: int,
        attention: CausalWindowAttention | CausalChannelAttention,
        *,
        kernel: tuple[int, int, int] = (3, 3, 3),
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv1 = CausalConv(width, kernel)
        self.norm1 = nn.LayerNorm(width)
        self.attn = attention
        self.conv2 = CausalConv(width, kernel)
        self.norm2 = nn.LayerNorm(width)
        self.ffn = FeedForward(width, mlp_ratio)
        self.drop_path = DropPath(drop_path)

    def start(self, x: Tensor) -> HalfState:
        """Return the state before the first frame of x (B, T, C, H, W)."""
        x = x.movedim(2, -1)
        return HalfState(self.conv1.start(x), self.attn.start(x), self.conv2.start(x))

    def step(self, x: Tensor, state: HalfState) -> tuple[Tensor, HalfState]:
        """x (B, T, C, H, W) -> the same shape, and the state before the next frame."""
        x = x.movedim(2, -1)  # (B, T, H, W, C)
        filtered, conv1 = self.conv1.step(x, state.conv1)
        x = x + filtered
        attended, attn = self.attn.step(self.norm1(x), state.attn)  # type: ignore[arg-type]
        x = x + self.drop_path(attended)
        filtered, conv2 = self.conv2.step(x, state.conv2)
        x = x + filtered
        x = x + self.drop_path(self.ffn(self.norm2(x)))
        return x.movedim(-1, 2), HalfState(conv1, attn, conv2)

    def forward(self, x: Tensor) -> Tensor:
        """Take a whole clip: x (B, T, C, H, W) -> the same shape."""
        return self.step(x, self.start(x))[0]


class CausalDualBlock(nn.Module):
    """Window attention over space and a few frames, then channel attention over all frames so far."""

    def __init__(
        self,
        width: int,
        heads: int,
        groups: int,
        window: Sequence[int] = (7, 7),
        *,
        frames: int = 1,
        decay: float = 1.0,
        kernel: tuple[int, int, int] = (3, 3, 3),
        mlp_ratio: float = 4.0,
        drop_path: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Let windows reach over `frames` frames, and what channels remember fade by `decay` a frame."""
        super().__init__()
        window_attn = CausalWindowAttention(width, heads, window, frames)
        channel_attn = CausalChannelAttention(width, groups, decay)
        self.spatial_block = CausalHalf(width, window_attn, kernel=kernel, mlp_ratio=mlp_ratio, drop_path=drop_path[0])
        self.channel_block = CausalHalf(width, channel_attn, kernel=kernel, mlp_ratio=mlp_ratio, drop_path=drop_path[1])

    def start(self, x: Tensor) -> DualState:
        """Return the state before the first frame of x (B, T, C, H, W)."""
        return DualState(self.spatial_block.start(x), self.channel_block.start(x))

    def step(self, x: Tensor, state: DualState) -> tuple[Tensor, DualState]:
        """Take one frame or some: x (B, T, C, H, W) -> the same shape, and the state before the next frame."""
        x, spatial = self.spatial_block.step(x, state.spatial_block)
        x, channel = self.channel_block.step(x, state.channel_block)
        return x, DualState(spatial, channel)

    def forward(self, x: Tensor) -> Tensor:
        """Take a whole clip: x (B, T, C, H, W) -> the same shape."""
        return self.step(x, self.start(x))[0]
