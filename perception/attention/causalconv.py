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
        """Return the state before the first frame of x (B, T, H, W, C): the frames that came before, all zero."""
        return x.new_zeros(len(x), self.kernel[0] - 1, *x.shape[2:])

    def step(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, H, W, C), before (B, kernel - 1, H, W, C) -> the same as x, and what is before the next frame."""
        count, (depth, tall, wide) = x.shape[1], self.kernel
        frames = torch.cat([before, x], dim=1)
        filtered = []
        # One frame's filter at a time: the library's three-dimensional depthwise convolution is some ten times slower.
        for lag in range(depth):
            part = frames[:, lag : lag + count].flatten(0, 1).permute(0, 3, 1, 2)  # (B·T, C, H, W), channels last
            bias = self.bias if lag == 0 else None
            weight = self.weight[:, :, lag]
            filtered.append(F.conv2d(part, weight, bias, padding=(tall // 2, wide // 2), groups=len(weight)))
        y = sum(filtered[1:], filtered[0])
        return y.permute(0, 2, 3, 1).reshape(x.shape), frames[:, count:]
