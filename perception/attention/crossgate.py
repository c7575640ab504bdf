"""Two shallow streams that gate each other: frames and events, or any two maps of one place.

FE-LSD (2023), its shallow modulation: from both streams together come channel gates as in CBAM (Woo et al. 2018,
arXiv:1807.06521), by which each stream takes from the other. The streams lie side by side in the channels and every
convolution has two groups, so that one call runs both and mixes nothing. Norms are of groups of channels (Wu and He
2018, arXiv:1803.08494), each within its stream and its row.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelGate(nn.Module):
    """Weigh channels by their mean and their largest value, through one small perceptron for both."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))

    def forward(self, z: Tensor) -> Tensor:
        """z (B, C, H, W) -> weights in (0, 1), (B, C, 1, 1)."""
        weights = torch.sigmoid(self.mlp(z.mean(dim=(2, 3))) + self.mlp(z.amax(dim=(2, 3))))
        return weights[:, :, None, None]


class TwinBottleneck(nn.Module):
    """Norm, ReLU and convolution three times, 1-3-1 with half the width inside, for two streams; no residual."""

    def __init__(self, width_in: int, width_out: int) -> None:
        """Take and give so many channels in each of the two streams."""
        super().__init__()
        layers: list[nn.Module] = []
        inner = max(1, width_out // 2)
        for here, there, kernel in ((width_in, inner, 1), (inner, inner, 3), (inner, width_out, 1)):
            conv = nn.Conv2d(2 * here, 2 * there, kernel, padding=kernel // 2, groups=2)
            layers += [nn.GroupNorm(2, 2 * here), nn.ReLU(), conv]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 2·C_in, H, W) -> (B, 2·C_out, H, W)."""
        y: Tensor = self.layers(x)
        return y


class CrossGate(nn.Module):
    """Give each stream what the other has, weighed by a gate that has seen both, through a residual bottleneck."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        """Take `width` channels in each of the two streams."""
        super().__init__()
        self.joint = nn.Conv2d(2 * width, width, 1)
        self.gate_first = ChannelGate(width, reduction)
        self.gate_second = ChannelGate(width, reduction)
        self.residual = TwinBottleneck(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 2·C, H, W), the first stream's channels before the second's -> the same shape."""
        first, second = x.chunk(2, dim=1)
        z = self.joint(x)  # (B, C, H, W)
        taken = torch.cat([second * self.gate_second(z), first * self.gate_first(z)], dim=1)
        y: Tensor = x + self.residual(x + taken)
        return y


class CrossGatedStages(nn.Module):
    """Two inputs to two streams at a quarter of the size, gated at half and at a quarter."""

    def __init__(self, channels: tuple[int, int], width: int = 64) -> None:
        """Take inputs of so many channels; a stream has `width` channels at half size, and four times as many then."""
        super().__init__()
        self.stem_first = nn.Conv2d(channels[0], width, 7, stride=2, padding=3)
        self.stem_second = nn.Conv2d(channels[1], width, 7, stride=2, padding=3)
        self.gate_half = CrossGate(width)
        self.widen_half = TwinBottleneck(width, 2 * width)
        self.widen_quarter = TwinBottleneck(2 * width, 4 * width)
        self.gate_quarter = CrossGate(4 * width)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C₁, H, W) and (B, C₂, H, W) -> twice (B, 4·width, ⌈⌈H/2⌉/2⌉, ⌈⌈W/2⌉/2⌉)."""
        x = torch.cat([self.stem_first(first), self.stem_second(second)], dim=1)
        x = self.widen_half(self.gate_half(x))
        x = self.widen_quarter(F.max_pool2d(x, 2, ceil_mode=True))
        one, other = self.gate_quarter(x).chunk(2, dim=1)
        return one, other
