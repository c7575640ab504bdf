"""Counters and per-stage latencies of a service, with p50 and p95 over the latest values, told every few seconds.

p99 is for benchmarks: the message has room for two.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from runtime.bus import Bus, Delivery
from runtime.errors import BusLost
from runtime.messages import Message, Metrics

logger = logging.getLogger(__name__)

REPORT_S = 5.0
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

    def spread_ms(self) -> dict[str, tuple[float, float, float]]:
        """Return (p50, p95, p99) per stage in milliseconds."""
        return {
            stage: (_quantile(values, 0.5), _quantile(values, 0.95), _quantile(values, 0.99))
            for stage, values in self._latencies_ms.items()
        }


async def tell(bus: Bus, meter: Meter, message: Message, to: Delivery | None = None) -> None:
    """Publish; a broker that stays away costs this message, not the service: who needs it asks again."""
    try:
        await bus.publish(message, to=to)
    except BusLost as error:
        meter.counters["untold"] += 1
        logger.warning("%s", error)


async def report(bus: Bus, session: str, meter: Meter, more: Callable[[], Mapping[str, int]] = dict) -> None:
    """Publish what the service on `bus` counted, what its bus lost and `more`, every 5 s for ever."""
    while True:
        await asyncio.sleep(REPORT_S)
        lost = {f"lost {what}": count for what, count in bus.lost().items()}
        counters = {**meter.counters, **lost, **more()}
        with suppress(BusLost):  # the next one says it all
            await bus.publish(
                Metrics(session=session, stream=bus.name, counters=counters, latency_ms=meter.latency_ms())
            )


def _quantile(values: deque[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
