"""Token drop at ingest: of a frame only what differs from the last kept token at the same place.

TimeChat-Online's differential token drop (Yao et al. 2025, arXiv:2504.17343) compares with the frame before, so a slow
drift is never kept. Here the reference is the last *kept* token of the place, and every token is kept again after some
frames. Before the decoder, causal, without attention weights; positions of what is kept do not change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

REFRESH = 32  # frames after which a place is kept again
STEPS = 24  # halvings of the range of cosines
LEARNT = 16  # frames from which a threshold is learnt, all of which are kept


class TokenDrop:
    """Follows one stream of frames (P, C); `threshold` above 1 keeps everything."""

    def __init__(self, threshold: float, refresh: int = REFRESH, keep_rate: float = 1.0) -> None:
        """Drop where the cosine to the last kept token is above `threshold`.

        With a `keep_rate` below 1 that is found on the first frames, which are kept whole.
        """
        self.threshold = threshold
        self._wanted = keep_rate  # 1 once the threshold is found
        self._first: list[Tensor] = []  # frames (P, C) from which it is learnt
        self.seen = 0
        self.kept = 0
        self._refresh = refresh
        self._kept: Tensor | None = None  # (P, C) of unit length, the last kept token of each place
        self._age = torch.empty(0)  # frames since then

    def step(self, tokens: Tensor) -> Tensor:
        """tokens (P, C) of one frame -> which are kept, (P,) bool; a new number of places starts anew."""
        unit = torch.nn.functional.normalize(tokens.detach().float(), dim=-1)
        if self._kept is None or self._kept.shape != unit.shape:
            keep = torch.ones(len(unit), dtype=torch.bool, device=unit.device)
            self._kept, self._age = unit.clone(), torch.zeros(len(unit), dtype=torch.int64, device=unit.device)
        else:
            self._age += 1
            limit = self.threshold if self._wanted == 1 else math.inf
            keep = ~(likeness(unit, self._kept) > limit) | (self._age >= self._refresh)  # what is no number stays
            self._kept[keep] = unit[keep]
            self._age[keep] = 0
        if self._wanted < 1:
            self._learn(tokens)
        self.seen += len(keep)
        self.kept += int(keep.sum())
        return keep

    def likeness(self, tokens: Tensor) -> Tensor:
        """Return the cosine (P,) of each token to the last kept one of its place, -1 before the first frame."""
        if self._kept is None or self._kept.shape != tokens.shape:
            return torch.full((len(tokens),), -1.0, device=tokens.device)
        return likeness(torch.nn.functional.normalize(tokens.detach().float(), dim=-1), self._kept)

    def novelty(self, tokens: Tensor) -> Tensor:
        """Return how new each token is, (P,) from 0 to 2; in a first frame how much it stands out from the mean."""
        if self._kept is not None and self._kept.shape == tokens.shape:
            return 1 - self.likeness(tokens)
        unit = torch.nn.functional.normalize(tokens.detach().float(), dim=-1)
        return 1 - likeness(unit, torch.nn.functional.normalize(unit.mean(0), dim=-1))

    def _learn(self, tokens: Tensor) -> None:
        self._first.append(tokens.detach())
        if len(self._first) == LEARNT:
            self.threshold = calibrate(self._first, self._wanted, self._refresh)
            self._wanted = 1.0
            self._first.clear()

    @property
    def keep_rate(self) -> float:
        """Return which share of the tokens was kept so far."""
        return self.kept / self.seen if self.seen else 1.0


def calibrate(frames: Sequence[Tensor], keep_rate: float, refresh: int = REFRESH) -> float:
    """Return the threshold at which these frames (P, C) of one stream keep nearest to a share of their tokens.

    How alike two views of the same thing are is the encoder's own: a threshold of one model says nothing for another.
    """
    low, high = -1.0, 1.0  # nothing but refreshes is kept; everything is
    for _ in range(STEPS):
        middle = (low + high) / 2
        drop = TokenDrop(middle, refresh)
        for frame in frames:
            drop.step(frame)
        low, high = (low, middle) if drop.keep_rate > keep_rate else (middle, high)
    return (low + high) / 2


def likeness(tokens: Tensor, others: Tensor) -> Tensor:
    """Return the cosine of each token (P, C) and the other of its place, (P, C) or (C,), of unit length -> (P,)."""
    return (tokens * others).sum(-1)
