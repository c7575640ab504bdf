"""What an answer looked at: a map over pictures and quoted lines, and from it frames, boxes and lines as evidence.

Heads are weighted by how sharply they look (VL-SAM's max weight, arXiv:2410.05963), sinks are left out, and of layers
the middle ones count. A token also takes over what the question's words that it reads had looked at: focus of depth one
(CMAI, arXiv:2411.15453). The map is alignment, not proof: attention explains about half of what a model does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

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

    def __init__(self, notes: Notes, lines: Sequence[range] = ()) -> None:
        """Follow the tokens of `notes`, the cache when the question began, and lines in it by their places there."""
        self._notes = notes
        self._lines = tuple(lines)
        size = len(notes) + max((line.stop for line in lines), default=0)
        self._is_line = torch.zeros(size, dtype=torch.bool)
        for line in lines:
            self._is_line[self._keys(line)] = True
        self.map = torch.zeros(size)  # (N + M,)

    def add(self, grounding: Grounding) -> None:
        """Add what the newest token looked at."""
        count = len(self._notes)
        for layer in range(grounding.layers)[middle(grounding.layers)]:
            weights = grounding.looks[layer].weights.cpu()  # (H, more than N)
            words = grounding.words.get(layer)
            if words is not None:
                weights = focus(weights, words.cpu(), count)
            weights = weights[:, : len(self.map)]
            seen = self._notes.visual & ~self._notes.sinks[:, layer]
            evidence = torch.cat((seen, self._is_line[count:]))[: weights.shape[1]]
            heads = grounding.heads.get(layer)
            if heads is not None and bool(heads.any()):
                weights = weights[heads.cpu()]
            weights = weights * evidence
            sharpness = weights.amax(-1, keepdim=True)  # (H, 1)
            self.map[: weights.shape[1]] += (weights * sharpness).sum(0)

    def frames(self, grids: Mapping[int, tuple[int, int]], count: int = 3) -> list[Seen]:
        """Return the frames looked at most, strongest first; `grids` are the rows and columns of each.

        A grid tells where a token's place is in the picture.
        """
        total = float(self.map.sum())
        if total <= 0:
            return []
        blocks = self._notes.block[self._notes.visual].unique().tolist()
        found = [self._seen(block, total, *grids[block]) for block in blocks if block in grids]
        return sorted(found, key=lambda seen: -seen.share)[:count]

    def lines(self) -> list[float]:
        """Return each line's share of all that was looked at."""
        total = float(self.map.sum())
        return [float(self.map[self._keys(line)].sum()) / total if total > 0 else 0.0 for line in self._lines]

    def _keys(self, line: range) -> slice:
        return slice(len(self._notes) + line.start, len(self._notes) + line.stop)

    def _seen(self, block: int, total: float, rows: int, columns: int) -> Seen:
        mine = (self._notes.block == block) & self._notes.visual
        weights, places = self.map[: len(mine)][mine], self._notes.place[mine]
        near = places[weights >= NEAR_MAX * weights.max()]
        row, column = near // columns, near % columns
        box = (
            float(column.min()) / columns,
            float(row.min()) / rows,
            float(column.max() + 1) / columns,
            float(row.max() + 1) / rows,
        )
        return Seen(block=block, share=float(weights.sum()) / total, box=box)


def focus(weights: Tensor, words: Tensor, start: int) -> Tensor:
    """Return a row's weights (H, N) with those that it takes over from the question's words.

    `words` (M, K) are what each of them looked at, the first standing at key `start`; later keys than K it could not
    see. What a row reads of a word it reads of what that word has read.
    """
    over = weights[:, start : start + len(words)] @ words  # (H, K)
    return weights + torch.nn.functional.pad(over, (0, weights.shape[1] - over.shape[1]))
