"""From a frame's tokens to what the decoder reads of them: token drop, then a budget, at their true positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reasoning.lmm.cache import Notes, join, notes_of_text
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.merge import merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Visual tokens on their way into the decoder, of one frame or of several."""

    tokens: Tensor  # (M, C)
    places: Tensor  # (axes, M)
    notes: Notes
    deepstack: tuple[Tensor, ...]  # (M, C) each


class Ingest:
    """Compresses the frames of one stream."""

    def __init__(self, family: Family, drop: TokenDrop, dominant: int, contextual: int, layers: int) -> None:
        """Drop what `drop` says; of more than `dominant` tokens the others become `contextual` averages."""
        self.drop = drop
        self._family = family
        self._dominant = dominant
        self._contextual = contextual
        self._layers = layers

    def step(self, frame: FrameTokens, number: int, start: int) -> Piece:
        """Return what is kept of a frame that begins at position `start`; it may be nothing."""
        novelty = 1 - self.drop.likeness(frame.tokens)
        kept = self.drop.step(frame.tokens).nonzero().squeeze(-1)
        merged = merge(frame.tokens[kept], novelty[kept], self._dominant, self._contextual)
        index = kept[merged.index].cpu()  # a merged token stands at its target's place
        places = self._family.positions(frame, start)[0][:, index]
        notes = replace(
            notes_of_text(len(index), start, self._layers),
            visual=torch.ones(len(index), dtype=torch.bool),
            log_size=merged.size.float().log().cpu(),
            block=torch.full((len(index),), number),
            place=index,
            position=places[0],
        )
        deepstack = tuple(_averages(one[kept], merged.owner, len(index)) for one in frame.deepstack)
        return Piece(tokens=merged.tokens, places=places, notes=notes, deepstack=deepstack)


def in_one(pieces: Sequence[Piece]) -> Piece:
    """Return several pieces as one, in their order."""
    return Piece(
        tokens=torch.cat([piece.tokens for piece in pieces]),
        places=torch.cat([piece.places for piece in pieces], dim=1),
        notes=join([piece.notes for piece in pieces]),
        deepstack=tuple(torch.cat(layer) for layer in zip(*(piece.deepstack for piece in pieces), strict=True)),
    )


def _averages(features: Tensor, owner: Tensor, count: int) -> Tensor:
    """Average features (N, C) over the tokens that were merged into one -> (M, C)."""
    sums = torch.zeros(count, features.shape[1], device=features.device).index_add_(0, owner, features.float())
    return (sums / torch.bincount(owner, minlength=count)[:, None]).to(features.dtype)
