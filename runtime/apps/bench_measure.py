"""What a benchmark hands back: measures with their goals, percentiles, medians of paired ratios, and the machine."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

Length: TypeAlias = Literal["quick", "normal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure on, and how long: `quick` shows that it works, `full` is what the goals were written for."""

    data: Path  # sample data; only benches that need it look there
    length: Length = "normal"
    recording: Path | None = None  # instead of sample data, where a bench plays one recording

    def rounds(self, quick: int, normal: int, full: int) -> int:
        """Return how often to measure."""
        return {"quick": quick, "normal": normal, "full": full}[self.length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number with its goal, if it has one, and what else was seen."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Say whether the goal is met; without a goal always."""
        if self.at_least is not None and not self.value >= self.at_least:
            return False
        return self.at_most is None or self.value <= self.at_most

    @property
    def goal(self) -> str:
        """Return the goal in words."""
        if self.at_least is not None:
            return f">= {self.at_least:g} {self.unit}"
        return f"<= {self.at_most:g} {self.unit}" if self.at_most is not None else ""


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the nearest-rank percentile. Raises ValueError where there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    rank = -(-percent * len(ordered) // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Return p50, p95, p99 and the largest."""
    shown = {f"p{percent}": percentile(values, percent) for percent in (50, 95, 99)} | {"max": max(values)}
    return {name: round(value, digits) for name, value in shown.items()}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios pair by pair: what slows both down in one round cancels out."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return how much the values grow per unit of time, by least squares."""
    return statistics.linear_regression(times, values).slope


def rounded(values: Iterable[float], digits: int = 3) -> list[float]:
    """Return the values as they are recorded."""
    return [round(value, digits) for value in values]


def load() -> float | None:
    """Return the load average of the last minute, None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def progress(text: str) -> None:
    """Tell what is being measured on a terminal; nothing in a pipe."""
    if sys.stderr.isatty():
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
