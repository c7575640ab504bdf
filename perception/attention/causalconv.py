"""A depthwise convolution over space and time that sees no later frame; the frames before are its state.

It stands where the dual block has its depthwise convolution (Ding et al. 2022, arXiv:2204.03645), as a position code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalConv(nn.Module):
    """Filter each channel by itself with a kernel of (time, height, width); height and width are odd."""

    def __init__(self, width: int, kernel: tuple[int, int, int] = (3, 3, 3)) -> None:
        super().__init__()
        assert kernel[1] % 2 == kernel[2] % 2 == 1, kernel
        fan = kernel[0] * kernel[1] * kernel[2]
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(width, 1, *kernel).uniform_(-(fan**-0.5), fan**-0.5))
        self.bias = nn.Parameter(torch.zeros(width))

    def start(self, x: Tensor) -> Tensor:
        """Return the state before the first frame of x (B, T, C, H, W): the frames that came before, all zero."""
        return x.new_zeros(len(x), self.kernel[0] - 1, *x.shape[2:])

    def step(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, C, H, W), before (B, kernel - 1, C, H, W) -> the same as x, and what is before the next frame."""
        frames, (depth, tall, wide) = x.shape[1], self.kernel
        x = torch.cat([before, x], dim=1)
        y = x.new_zeros(())
        # One frame's filter at a time: the library's three-dimensional depthwise convolution is some ten times slower.
        for lag in range(depth):
            part = x[:, lag : lag + frames].flatten(0, 1)
            filtered = F.conv2d(part, self.weight[:, :, lag], None, 1, (tall // 2, wide // 2), 1, len(self.weight))
            y = y + filtered
        y = (y + self.bias[:, None, None]).unflatten(0, (-1, frames))
        return y, x[:, frames:]
