"""Counters and per-stage latencies of a service, with p50 and p95 over the latest values."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 1024  # latencies per stage


class Meter:
    """Counts events and times stages; cheap enough for every message."""

    def __init__(self) -> None:
        """Start at zero."""
        self.counters: Counter[str] = Counter()
        self._latencies_ms: dict[str, deque[float]] = {}

    def note_ms(self, stage: str, latency_ms: float) -> None:
        """Add one latency of a stage."""
        self._latencies_ms.setdefault(stage, deque(maxlen=KEPT)).append(latency_ms)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time a block as a stage."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            self.note_ms(stage, (time.perf_counter() - start_s) * 1e3)

    def latency_ms(self) -> dict[str, tuple[float, float]]:
        """Return (p50, p95) per stage in milliseconds."""
        return {
            stage: (_quantile(values, 0.5), _quantile(values, 0.95)) for stage, values in self._latencies_ms.items()
        }


def _quantile(values: deque[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
