"""Task channel scaling: every task reads the same tokens through its own weights on their channels.

M3Net (2025, arXiv:2503.18100), its TCS layer: g = W·GELU(P·x) for each task, and the task reads x ⊙ g. As there, g has
no sigmoid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TaskScale(nn.Module):
    """Weigh the channels of each token once a task."""

    def __init__(self, width: int, tasks: int, inner: int | None = None) -> None:
        """Take P down to `inner` channels, a quarter of the width where it is not named."""
        super().__init__()
        inner = inner if inner is not None else max(1, width // 4)
        self.narrow = nn.ModuleList(nn.Linear(width, inner) for _ in range(tasks))
        self.widen = nn.ModuleList(nn.Linear(inner, width) for _ in range(tasks))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, N, C) -> (B, tasks, N, C)."""
        scaled = [x * widen(F.gelu(narrow(x))) for narrow, widen in zip(self.narrow, self.widen, strict=True)]
        return torch.stack(scaled, dim=1)
