"""Frames that left the window, kept in memory of the CPU and found again by what a question looks for.

ReKV (Di et al. 2025, "Streaming Video Question-Answering with In-context Video KV-Cache Retrieval",
arXiv:2503.00540): a frame's key is the mean of its tokens' keys, a question's that of its words' queries. Every token
is turned back to position 0 first, or nearness in time would count as likeness. Unlike ReKV one selection, by cosine
over the middle layers, serves all layers, because their caches share one mask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from reasoning.lmm.cache import Block
    from reasoning.lmm.rotary import Turner


class BlockStore:
    """Blocks in the order of time, within a bound; the oldest is lost beyond that, and counted."""

    def __init__(self, turner: Turner, room_bytes: int) -> None:
        """Keep so many bytes of keys and values."""
        self.size_bytes = 0
        self.lost = 0
        self._turner = turner
        self._room_bytes = room_bytes
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._keys: dict[int, Tensor] = {}  # number -> (layers, H_kv, D), of the middle layers

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def numbers(self) -> frozenset[int]:
        """Return the numbers of the frames that are kept."""
        return frozenset(self._blocks)

    def copy(self) -> BlockStore:
        """Return a store of its own with the same blocks."""
        other = BlockStore(self._turner, self._room_bytes)
        other.size_bytes, other.lost = self.size_bytes, self.lost
        other._blocks, other._keys = self._blocks.copy(), self._keys.copy()
        return other

    def add(self, block: Block) -> None:
        """Keep a block and the key by which it is found."""
        seen = block.notes.visual if bool(block.notes.visual.any()) else torch.ones_like(block.notes.visual)
        keys = block.keys[middle(len(block.keys))][:, :, seen]  # without the words around a frame
        unturned = self._turner.turn(keys, -block.notes.position[seen])  # each by its own: means of turned keys fade
        self._keys[block.number] = unturned.float().mean(2)
        self._blocks[block.number] = block
        self.size_bytes += block.size_bytes
        while self.size_bytes > self._room_bytes and len(self._blocks) > 1:
            number, oldest = self._blocks.popitem(last=False)
            del self._keys[number]
            self.size_bytes -= oldest.size_bytes
            self.lost += 1

    def choose(self, queries: Mapping[int, Tensor], positions: Tensor, count: int) -> list[Block]:
        """Return the `count` blocks most like the question, oldest first.

        `queries` are layer -> (H, T, D) as they were rotated at `positions` (T,).
        """
        if not self._blocks or count <= 0:
            return []
        layers = range(len(queries))[middle(len(queries))]
        asked = torch.stack([self._turner.turn(queries[one][None].cpu(), -positions.cpu())[0] for one in layers])
        asked = asked.float().mean(2)  # (layers, H, D)
        keys = torch.stack(list(self._keys.values()))  # (blocks, layers, H_kv, D)
        keys = keys.repeat_interleave(asked.shape[1] // keys.shape[2], dim=2)
        likeness = torch.nn.functional.cosine_similarity(keys.flatten(2), asked.flatten(1)[None], dim=-1).mean(1)
        best = likeness.topk(min(count, len(likeness))).indices.sort().values
        blocks = list(self._blocks.values())
        return [blocks[place] for place in best.tolist()]


def middle(layers: int) -> slice:
    """Return the middle third of the layers, at least one: neither surface nor already the answer."""
    return slice(layers // 3, max(layers // 3 + 1, 2 * layers // 3))
