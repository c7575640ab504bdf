"""Null-image contrast, gated: what the model would say without the picture is taken away where it relies on it little.

LACING's decoding rule (Zhao et al. 2025, arXiv:2411.14279), that of VCD (Leng et al. 2024, arXiv:2311.16922): tokens
that the picture makes likelier than their language alone gain, among those that were plausible in the first place. The
second branch costs a step of its own per token, so it runs only where visual reliance is low and the choice is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """How strongly, and when; `strength` 0 is off."""

    strength: float = 1.0
    plausible: float = 0.1  # of the likeliest token's probability: less likely ones are not considered
    reliance: float = math.inf  # below it the contrast is drawn; calibrated on tokens known to be right
    entropy: float = 0.5  # nats: below it there is nothing to decide

    def is_needed(self, logits: Tensor, reliance: float) -> bool:
        """Say whether the next token wants the contrast; logits (V,)."""
        return self.strength > 0 and reliance < self.reliance and entropy(logits) > self.entropy

    def apply(self, logits: Tensor, without: Tensor) -> Tensor:
        """Return the contrasted logits (V,) from those with and without the picture."""
        if self.strength == 0:
            return logits
        contrasted = (1 + self.strength) * logits - self.strength * without
        return contrasted.masked_fill(logits < logits.max() + math.log(self.plausible), -math.inf)


def entropy(logits: Tensor) -> float:
    """Return how open the choice is, in nats; logits (V,)."""
    log_shares = torch.log_softmax(logits.float(), dim=-1)
    return float(-(log_shares.exp() * log_shares).sum())
