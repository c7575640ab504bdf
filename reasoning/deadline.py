"""Until when one answer may be worked on: one object, from the asking through eyes and model to the last word."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A moment of the event loop's clock; a replay has none, its time stands still at a question."""

    limit_s: float = math.inf
    until_s: float | None = None

    @classmethod
    def after(cls, limit_s: float | None, since_s: float) -> Deadline:
        """Return the deadline so long after a moment of the loop's clock; None is none."""
        return cls() if limit_s is None else cls(limit_s=limit_s, until_s=since_s + limit_s)

    def is_over(self) -> bool:
        """Say whether it has passed."""
        return self.until_s is not None and asyncio.get_running_loop().time() >= self.until_s

    def wait(self) -> asyncio.Timeout:
        """Return a context that ends with TimeoutError where it passes meanwhile."""
        return asyncio.timeout_at(self.until_s)


NONE = Deadline()
