"""The tokens of a clip within a fixed budget: what a reasoner can read of it long after its frames are gone.

Whenever there are more than fit, the two neighbours in time that are most alike become one, place by place, weighted
by how many each stands for (MA-LMM, arXiv:2404.05726, section 3.2; weights as in ToMe, arXiv:2210.09461). Neighbours
in time only, so that what happened once stays. Their mean is the clip's key: OmniLive's two levels, with a key that may
be smaller than the value (DARE, arXiv:2410.02604).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.messages import Observation

BUDGET_TOKENS = 256  # of a clip
WAITING = 128  # observations of a stream that wait for their clip to close; the oldest go first
EPSILON = 1e-6


class ShortTerm:
    """Tokens of one clip, at most `budget`; observations come in the order of time."""

    def __init__(self, budget: int = BUDGET_TOKENS) -> None:
        self._budget = budget
        self._frames: list[NDArray[np.float32]] = []  # (P, C) each, P places
        self._weights: list[float] = []  # observations that each stands for
        self._alike: list[float] = []  # cosine of each to the next

    def step(self, tokens: NDArray[np.float32]) -> None:
        """Take the tokens (N, C) of one observation; all of a clip have the same shape. Raises ValueError if not."""
        pooled = pool(tokens.astype(np.float32), self._budget)
        if self._frames and pooled.shape != self._frames[0].shape:
            raise ValueError(f"tokens have shape {tokens.shape}, those before them another")
        if self._frames:
            self._alike.append(likeness(self._frames[-1], pooled))
        self._frames.append(pooled)
        self._weights.append(1.0)
        if len(self._frames) * len(pooled) > self._budget:
            self._merge(int(np.argmax(self._alike)))

    def tokens(self) -> NDArray[np.float32]:
        """Return what is kept (M, C), the oldest first."""
        return np.concatenate(self._frames)

    def weights(self) -> NDArray[np.float32]:
        """Return how many observations each token stands for (M,)."""
        return np.repeat(np.array(self._weights, np.float32), [len(frame) for frame in self._frames])

    def key(self) -> NDArray[np.float32]:
        """Return the mean of all tokens that came (C,), of length 1."""
        weights = self.weights()
        mean = (self.tokens() * weights[:, None]).sum(0) / weights.sum()
        key: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), EPSILON)).astype(np.float32)
        return key

    def _merge(self, place: int) -> None:
        """Make one of the observations at `place` and behind it."""
        first, second = self._weights[place], self._weights[place + 1]
        mean = (first * self._frames[place] + second * self._frames[place + 1]) / (first + second)
        self._frames[place] = mean.astype(np.float32)
        self._weights[place] = first + second
        del self._frames[place + 1], self._weights[place + 1], self._alike[place]
        for left in (place - 1, place):
            if 0 <= left < len(self._alike):
                self._alike[left] = likeness(self._frames[left], self._frames[left + 1])


class Waiting:
    """Observations of one stream whose clip has not closed yet; bounded, and counts what it lost."""

    def __init__(self) -> None:
        self.lost = 0
        self._observations: deque[Observation] = deque()

    def add(self, observation: Observation) -> None:
        """Keep an observation; the oldest goes where there are too many."""
        self._observations.append(observation)
        if len(self._observations) > WAITING:
            self._observations.popleft()
            self.lost += 1

    def take(self, start_ns: int, end_ns: int) -> list[Observation]:
        """Return those of a clip, in the order of time, and forget all that came before its end."""
        inside = [one for one in self._observations if start_ns <= one.t_ns <= end_ns]
        self._observations = deque(one for one in self._observations if one.t_ns > end_ns)
        return sorted(inside, key=lambda one: (one.t_ns, one.seq))


def compress(observations: list[Observation], budget: int = BUDGET_TOKENS) -> ShortTerm:
    """Return the short-term memory of a clip from its observations, all of one model. Raises ValueError."""
    kept = ShortTerm(budget)
    for one in observations:
        kept.step(one.tokens.astype(np.float32))
    return kept


def pool(tokens: NDArray[np.float32], budget: int) -> NDArray[np.float32]:
    """Return at most `budget` tokens (P, C): means of neighbours in (N, C), where there are more."""
    if len(tokens) <= budget:
        return tokens
    borders = np.linspace(0, len(tokens), budget + 1).round().astype(int)
    sums = np.add.reduceat(tokens, borders[:-1], axis=0)
    means: NDArray[np.float32] = (sums / np.diff(borders)[:, None]).astype(np.float32)
    return means


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean cosine of tokens at the same place, of (P, C) each."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean(np.einsum("pc,pc->p", a, b) / np.maximum(norms, EPSILON)))
