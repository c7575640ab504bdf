"""The local gate: of two maps or volumes of one place, each cell takes a share of one and the rest of the other.

MetaOcc (2025, arXiv:2501.15384), its local fusion; the paper has no code, and this is our reading.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LocalGate(nn.Module):
    """Blend by a share that a convolution over both gives for every cell and channel."""

    def __init__(self, width: int, *, is_volume: bool = False) -> None:
        super().__init__()
        self.share: nn.Module = (nn.Conv3d if is_volume else nn.Conv2d)(2 * width, width, 3, padding=1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Twice (B, C, Y, X), or (B, C, Z, Y, X) of volumes -> the same shape, between the two in every cell."""
        share = torch.sigmoid(self.share(torch.cat([first, second], dim=1)))
        return share * first + (1 - share) * second
