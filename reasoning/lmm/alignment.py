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
    """How a frame was looked at."""

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
        self._direct: dict[int, Tensor] = {}  # layer -> (N + M,) what was looked at
        self._through: dict[int, Tensor] = {}  # layer -> (words,) which of the question's words were read
        self._words: dict[int, Tensor] = {}  # layer -> (words, keys) what each of those had looked at
        self._evidence: dict[int, Tensor] = {}  # layer -> (N + M,) bool: pictures without sinks, and lines

    def add(self, grounding: Grounding) -> None:
        """Add what the newest token looked at."""
        for layer in range(grounding.layers)[middle(grounding.layers)]:
            weights, heads = grounding.looks[layer].weights, grounding.heads.get(layer)
            if heads is not None and bool(heads.any()):
                weights = weights[heads]
            if layer not in self._direct:
                self._begin(layer, weights.device, grounding.words.get(layer))
            of_words = weights[:, len(self._notes) : len(self._notes) + len(self._words[layer])]  # (H, words)
            count = min(weights.shape[1], len(self._is_line))
            seen = weights[:, :count] * self._evidence[layer][:count]
            sharpness = torch.cat((seen, of_words), dim=1).amax(-1)  # (H,)
            self._direct[layer][:count] += sharpness @ seen
            self._through[layer] += sharpness @ of_words

    @property
    def map(self) -> Tensor:
        """Return how much each key of cache and lines was looked at, (N + M,): directly, and through what was read."""
        total = torch.zeros(len(self._is_line))
        for layer, direct in self._direct.items():
            over = focus(self._through[layer], self._words[layer], len(direct)) * self._evidence[layer]
            total += (direct + over).cpu()
        return total

    def _begin(self, layer: int, device: torch.device, words: Tensor | None) -> None:
        seen = self._notes.visual & ~self._notes.sinks[:, layer]
        evidence = torch.cat((seen, self._is_line[len(seen) :]))
        self._evidence[layer] = evidence.to(device)
        self._direct[layer] = torch.zeros(len(evidence), device=device)
        self._words[layer] = words if words is not None else torch.zeros(0, 0, device=device)
        self._through[layer] = torch.zeros(len(self._words[layer]), device=device)

    def frames(self, grids: Mapping[int, tuple[int, int]]) -> list[Seen]:
        """Return the frames that there were to look at, strongest first; `grids` are the rows and columns of each.

        A grid tells where a token's place is in the picture.
        """
        looked = self.map
        total = float(looked.sum())
        if total <= 0:
            return []
        blocks = self._notes.block[self._notes.visual].unique().tolist()
        found = [self._seen(looked / total, block, *grids[block]) for block in blocks if block in grids]
        return sorted(found, key=lambda seen: -seen.share)

    @property
    def pieces(self) -> int:
        """Return how many frames and lines there were to look at."""
        return len(self._notes.block[self._notes.visual].unique()) + len(self._lines)

    def lines(self) -> list[float]:
        """Return each line's share of all that was looked at."""
        looked = self.map
        total = float(looked.sum())
        return [float(looked[self._keys(line)].sum()) / total if total > 0 else 0.0 for line in self._lines]

    def _keys(self, line: range) -> slice:
        return slice(len(self._notes) + line.start, len(self._notes) + line.stop)

    def _seen(self, shares: Tensor, block: int, rows: int, columns: int) -> Seen:
        mine = (self._notes.block == block) & self._notes.visual
        weights, places = shares[: len(mine)][mine], self._notes.place[mine]
        near = places[weights >= NEAR_MAX * weights.max()]
        row, column = near // columns, near % columns
        box = (
            float(column.min()) / columns,
            float(row.min()) / rows,
            float(column.max() + 1) / columns,
            float(row.max() + 1) / rows,
        )
        return Seen(block=block, share=float(weights.sum()), box=box)


def focus(read: Tensor, words: Tensor, count: int) -> Tensor:
    """Return what was looked at through the question's words, (count,).

    `read` (W,) says how much each was read, `words` (W, K) what each had looked at; later keys it could not see.
    """
    over = read @ words  # (K,)
    return torch.nn.functional.pad(over, (0, max(0, count - len(over))))[:count]
