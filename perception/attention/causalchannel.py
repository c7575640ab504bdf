"""Channel group attention of a stream: the scores are running sums over all positions so far, divided by their count.

After DaViT's channel half (Ding et al. 2022, arXiv:2204.03645). All that is kept is one C_g x C_g table a group,
however long the stream: every frame adds the qᵀk of its positions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class ChannelState(NamedTuple):
    """What a stream keeps of all frames so far; all zero before the first one."""

    mean: Tensor  # (B, G, C_g, C_g) float32, over the frames, of qᵀk divided by the frame's number of positions
    frames: Tensor  # (B,) float32, how many there were, where decay is below 1 each counting less the older it is


class CausalChannelAttention(nn.Module):
    """Let each channel see its group's channels by what they had in common until now.

    Every frame the past counts `decay` times what it did: at 1 nothing is forgotten, and after hours new frames hardly
    count; 0.99 remembers some hundred frames.
    """

    def __init__(self, width: int, groups: int, decay: float = 1.0) -> None:
        super().__init__()
        assert width % groups == 0, (width, groups)
        assert 0 < decay <= 1, decay
        self.groups = groups
        self.decay = decay
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        # A mean has no size that grows with the number of positions, so what N^1/2 does in DaViT is learnt here.
        self.sharpness = nn.Parameter(torch.full((groups,), (width / groups) ** 0.5))

    def start(self, x: Tensor) -> ChannelState:
        """Return the state before the first frame of x (B, T, H, W, C)."""
        size = x.shape[-1] // self.groups
        mean = torch.zeros(len(x), self.groups, size, size, device=x.device)
        return ChannelState(mean, torch.zeros(len(x), device=x.device))

    def step(self, x: Tensor, state: ChannelState) -> tuple[Tensor, ChannelState]:
        """x (B, T, H, W, C) -> the same shape, and the state before the next frame."""
        qkv = self.qkv(x.flatten(2, 3)).unflatten(-1, (3, self.groups, -1))  # (B, T, N, 3, G, C_g)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5)  # (B, T, G, N, C_g) each
        tables = (q / q.shape[3]).transpose(3, 4) @ k  # (B, T, G, C_g, C_g)
        means, after = running(tables, state, self.decay)
        scores = means * self.sharpness[:, None, None]
        shares = torch.softmax(scores, dim=-1).to(v.dtype)
        y: Tensor = self.proj((v @ shares.transpose(3, 4)).transpose(2, 3).reshape(x.shape))
        return y, after


def running(tables: Tensor, state: ChannelState, decay: float) -> tuple[Tensor, ChannelState]:
    """Return the mean of tables (B, T, ...) up to each frame, the same shape, and the state after the last."""
    mean, frames = state
    means = []
    for table in tables.unbind(1):  # a mean and not a sum: in a stream without end it stays as small as a table
        frames = frames * decay + 1
        mean = mean + (table - mean) / frames[:, None, None, None]
        means.append(mean)
    return torch.stack(means, dim=1), ChannelState(mean, frames)
