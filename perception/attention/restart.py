"""What streams keep between frames, forgotten for some of a batch: after a gap, or for a new one in its place.

Every state here is a named tuple of tensors, or of such tuples, that have the streams first and are zero at the start;
where their number is a setting (the blocks of an encoder) they stand in a plain tuple.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

State = TypeVar("State", bound=tuple[object, ...])


def restart(state: State, rows: Tensor) -> State:
    """Return the state with the streams in `rows` (B,) bool as before their first frame, and the others as they are."""
    parts = [
        torch.where(rows.view(-1, *[1] * (part.dim() - 1)), torch.zeros_like(part), part)
        if isinstance(part, Tensor)
        else restart(part, rows)  # type: ignore[type-var]
        for part in state
    ]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)  # type: ignore[arg-type]
