"""Visual attention redistribution: weight that heads waste on attention sinks goes to what the picture shows.

VAR (Kang et al. 2025, "See What You Are Told", arXiv:2503.03321), training-free. A head whose row looks at the
picture, and not only at the picture's own sinks, gives up part of what lies on sinks, also on textual ones, in favour
of its other visual keys, in proportion. Row sums stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution:
    """How much moves, and which rows take part; `moved` 0 is off."""

    moved: float = 0.4  # of the weight on sinks; the authors' code moves 0.4, their text says 0.6
    visual_share: float = 0.2  # of a row's weight that must lie on the picture
    useful_share: float = 0.5  # of that, what must not lie on sinks (the paper's rho for hallucination)

    def apply(self, weights: Tensor, visual: Tensor, sinks: Tensor) -> Tensor:
        """weights (B, H, T, N), visual and sinks (N,) bool -> weights of the same row sums."""
        useful = weights * (visual & ~sinks)
        on_useful = useful.sum(-1, keepdim=True)  # (B, H, T, 1)
        on_visual = (weights * visual).sum(-1, keepdim=True)
        takes_part = (on_visual >= self.visual_share) & (on_useful >= self.useful_share * on_visual) & (on_useful > 0)
        freed = self.moved * weights * sinks
        gained = useful * (freed.sum(-1, keepdim=True) / on_useful.clamp_min(1e-12))
        return weights + takes_part * (gained - freed)
