"""What the rows of one question and its answer do with what they look at, and what they tell about it.

Heads are chosen at the question's last token and stay until the answer ends: keys and values that were cached under one
choice would not fit another. At most one method changes weights (redistribution) and one changes outputs
(reinforcement), because all of them raise the picture's share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement, choose_heads, divergence_of_rows, local_divergence

FIRST_LAYER = 2  # sinks form in the layers before


@dataclass(slots=True)
class Look:
    """What the newest row looked at in one layer."""

    visual_mass: Tensor  # (H,) weight on the picture
    divergence: Tensor  # (H,) how much the picture changed each head's output
    weights: Tensor  # (H, N)


@dataclass(slots=True)
class Grounding:
    """Attention of one answer; keys after those of `visual` are text."""

    visual: Tensor  # (N,) bool, of the keys that were there when the question began
    layers: int
    sinks: Tensor | None = None  # (L, N) bool
    redistribution: Redistribution | None = None
    reinforcement: Reinforcement | None = None
    heads: dict[int, Tensor] = field(default_factory=dict)  # layer -> (H,) bool, once chosen
    looks: dict[int, Look] = field(default_factory=dict)  # layer -> what the newest row did

    def weigh(self, layer: int, weights: Tensor) -> Tensor:
        """Change the weights (B, H, T, N) of some rows."""
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
        self.looks[layer] = Look(visual_mass=1 - text_mass, divergence=divergence, weights=last[0])
        if rule is None or rule.gain == 1 or layer not in rule.layers(self.layers):
            return output
        if layer not in self.heads:
            self.heads[layer] = choose_heads(divergence, strength)
        gains = torch.where(self.heads[layer], rule.gain, 1.0)
        return output * gains[None, :, None, None]

    def reliance(self, top: int = 8) -> float:
        """Return how much the newest token drew on the picture: its `top` heads' divergence in all layers (T-VHD)."""
        strongest = (look.divergence.topk(min(top, len(look.divergence))).values for look in self.looks.values())
        return sum(float(values.sum()) for values in strongest)

    def _of_text(self, weights: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return what textual keys give and weigh: weights (H, N), value (H_kv, N, D) -> (H, D), (H,)."""
        text = (~_padded(self.visual, weights.shape[-1])).nonzero().squeeze(-1)  # few beside the picture's keys
        of_text = weights[:, text]  # (H, M)
        grouped = of_text.view(value.shape[0], -1, len(text)).to(value.dtype)  # (H_kv, H / H_kv, M)
        return (grouped @ value[:, text]).reshape(len(weights), -1).float(), of_text.sum(-1)


def _padded(keys: Tensor, count: int) -> Tensor:
    """Return one bool per key, for keys that came since as well: they are text, and no sinks."""
    return torch.nn.functional.pad(keys, (0, count - len(keys)))
