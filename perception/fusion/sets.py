"""Losses of what the heads say: things as a set, each truth paired with one token at least cost, and the rest apart.

DETR (Carion et al. 2020, arXiv:2005.12872, section 3.1): the pairs are chosen without a gradient; tokens without a pair
are to say that nothing is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perception.fusion.heads import REACH_M, Readings, Things
from perception.tracking.assignment import assign

NOTHING = 0.2  # weight of a token that has no pair


class TrueThings(NamedTuple):
    """The M things that are there in one row."""

    kind: Tensor  # (M,) int64
    colour: Tensor  # (M,) int64
    range_m: Tensor  # (M,)
    bearing_rad: Tensor  # (M,), left is positive
    moving: Tensor  # (M,), 0 or 1
    approaching: Tensor  # (M,), 0 or 1


class Losses(NamedTuple):
    """One number a task."""

    things: Tensor
    activity: Tensor
    sound: Tensor
    ground: Tensor

    def total(self) -> Tensor:
        """Return their sum."""
        return self.things + self.activity + self.sound + self.ground


def losses(said: Readings, things: Sequence[TrueThings], activity: Tensor, sound: Tensor, ground: Tensor) -> Losses:
    """Take the truth of each row: things, activity (B,) int64, sound (B, sounds) and ground (B, Y, X) of 0 and 1."""
    return Losses(
        things_loss(said.things, things),
        F.cross_entropy(said.activity, activity),
        F.binary_cross_entropy_with_logits(said.sound, sound),
        F.binary_cross_entropy_with_logits(said.ground, ground),
    )


def things_loss(said: Things, true: Sequence[TrueThings]) -> Tensor:
    """Return the mean over the tokens of what kind they say, and over the true things of all the rest."""
    assert len(said.kind) == len(true), "one truth a row"
    nothing = said.kind.shape[-1] - 1
    wanted = torch.full(said.kind.shape[:2], nothing, device=said.kind.device)
    costs = []
    for row, own in enumerate(true):
        cost = pair_costs(Things(*(part[row] for part in said)), own)  # (Q, M)
        tokens, places = pairs(cost[0] + cost[1])
        wanted[row, tokens] = own.kind[places]
        costs.append(cost[1][tokens, places])
    weights = torch.where(wanted == nothing, NOTHING, 1.0)
    kinds = F.cross_entropy(said.kind.flatten(0, 1), wanted.flatten(), reduction="none") * weights.flatten()
    rest = torch.cat(costs)
    return kinds.sum() / weights.sum() + rest.sum() / max(1, len(rest))


def pair_costs(said: Things, true: TrueThings) -> tuple[Tensor, Tensor]:
    """Return what it costs each token of one row to stand for each true thing (Q, M): its kind, and all the rest."""
    kind = -said.kind.log_softmax(dim=-1)[:, true.kind]
    colour = -said.colour.log_softmax(dim=-1)[:, true.colour]
    far = (said.range_m[:, None] - true.range_m).abs() / REACH_M
    direction = torch.stack([true.bearing_rad.cos(), true.bearing_rad.sin()], dim=-1)  # (M, 2)
    bearing = (said.bearing[:, None] - direction).abs().sum(dim=-1)
    moving = _binary(said.moving, true.moving)
    return kind, colour + far + bearing + moving + _binary(said.approaching, true.approaching)


def pairs(cost: Tensor) -> tuple[Tensor, Tensor]:
    """Return the tokens and the true things (min(Q, M),) that cost (Q, M) least together."""
    found = assign(cost.detach().double().cpu().numpy())
    both = torch.tensor(found, dtype=torch.int64, device=cost.device).view(-1, 2)
    return both[:, 0], both[:, 1]


def _binary(logits: Tensor, true: Tensor) -> Tensor:
    """logits (Q,), true (M,) -> cross-entropy (Q, M)."""
    shape = (len(logits), len(true))
    return F.binary_cross_entropy_with_logits(
        logits[:, None].expand(shape), true.to(logits.dtype).expand(shape), reduction="none"
    )
