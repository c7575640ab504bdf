"""The two-layer perceptron that follows attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.3), with GELU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class FeedForward(nn.Module):
    """Mix the channels of each token; the inner layer is `ratio` times as wide."""

    def __init__(self, width: int, ratio: float = 4.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, int(width * ratio))
        self.fc2 = nn.Linear(int(width * ratio), width)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., C) -> (..., C)."""
        y: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return y
