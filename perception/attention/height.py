"""Height self-attention: a pillar's features are spread over levels of height, which then look at each other.

MetaOcc (2025, arXiv:2501.15384), its radar height self-attention; the paper has no code, and this is our reading. A 4D
radar measures elevation poorly, so height is inferred from all of a column. Only pillars with points are computed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.attention.selfattention import SelfAttentionBlock


class HeightAttention(nn.Module):
    """Lift pillars to columns of `levels` cells by self-attention over the height."""

    def __init__(self, width: int, heads: int, levels: int, mlp_ratio: float = 4.0) -> None:
        super().__init__()
        self.code = nn.Parameter(torch.randn(levels, width) * 0.02)
        self.block = SelfAttentionBlock(width, heads, mlp_ratio)

    def forward(self, pillars: Tensor, cells: Tensor | None = None) -> Tensor:
        """pillars (P, C), those with points, and their cells' mean features (P, Z, C), zero where none -> (P, Z, C)."""
        columns = pillars[:, None] + self.code  # (P, Z, C)
        lifted: Tensor = self.block(columns if cells is None else columns + cells)
        return lifted

    def lift(self, ground: Tensor, occupied: Tensor, cells: Tensor | None = None) -> Tensor:
        """Lift a whole map: ground (B, C, Y, X), occupied (B, Y, X) bool, cells (B, C, Z, Y, X) -> (B, C, Z, Y, X).

        Columns over pillars without points are zero. How many there are is read from the device, so no CUDA graph holds
        this; one holds a list of pillars of fixed length.
        """
        pillars = ground.movedim(1, -1)[occupied]  # (P, C)
        inside = None if cells is None else cells.permute(0, 3, 4, 2, 1)[occupied]  # (P, Z, C)
        batch, width, *sizes = ground.shape
        volume = ground.new_zeros(batch, *sizes, len(self.code), width)
        columns = self(pillars, inside).to(volume.dtype)
        return volume.index_put((occupied,), columns).permute(0, 4, 3, 1, 2)
