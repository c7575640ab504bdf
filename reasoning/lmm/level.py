"""The reliance that means nothing: how much a model leans on evidence that shows nothing.

Where nobody knows which answers are right, a sentence counts as supported when it relied on its evidence more than
almost every token of answers about gray pictures and empty lines. Calibration on known truth replaces this number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.lmm.load import Lmm
from reasoning.lmm.looking import Methods, Shown
from reasoning.lmm.stream import Budget
from reasoning.lmm.watch import Watcher
from reasoning.prompt import Prompt

SHADES = (64, 128, 192)
SIZE_PX = (480, 640)
QUESTIONS = ("What is happening?", "Is somebody there?")
TOKENS = 12
QUANTILE = 0.95


def null_level(lmm: Lmm, budget: Budget, methods: Methods, system: str, lines: Sequence[str]) -> float:
    """Return the reliance that 95 of 100 tokens stay below where pictures are gray and `lines` say nothing."""
    watcher = Watcher(lmm, replace(budget, keep_rate=1.0), replace(methods, contrast=None), system)
    for number, shade in enumerate(SHADES):
        gray = np.full((*SIZE_PX, 3), shade, np.uint8)
        watcher.see(gray, Shown(record_id=str(number), stream="", t_ns=number), f"0:{number:02d} ")
    found: list[float] = []
    for question in QUESTIONS:
        for _ in watcher.answer(Prompt(intro="", lines=tuple(lines), closing=question), TOKENS):
            pass
        found += [one for sentence in watcher.spoken for one in sentence.reliances]
    return float(np.quantile(found, QUANTILE)) if found else 0.0
