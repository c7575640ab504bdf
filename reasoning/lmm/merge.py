"""The overflow of a frame's budget: the most telling tokens stay as they are, the others are averaged into a few.

VisionZip (Yang et al. 2024, arXiv:2412.04467) keeps dominant tokens and merges the rest onto evenly spaced targets; a
merged token counts in attention for as many as it stands for, by the log of that number added to its score (ToMe's
proportional attention, Bolya et al. 2023, arXiv:2210.09461). A merged token has its target's place and position.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A frame within its budget, in the order of places."""

    tokens: Tensor  # (M, C)
    index: Tensor  # (M,) int64: which of the given tokens it is, or whose place it has
    size: Tensor  # (M,) int64: how many tokens it stands for
    owner: Tensor  # (N,) int64: in which of the M each given token is


def merge(tokens: Tensor, saliency: Tensor, dominant: int, contextual: int) -> Merged:
    """tokens (N, C) and saliency (N,) -> `dominant` tokens as they are and the others in `contextual` averages.

    With N within the budget nothing changes. Ties go to the earlier place.
    """
    count = len(tokens)
    if count <= dominant + contextual:
        every = torch.arange(count, device=tokens.device)
        return Merged(tokens=tokens, index=every, size=torch.ones_like(every), owner=every)
    strongest = torch.argsort(saliency, descending=True, stable=True)[:dominant]
    is_rest = torch.ones(count, dtype=torch.bool, device=tokens.device)
    is_rest[strongest] = False
    rest = is_rest.nonzero().squeeze(-1)
    assert contextual > 0, "what is over goes somewhere"
    spread = torch.arange(contextual, device=tokens.device) * len(rest) // contextual
    targets = rest[spread]  # (K,)
    unit = torch.nn.functional.normalize(tokens.float(), dim=-1)
    nearest = (unit[rest] @ unit[targets].T).argmax(-1)  # (R,)
    nearest[spread] = torch.arange(contextual, device=tokens.device)  # a target is in its own average
    sums = torch.zeros(contextual, tokens.shape[1], device=tokens.device).index_add_(0, nearest, tokens[rest].float())
    sizes = torch.bincount(nearest, minlength=contextual)
    index, order = torch.cat((strongest, targets)).sort()
    size = torch.cat((torch.ones_like(strongest), sizes))[order]
    merged = torch.cat((tokens[strongest], (sums / sizes[:, None]).to(tokens.dtype)))[order]
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order), device=tokens.device)
    owner = torch.empty(count, dtype=torch.int64, device=tokens.device)
    owner[strongest] = back[:dominant]
    owner[rest] = back[dominant + nearest]
    return Merged(tokens=merged, index=index, size=size, owner=owner)
