"""What an answer looked at: a map over the cached visual tokens, and from it frames and boxes as evidence.

Heads are weighted by how sharply they look (VL-SAM's max weight, arXiv:2410.05963), sinks are left out, and of layers
the middle ones count. The map is alignment, not proof: attention explains about half of what a model does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from reasoning.lmm.blocks import middle
from runtime.messages import Box

if TYPE_CHECKING:
    from reasoning.lmm.cache import Notes
    from reasoning.lmm.grounding import Grounding

NEAR_MAX = 0.5  # of a frame's strongest token: what belongs to the box


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A frame that was looked at."""

    block: int
    share: float  # of all that was looked at, 0 to 1
    box: Box


class Alignment:
    """Sums the looks of the tokens of one sentence."""

    def __init__(self, notes: Notes) -> None:
        """Follow the tokens of `notes`, the cache when the question began."""
        self._notes = notes
        self.map = torch.zeros(len(notes))  # (N,)

    def add(self, grounding: Grounding) -> None:
        """Add what the newest token looked at."""
        count = len(self._notes)
        for layer in range(grounding.layers)[middle(grounding.layers)]:
            weights = grounding.looks[layer].weights[:, :count].cpu()
            weights = weights * (self._notes.visual & ~self._notes.sinks[:, layer])
            heads = grounding.heads.get(layer)
            if heads is not None and bool(heads.any()):
                weights = weights[heads.cpu()]
            sharpness = weights.amax(-1, keepdim=True)  # (H, 1)
            self.map += (weights * sharpness).sum(0)

    def frames(self, columns: int, rows: int, count: int = 3) -> list[Seen]:
        """Return the frames looked at most, strongest first; the grid tells where a token's place is in the picture."""
        total = float(self.map.sum())
        if total <= 0:
            return []
        blocks = self._notes.block[self._notes.visual].unique()
        found = [self._seen(int(block), total, columns, rows) for block in blocks]
        return sorted(found, key=lambda seen: -seen.share)[:count]

    def _seen(self, block: int, total: float, columns: int, rows: int) -> Seen:
        mine = self._notes.block == block
        weights, places = self.map[mine], self._notes.place[mine]
        near = places[weights >= NEAR_MAX * weights.max()]
        row, column = near // columns, near % columns
        box = (
            float(column.min()) / columns,
            float(row.min()) / rows,
            float(column.max() + 1) / columns,
            float(row.max() + 1) / rows,
        )
        return Seen(block=block, share=float(weights.sum()) / total, box=box)
