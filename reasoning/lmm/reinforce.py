"""Vision-aware head reinforcement: heads that change most with the picture speak louder (VHR).

He et al. 2025, "Cracking the Code of Hallucination in LVLMs with Vision-aware Head Divergence", arXiv:2412.13949. A
head's divergence is the distance between its output with and without the picture. `divergence_of_rows` is the
paper's, from two rows of one batch; `local_divergence` needs no second pass: for a given layer input, leaving out the
visual keys and renormalising gives a_T, and a - a_T = m_V (a_V - a_T), where m_V is the weight on the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LAST_SHARE = 0.44  # of the layers, the last of which are reinforced: 14 of 32 in the paper
SECOND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinforcement:
    """How much louder; `gain` 1 is off. The paper takes 2; beside redistribution less is safer."""

    gain: float = 1.5
    is_faithful: bool = False  # two rows, the second without the picture; else the one-pass score

    def layers(self, count: int) -> frozenset[int]:
        """Return which of so many layers take part: the second and the last ones."""
        return frozenset({SECOND, *range(count - int(LAST_SHARE * count), count)} & set(range(count)))


def local_divergence(with_all: Tensor, text_sum: Tensor, text_mass: Tensor) -> tuple[Tensor, Tensor]:
    """Return divergence and text-only strength per head, both (H,).

    `with_all` (H, D) is the row's output, `text_sum` (H, D) what textual keys gave, `text_mass` (H,) their weight.
    """
    without = text_sum / text_mass.clamp_min(1e-12)[:, None]  # a_T
    return torch.linalg.vector_norm(with_all - without, dim=-1), without.square().sum(-1)


def divergence_of_rows(seeing: Tensor, blind: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same from the outputs (H, D) of a row that sees the picture and one that does not (eq. 4)."""
    return torch.linalg.vector_norm(seeing - blind, dim=-1), blind.square().sum(-1)


def choose_heads(divergence: Tensor, text_strength: Tensor) -> Tensor:
    """Return the heads (H,) bool above the layer's median, without those that are loud in any case (eq. 6)."""
    divergence = torch.where(_stands_out(divergence) & _stands_out(text_strength), 0.0, divergence)
    middle = divergence.sort().values
    half = len(middle) // 2
    median = middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2
    return divergence > median


def _stands_out(values: Tensor) -> Tensor:
    return values > values.mean() + values.std(correction=0)
