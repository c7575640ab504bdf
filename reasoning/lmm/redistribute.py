"""Visual attention redistribution: weight that heads waste on attention sinks goes to what the picture shows.

VAR (Kang et al. 2025, "See What You Are Told", arXiv:2503.03321), training-free. A head whose row looks at the
picture, and not only at the picture's own sinks, gives up part of what lies on sinks, also on textual ones, in favour
of its other visual keys, in proportion. Row sums stay. Where the picture has no sink nothing moves, as in the authors'
code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution:
    """How much moves, and which rows take part; `moved` 0 is off."""

    moved: float = 0.4  # of the weight on sinks; the authors' code moves 0.4, their text says 0.6
    visual_share: float = 0.2  # of a row's weight that must lie on the picture
    useful_share: float = 0.5  # of that, what must not lie on sinks (the paper's rho for hallucination)

    def apply(self, weights: Tensor, visual: Tensor, sinks: Tensor) -> Tensor:
        """weights (B, H, T, N), visual and sinks (N,) bool -> weights of the same row sums."""
        kinds = torch.stack((visual & ~sinks, sinks, visual)).to(weights.dtype)  # (3, N)
        on_useful, on_sinks, on_visual = (weights @ kinds.T).split(1, dim=-1)  # (B, H, T, 1) each
        if not bool((visual & sinks).any()):
            return weights
        takes_part = (on_visual >= self.visual_share) & (on_useful >= self.useful_share * on_visual) & (on_useful > 0)
        gained = self.moved * on_sinks / on_useful.clamp_min(1e-12)
        change = takes_part * torch.cat((gained, torch.full_like(gained, -self.moved)), dim=-1)  # (B, H, T, 2)
        changed: Tensor = weights * (1 + change @ kinds[:2])  # one pass over the keys
        return changed
