"""What comes first of what was found: scores that are enough, ranks fused, what only says it again behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memory.protocol import SCORE_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from runtime.messages import Hit

RRF_K = 60
ALIKE_COSINE = 0.95  # two texts that say nearly the same


def enough(scores: Mapping[str, float], floor: float) -> dict[str, float]:
    """Keep scores that reach the floor, rounded so that replays agree."""
    rounded = {record: min(1.0, round(score, SCORE_DIGITS)) for record, score in scores.items()}
    return {record: score for record, score in rounded.items() if score >= floor}


def fuse(*rankings: dict[str, float]) -> dict[str, float]:
    """Add 1 / (k + rank) over the rankings (Cormack et al. 2009); records of one score share one rank."""
    fused: dict[str, float] = {}
    for scores in rankings:
        ranks = {score: rank for rank, score in enumerate(sorted(set(scores.values()), reverse=True), start=1)}
        for record, score in scores.items():
            fused[record] = fused.get(record, 0.0) + 1 / (RRF_K + ranks[score])
    return fused


def without_repeats(hits: Iterable[Hit]) -> tuple[list[Hit], list[Hit]]:
    """Return hits in two lists: in the second those that say what a better one says already."""
    seen: set[tuple[str, str]] = set()
    firsts: list[Hit] = []
    repeats: list[Hit] = []
    for hit in hits:
        said = (hit.kind, hit.text.casefold())
        (repeats if said in seen else firsts).append(hit)
        seen.add(said)
    return firsts, repeats


def varied(hits: Sequence[Hit], vectors: Mapping[str, NDArray[np.float16]], k: int) -> list[Hit]:
    """Return hits with those behind that lie in the clip of a better one, or have nearly its vector; at least k.

    `vectors` are of length 1, of records that have one. Whatever comes after k that stand in front is left out.
    """
    clips: set[str] = set()
    seen: list[NDArray[np.float32]] = []  # vectors of those in front
    front: list[Hit] = []
    behind: list[Hit] = []
    for hit in hits:
        if len(front) >= k:
            break
        vector = vectors[hit.record_id].astype(np.float32) if hit.record_id in vectors else None
        is_alike = vector is not None and any(float(one @ vector) >= ALIKE_COSINE for one in seen)
        if is_alike or hit.clip_id in clips:
            behind.append(hit)
            continue
        front.append(hit)
        if hit.clip_id:  # not while its clip is open
            clips.add(hit.clip_id)
        if vector is not None:
            seen.append(vector)
    return front + behind
