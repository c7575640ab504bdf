"""What the rows of one question and its answer do with what they look at, and what they tell about it.

Heads are chosen at the question's last token and stay until the answer ends: keys and values that were cached under one
choice would not fit another. At most one method changes weights (redistribution) and one changes outputs
(reinforcement), because all of them raise the picture's share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from reasoning.lmm.blocks import middle
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement, choose_heads, divergence_of_rows, local_divergence

FIRST_LAYER = 2  # sinks form in the layers before


@dataclass(slots=True)
class Look:
    """What the newest row looked at in one layer."""

    visual_mass: Tensor  # (H,) weight on the picture
    divergence: Tensor  # (H,) how much the picture changed each head's output
    weights: Tensor  # (H, N)
    reliance: Tensor  # (H,) how much the evidence changed each head's output: the picture, and lines that were quoted


@dataclass(slots=True)
class Grounding:
    """Attention of one answer; keys after those of `visual` are text."""

    visual: Tensor  # (N,) bool, of the keys that were there when the question began
    layers: int
    quoted: Tensor | None = None  # (M,) bool, of the question's own keys: lines that are evidence as pictures are
    words: dict[int, Tensor] = field(default_factory=dict)  # middle layer -> (M, N) what the question's rows looked at
    sinks: Tensor | None = None  # (L, N) bool
    redistribution: Redistribution | None = None
    reinforcement: Reinforcement | None = None
    heads: dict[int, Tensor] = field(default_factory=dict)  # layer -> (H,) bool, once chosen
    looks: dict[int, Look] = field(default_factory=dict)  # layer -> what the newest row did

    def weigh(self, layer: int, weights: Tensor) -> Tensor:
        """Change the weights (B, H, T, N) of some rows, and note what the question's looked at."""
        weights = self._redistributed(layer, weights)
        self._note_words(layer, weights)
        return weights

    def _redistributed(self, layer: int, weights: Tensor) -> Tensor:
        rule = self.redistribution
        if rule is None or rule.moved == 0 or self.sinks is None or not FIRST_LAYER <= layer < self.layers - 1:
            return weights
        count = weights.shape[-1]
        return rule.apply(weights, _padded(self.visual, count), _padded(self.sinks[layer], count))

    def amplify(self, layer: int, output: Tensor, last: Tensor, value: Tensor) -> Tensor:
        """Make chosen heads louder; output (B, H, T, D), the last row's weights (B, H, N), value (B, H_kv, N, D)."""
        text_sum, text_mass = self._of_text(last[0], value[0])
        seeing = output[0, :, -1]  # (H, D)
        divergence, strength = local_divergence(seeing, text_sum, text_mass)
        rule = self.reinforcement
        if rule is not None and rule.is_faithful and len(output) == 2:
            divergence, strength = divergence_of_rows(seeing, output[1, :, -1])
        reliance = divergence if self.quoted is None else self._reliance(last[0], value[0], output[0, :, -1])
        self.looks[layer] = Look(visual_mass=1 - text_mass, divergence=divergence, weights=last[0], reliance=reliance)
        if rule is None or rule.gain == 1 or layer not in rule.layers(self.layers):
            return output
        if layer not in self.heads:
            self.heads[layer] = choose_heads(divergence, strength) & self.visual.any()  # without a picture none
        gains = torch.where(self.heads[layer], rule.gain, 1.0)
        return output * gains[None, :, None, None]

    def reliance(self, top: int = 8) -> float:
        """Return how much the newest token drew on the evidence: its `top` heads' divergence in all layers (T-VHD)."""
        strongest = (look.reliance.topk(min(top, len(look.reliance))).values for look in self.looks.values())
        return sum(float(values.sum()) for values in strongest)

    def _reliance(self, weights: Tensor, value: Tensor, output: Tensor) -> Tensor:
        """weights (H, N), value (H_kv, N, D), output (H, D) -> each head's divergence without all evidence, (H,)."""
        assert self.quoted is not None
        evidence = torch.cat((self.visual, self.quoted.to(self.visual.device)))
        return local_divergence(output, *self._of_text(weights, value, evidence))[0]

    def _note_words(self, layer: int, weights: Tensor) -> None:
        """Keep the rows of the question (M of them, in the middle layers), averaged over heads."""
        known = self.words.get(layer)
        count = len(self.quoted) if self.quoted is not None else 0
        if known is None and count and layer in range(self.layers)[middle(self.layers)]:
            known = self.words[layer] = weights.new_empty(0, weights.shape[-1])
        if known is not None and len(known) < count:
            self.words[layer] = torch.cat((known, weights[0].mean(0)))

    def _of_text(self, weights: Tensor, value: Tensor, evidence: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what textual keys give and weigh: weights (H, N), value (H_kv, N, D) -> (H, D), (H,)."""
        seen = self.visual if evidence is None else evidence
        text = (~_padded(seen, weights.shape[-1])).nonzero().squeeze(-1)  # few beside the picture's keys
        of_text = weights[:, text]  # (H, M)
        grouped = of_text.view(value.shape[0], -1, len(text)).to(value.dtype)  # (H_kv, H / H_kv, M)
        return (grouped @ value[:, text]).reshape(len(weights), -1).float(), of_text.sum(-1)


def _padded(keys: Tensor, count: int) -> Tensor:
    """Return one bool per key, for keys that came since as well: they are text, and no sinks."""
    return torch.nn.functional.pad(keys, (0, count - len(keys)))
