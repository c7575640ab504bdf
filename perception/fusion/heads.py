"""What a scene is read for: things and where they are, what goes on, what is heard, and which ground is taken.

Each head reads the same scene tokens through channel weights of its own (M3Net 2025, arXiv:2503.18100, its TCS). Things
are one a token, without an order (DETR, Carion et al. 2020, arXiv:2005.12872); their losses stand in `sets`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.taskscale import TaskScale

TASKS = ("things", "activity", "sound", "ground")
REACH_M = 10.0  # ranges are learnt in this unit


class Things(NamedTuple):
    """One thing for each scene token; all but `kind` mean something only where there is one."""

    kind: Tensor  # (B, Q, kinds + 1) logits, the last one: nothing
    colour: Tensor  # (B, Q, colours) logits
    range_m: Tensor  # (B, Q), above 0
    bearing: Tensor  # (B, Q, 2), cosine and sine of it, of any length
    moving: Tensor  # (B, Q) logits
    approaching: Tensor  # (B, Q) logits


class Readings(NamedTuple):
    """What all heads say."""

    things: Things
    activity: Tensor  # (B, activities) logits, one of them is right
    sound: Tensor  # (B, sounds) logits, any of them are
    ground: Tensor  # (B, Y, X) logits, taken


class SceneHeads(nn.Module):
    """Read scene tokens."""

    def __init__(
        self,
        width: int,
        *,
        kinds: int,
        colours: int,
        activities: int,
        sounds: int,
        ground: tuple[int, int],
    ) -> None:
        """`ground` says how many cells the bird's-eye grid has, along and across."""
        super().__init__()
        self.scale = TaskScale(width, len(TASKS))
        self.norm = nn.LayerNorm(width)
        self._sizes = [kinds + 1, colours, 1, 2, 1, 1]
        self.thing = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, sum(self._sizes)))
        self.activity = nn.Linear(width, activities)
        self.sound = nn.Linear(width, sounds)
        self.cells = nn.Parameter(torch.randn(*ground, width))
        self.to_kv = nn.Linear(width, 2 * width)
        self.taken = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, scene: Tensor) -> Readings:
        """scene (B, Q, C) -> what it says; ticks may stand among the rows."""
        things, activity, sound, ground = self.scale(self.norm(scene)).unbind(1)  # (B, Q, C) each
        return Readings(
            self._things(things),
            self.activity(activity.mean(dim=1)),
            self.sound(sound.mean(dim=1)),
            self._ground(ground),
        )

    def _things(self, x: Tensor) -> Things:
        kind, colour, far, bearing, moving, approaching = self.thing(x).split(self._sizes, dim=-1)
        range_m: Tensor = REACH_M * F.softplus(far.squeeze(-1))
        return Things(kind, colour, range_m, bearing, moving.squeeze(-1), approaching.squeeze(-1))

    def _ground(self, x: Tensor) -> Tensor:
        """Let each cell ask the scene: (B, Q, C) -> (B, Y, X)."""
        keys, values = self.to_kv(x).chunk(2, dim=-1)
        cells = self.cells.flatten(0, 1).expand(len(x), -1, -1)
        told = F.scaled_dot_product_attention(cells, keys, values)  # (B, Y·X, C)
        taken: Tensor = self.taken(told + cells).squeeze(-1).unflatten(1, self.cells.shape[:2])
        return taken
