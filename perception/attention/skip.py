"""A state that sensors update one after the other, and that the absent ones leave as it is.

MultiModN (Swamy et al. 2023, arXiv:2309.14118), row by row: absence is not encoded, so nothing can be learnt from it.
The update is a gated one (GRU, Cho et al. 2014, arXiv:1406.1078), for streams that go on.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SkipUpdate(nn.Module):
    """Let one sensor update the state of those rows in which it is present."""

    def __init__(self, width: int, state_width: int, inner: int | None = None) -> None:
        super().__init__()
        inner = inner if inner is not None else state_width
        self.hidden = nn.Linear(width, inner)
        self.cell = nn.GRUCell(inner, state_width)

    def forward(self, state: Tensor, x: Tensor, present: Tensor) -> Tensor:
        """state (B, S), x (B, F), present (B,) bool -> (B, S).

        A row that is absent, or in which x is not finite, keeps its state to the bit; its x is cleared before anything
        is computed of it, so that it reaches neither a result nor a gradient.
        """
        present = (present & x.isfinite().all(dim=1))[:, None]
        x = torch.where(present, x, torch.zeros_like(x))
        updated = self.cell(F.relu(self.hidden(x)), state)
        return torch.where(present, updated, state)


class SkipFusion(nn.Module):
    """One state for all sensors, which begins as a learnt one."""

    def __init__(self, widths: Mapping[str, int], state_width: int) -> None:
        """Name each sensor and the width of its input."""
        super().__init__()
        self.first = nn.Parameter(torch.zeros(state_width))
        self.updates = nn.ModuleDict({name: SkipUpdate(width, state_width) for name, width in widths.items()})

    def start(self, batch: int) -> Tensor:
        """Return the state before any sensor, (B, S)."""
        return self.first.expand(batch, -1)

    def step(self, state: Tensor, sensor: str, x: Tensor, present: Tensor) -> Tensor:
        """Let one sensor update the state: state (B, S), x (B, F), present (B,) bool -> (B, S)."""
        updated: Tensor = self.updates[sensor](state, x, present)
        return updated

    def forward(self, inputs: Mapping[str, tuple[Tensor, Tensor]], state: Tensor | None = None) -> Tensor:
        """Take x and present of some sensors in their order -> the state at the start and after each, (1 + E, B, S)."""
        states = [state if state is not None else self.start(len(next(iter(inputs.values()))[0]))]
        for sensor, (x, present) in inputs.items():
            states.append(self.step(states[-1], sensor, x, present))
        return torch.stack(states)
