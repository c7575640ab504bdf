"""Seeded choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def draw_one(draw: np.random.Generator, values: Sequence[T]) -> T:
    """Return one of some values, each as likely as any other."""
    return values[int(draw.integers(len(values)))]


def draw_weighted(draw: np.random.Generator, weights: Mapping[T, float]) -> T:
    """Return one of some values by weights that sum up to 1."""
    names = list(weights)
    number = int(np.searchsorted(np.cumsum([weights[name] for name in names]), draw.random(), side="right"))
    return names[min(number, len(names) - 1)]
