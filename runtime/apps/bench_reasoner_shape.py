"""What both halves of the reasoner's benchmark share: shapes, one way to read frames, and turns in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.stream import Budget, LmmStream

DROPPED = 0.8
CHUNK = 64  # visual tokens that the decoder reads at once, on both sides
KEYS = 16_384
WORDS = [1, 2, 3, 4]
HEADS = {"SmolVLM2-500M": (15, 5, 64), "Qwen2.5-VL-7B": (28, 4, 128)}  # query heads, key heads, width


def watched(family: Family, frames: Sequence[FrameTokens], budget: Budget) -> LmmStream:
    """Read frames that are encoded already, and a question: then all of them are in the cache."""
    stream = LmmStream(family, budget)
    stream.begin(WORDS)
    for frame in frames:
        stream.append_tokens(frame)
    stream.append_text(WORDS)
    return stream


def in_turn(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return each step's seconds; one round before is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start_s = time.perf_counter()
            step()
            if number:
                seconds[name].append(time.perf_counter() - start_s)
    return seconds
