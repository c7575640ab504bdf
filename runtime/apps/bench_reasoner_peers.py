"""What other ways to compress and to ground cost beside ours: same model, same frames, same budget of visual tokens.

Everybody reads as many tokens at once as ours, to the end of a question's words. What the numbers do not say: FastV can
end its prefill only once the question is there, ours and a recency window have read all but the question before; who
takes a few frames alone spares the tower the others, and never knows what was in them. Answers of random weights say
nothing, so accuracy is not compared here.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reasoning.lmm.attention import attend
from reasoning.lmm.drop import STEPS, TokenDrop
from reasoning.lmm.families import Family, FrameTokens, find_family
from reasoning.lmm.stream import Budget
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.bench_peer_rules import (
    FASTV_LAYERS,
    PAI_GAIN,
    boosted,
    column_means,
    fastv_prefill,
    paint_gains,
    pooled,
    tower_look,
    visionzip,
)
from runtime.apps.bench_reasoner_shape import CHUNK, DROPPED, HEADS, KEYS, WORDS, in_turn, watched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHOLE = "no compression"
DOMINANT, CONTEXTUAL = 32, 10  # ours: of what a frame shows anew, tokens that stay and averages of the others
MERGED_SHARE = 10 / 64  # VisionZip's: of a frame's budget


@dataclass(slots=True, kw_only=True)
class Way:
    """One way to read the frames."""

    read: Callable[[], tuple[int, int]]  # -> visual tokens in most layers, and bytes, of the cache at the end
    tower: float = 1.0  # how often it takes the time of the vision tower over every frame
    tokens: int = 0  # as it was read last
    size_bytes: int = 0

    def step(self) -> None:
        """Read once."""
        self.tokens, self.size_bytes = self.read()


def measure_peers(
    plan: Plan, model: Any, images: Sequence[NDArray[np.uint8]], frames: Sequence[FrameTokens], tower_s: float
) -> list[Measure]:
    """Measure prefill and cache of every way to read `frames`, which the tower made of `images`, and PAI and PAINT."""
    family = find_family(model)
    budget = round((1 - DROPPED) * sum(len(frame.tokens) for frame in frames))
    progress(f"compressing {len(images)} frames as VisionZip does")
    zipped, tower = zip_frames(model, images, budget)
    ways = _ways(family, frames, budget)
    ways["VisionZip"] = Way(read=lambda: _streamed(family, zipped, Budget(chunk=CHUNK)), tower=tower)
    progress(f"reading {len(frames)} frames in {len(ways)} ways")
    seconds = in_turn({name: way.step for name, way in ways.items()}, plan.rounds(1, 3, 5))
    read = [one for name in ways if name != WHOLE for one in _compared(name, ways, seconds, tower_s)]
    return [*read, *_decode(plan)]


def _ways(family: Family, frames: Sequence[FrameTokens], budget: int) -> dict[str, Way]:
    """Return the ways that need nothing but encoded frames."""
    newest = frames[-max(1, budget // len(frames[0].tokens)) :]
    every = round(1 / (1 - DROPPED))
    sampled = frames[::every]
    plain = Budget(chunk=CHUNK)
    threshold = threshold_for([frame.tokens for frame in frames], budget, DOMINANT + CONTEXTUAL)
    ours = Budget(chunk=CHUNK, threshold=threshold, dominant=DOMINANT, contextual=CONTEXTUAL)
    window = Budget(chunk=CHUNK, window=budget)
    return {
        WHOLE: Way(read=lambda: _streamed(family, frames, plain)),
        "our drop and merge": Way(read=lambda: _streamed(family, frames, ours)),
        f"FastV (K = {FASTV_LAYERS})": Way(read=lambda: _fastv(family, frames, budget)),
        "a recency window": Way(read=lambda: _streamed(family, frames, window)),
        "the newest frames alone": Way(read=lambda: _streamed(family, newest, plain), tower=len(newest) / len(frames)),
        f"every {every}th frame": Way(read=lambda: _streamed(family, sampled, plain), tower=len(sampled) / len(frames)),
    }


def _compared(name: str, ways: dict[str, Way], seconds: dict[str, list[float]], tower_s: float) -> list[Measure]:
    """Return how many times less a way takes than no compression: prefill, cache, and prefill with the tower."""
    way, whole = ways[name], ways[WHOLE]
    pairs = zip(seconds[WHOLE], seconds[name], strict=True)
    with_tower = [(tower_s + theirs) / (way.tower * tower_s + ours) for theirs, ours in pairs]
    return [
        Measure(
            name=f"prefill, {WHOLE} over {name}",
            value=ratio(seconds[WHOLE], seconds[name]),
            unit="x",
            detail={
                "visual_tokens": way.tokens,
                "prefill_s": rounded(seconds[name]),
                "whole_s": rounded(seconds[WHOLE]),
            },
        ),
        Measure(name=f"cache, {WHOLE} over {name}", value=whole.size_bytes / way.size_bytes, unit="x"),
        Measure(
            name=f"prefill with the vision tower, {WHOLE} over {name}",
            value=statistics.median(with_tower),
            unit="x",
            detail={"tower_over_stock": round(way.tower, 3)},
        ),
    ]


def zip_frames(model: Any, images: Sequence[NDArray[np.uint8]], budget: int) -> tuple[list[FrameTokens], float]:
    """Encode as VisionZip does, to `budget` tokens in all; also return how often it takes the time of encoding alone.

    SmolVLM's tower hands on squares of patches, so tokens are chosen after the projection, by averages over a square.
    """
    family, vision = find_family(model), model.config.vision_config
    zipped = []
    encoding_s = zipping_s = 0.0
    with tower_look(model.model.vision_model) as seen:
        for number, image in enumerate(images):
            room = budget * (number + 1) // len(images) - budget * number // len(images)
            start_s = time.perf_counter()
            frame = family.encode(image, 64)
            encoded_s = time.perf_counter()
            looks = column_means(seen["query"], seen["key"], vision.num_attention_heads)
            by_head = seen["key"].unflatten(-1, (vision.num_attention_heads, -1))  # (P, H, D)
            merged = round(MERGED_SHARE * room)
            tokens = visionzip(
                frame.tokens,
                saliency=pooled(looks[:, None], model.config.scale_factor)[:, 0],
                metric=pooled(by_head.mean(1), model.config.scale_factor),
                dominant=room - merged,
                contextual=merged,
            )
            zipping_s += time.perf_counter() - encoded_s
            encoding_s += encoded_s - start_s
            zipped.append(FrameTokens(tokens=tokens, rows=1, columns=len(tokens)))
    return zipped, 1 + zipping_s / encoding_s


def threshold_for(frames: Sequence[Tensor], budget: int, most: int) -> float:
    """Return the threshold at which token drop keeps nearest to `budget` tokens, `most` of a frame after merging."""
    low, high = -1.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        drop = TokenDrop(middle)
        kept = sum(min(most, int(drop.step(frame).sum())) for frame in frames)
        low, high = (low, middle) if kept > budget else (middle, high)
    return (low + high) / 2


def _streamed(family: Family, frames: Sequence[FrameTokens], budget: Budget) -> tuple[int, int]:
    stream = watched(family, frames, budget)
    return int(stream.cache.notes.visual.sum()), stream.cache.size_bytes


def _fastv(family: Family, frames: Sequence[FrameTokens], budget: int) -> tuple[int, int]:
    words = family.embed(torch.tensor(WORDS))
    tokens = torch.cat((words, *(frame.tokens for frame in frames), words))
    visual = torch.ones(len(tokens), dtype=torch.bool)
    visual[: len(words)] = visual[-len(words) :] = False
    pruned = fastv_prefill(family, tokens, visual, budget, CHUNK)
    family.head(pruned.states[-1])  # as a stream does at its end
    return int(visual[pruned.kept].sum()), pruned.cache.size_bytes


def _decode(plan: Plan) -> list[Measure]:
    """One decoding step of one layer over a long cache, as sdpa does it and with louder pictures."""
    measures = []
    for name, (heads, kv_heads, width) in HEADS.items():
        generator = torch.Generator().manual_seed(0)
        query = torch.randn(1, heads, 1, width, generator=generator)
        key, value = (torch.randn(1, kv_heads, KEYS, width, generator=generator) for _ in range(2))
        looks = torch.empty(2, KEYS).exponential_(generator=generator)  # of two layers of the tower
        visual = (torch.arange(KEYS) % 20 > 0).float()  # a word for every nineteen tokens of pictures
        module = torch.nn.Module()
        module.layer_idx, module.num_key_value_groups, module.is_causal = 25, heads // kv_heads, True  # type: ignore[assignment]
        pai, paint = PAI_GAIN * visual, paint_gains(*looks) * visual
        seconds = in_turn(
            {
                "stock": lambda: attend(module, query, key, value, None),  # noqa: B023 - called in this round
                "PAI": lambda: boosted(query, key, value, pai, width**-0.5),  # noqa: B023
                "PAINT": lambda: boosted(query, key, value, paint, width**-0.5),  # noqa: B023
            },
            plan.rounds(5, 40, 200),
        )
        measures += [
            Measure(
                name=f"decode with {rule} over stock at {KEYS} keys, heads of {name}",
                value=ratio(seconds[rule], seconds["stock"]),
                unit="x",
            )
            for rule in ("PAI", "PAINT")
        ]
    return measures
