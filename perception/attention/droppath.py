"""Stochastic depth (Huang et al. 2016, arXiv:1603.09382): in training, some rows of a batch skip a branch."""

from __future__ import annotations

from torch import Tensor, nn


class DropPath(nn.Module):
    """Zero a whole row with probability `share`, and scale the others so that the mean stays; nothing in eval mode."""

    def __init__(self, share: float) -> None:
        super().__init__()
        assert 0 <= share < 1, share
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """x (B, ...) -> (B, ...)."""
        if not self.training or self.share == 0:
            return x
        kept = x.new_empty((len(x),) + (1,) * (x.dim() - 1)).bernoulli_(1 - self.share)
        return x * kept / (1 - self.share)
