"""From a frame's tokens to what the decoder reads of them: token drop, then a budget, at their true positions.

Every camera has references of its own. Words around a frame (its time, the markers its family wants) belong to its
block: they leave and come back with it, and a frame of which nothing is kept has none.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reasoning.lmm.cache import Notes, join, notes_of_text
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.merge import merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A frame's tokens and words on their way into the decoder, or those of several frames."""

    tokens: Tensor  # (M, C)
    places: Tensor  # (axes, M)
    notes: Notes
    deepstack: tuple[Tensor, ...]  # (V, C) each, of the visual ones


class Ingest:
    """Compresses the frames of one stream."""

    def __init__(
        self, family: Family, make_drop: Callable[[], TokenDrop], dominant: int, contextual: int, layers: int
    ) -> None:
        """Drop as a camera's own rule says; of more than `dominant` tokens the others become `contextual` averages."""
        self._make_drop = make_drop
        self._drops: dict[str, TokenDrop] = {}
        self._family = family
        self._dominant = dominant
        self._contextual = contextual
        self._layers = layers

    @property
    def keep_rate(self) -> float:
        """Return which share of the visual tokens was kept so far."""
        seen = sum(drop.seen for drop in self._drops.values())
        return sum(drop.kept for drop in self._drops.values()) / seen if seen else 1.0

    def copy(self) -> Ingest:
        """Return one of its own that goes on from here."""
        other = Ingest(self._family, self._make_drop, self._dominant, self._contextual, self._layers)
        other._drops = copy.deepcopy(self._drops)
        return other

    def step(
        self,
        frame: FrameTokens,
        number: int,
        start: int,
        camera: str = "",
        before: Sequence[int] = (),
        after: Sequence[int] = (),
    ) -> tuple[list[Piece], int]:
        """Return what is kept of a frame that begins at position `start`, with words around it, and the next position.

        It may be nothing; then its positions are passed over all the same.
        """
        drop = self._drops.setdefault(camera, self._make_drop())
        novelty = drop.novelty(frame.tokens)
        kept = drop.step(frame.tokens).nonzero().squeeze(-1)
        if not len(kept):
            return [], self._family.positions(frame, start)[1]
        picture = start + len(before)
        end = self._family.positions(frame, picture)[1]
        seen = self._seen(frame, kept, novelty, number, picture)
        around = self._words(before, start, number), seen, self._words(after, end, number)
        return [piece for piece in around if len(piece.notes)], end + len(after)

    def _words(self, ids: Sequence[int], start: int, number: int) -> Piece:
        """Return words that begin at position `start` and belong to a frame."""
        notes = notes_of_text(len(ids), start, self._layers)
        return Piece(
            tokens=self._family.embed(torch.tensor(ids, dtype=torch.int64, device=self._family.head.weight.device)),
            places=notes.position.expand(self._family.axes, -1),
            notes=replace(notes, block=torch.full_like(notes.block, number)),
            deepstack=(),
        )

    def _seen(self, frame: FrameTokens, kept: Tensor, novelty: Tensor, number: int, start: int) -> Piece:
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
    stacks = [piece.deepstack for piece in pieces if piece.deepstack]
    return Piece(
        tokens=torch.cat([piece.tokens for piece in pieces]),
        places=torch.cat([piece.places for piece in pieces], dim=1),
        notes=join([piece.notes for piece in pieces]),
        deepstack=tuple(torch.cat(layer) for layer in zip(*stacks, strict=True)),
    )


def _averages(features: Tensor, owner: Tensor, count: int) -> Tensor:
    """Average features (N, C) over the tokens that were merged into one -> (M, C)."""
    sums = torch.zeros(count, features.shape[1], device=features.device).index_add_(0, owner, features.float())
    return (sums / torch.bincount(owner, minlength=count)[:, None]).to(features.dtype)
