"""The plain baseline: a PointNet for each sweep (Qi et al. 2017, arXiv:1612.00593), three transformer layers over time.

It sees whole windows, forwards and backwards, and nothing is made easy for it; ours has to be better than this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MEAN = (2.5, 0.0, 0.0, 0.0, 27.0)
STD = (1.2, 0.8, 1.0, 1.0, 5.0)


class PointNetTransformer(nn.Module):
    """0.27 million weights; windows of a fixed number of sweeps."""

    def __init__(self, classes: int, window: int = 60, width: int = 100) -> None:
        super().__init__()
        self.points = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, width))
        self.place = nn.Parameter(torch.randn(window, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, points: Tensor, valid: Tensor) -> Tensor:
        """Take windows: points (B, T, P, 5), valid (B, T, P) -> logits (B, classes)."""
        scaled = (points - points.new_tensor(MEAN)) / points.new_tensor(STD)
        h = self.points(scaled * valid[..., None]).masked_fill(~valid[..., None], -1e4).amax(2)
        h = torch.where(valid.any(2)[..., None], h, 0.0)
        logits: Tensor = self.head(self.layers(h + self.place).mean(1))
        return logits
