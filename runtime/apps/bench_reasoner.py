"""What watching costs an LMM: token drop at ingest against none, grounding at decode against stock attention.

The model has the shape of SmolVLM2-500M and random weights: times and sizes are those of the real one, answers are not.
Frames are those of a sample video, one a second, and the drop mask comes from the rule's own scores on them. Ours and
the baseline run in turn in one process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import torch
import transformers

from reasoning.lmm.attention import Reading, attend, install
from reasoning.lmm.drop import calibrate
from reasoning.lmm.families import Family, FrameTokens, find_family
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement
from reasoning.lmm.stream import Budget, LmmStream
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.bench_reasoner_gpu import measure_gpu
from runtime.apps.bench_reasoner_peers import measure_peers
from runtime.apps.bench_reasoner_shape import CHUNK, DROPPED, HEADS, KEYS, WORDS, in_turn, watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

VIDEO = "video/one-by-one-person-detection.mp4"
FRAMES = 60
TIMES_LESS = 3.5
CACHE_LESS = 4.0
DEFAULT_THRESHOLD = 0.9
DECODE_COST = 1.1
WINDOW = 1024  # visual tokens
GROWTH = 1.1


def measure_reasoner(plan: Plan) -> list[Measure]:
    """Measure ingest with and without token drop, and decoding with and without grounding."""
    with torch.inference_mode():
        decoding = _decode(plan)
        progress("making a model of 0.5 B random parameters")
        model = _smolvlm_500m()
        install(model)
        family = find_family(model)
        count = plan.rounds(8, FRAMES, FRAMES)
        progress(f"encoding {count} frames")
        images = _pictures(plan.data / VIDEO, count)
        start_s = time.perf_counter()
        frames = [family.encode(image, 64) for image in images]
        tower_s = time.perf_counter() - start_s
        threshold = calibrate([frame.tokens for frame in frames], 1 - DROPPED)
        return [
            *decoding,
            *_ingest(plan, family, frames, threshold, tower_s),
            *measure_peers(plan, model, images, frames, tower_s),
            *_endless(plan, family, frames, threshold),
            *measure_gpu(plan, images),
        ]


def _decode(plan: Plan) -> list[Measure]:
    """One decoding step of one layer over a long cache, as sdpa does it and with every look and both methods."""
    measures = []
    for name, (heads, kv_heads, width) in HEADS.items():
        generator = torch.Generator().manual_seed(0)
        query = torch.randn(1, heads, 1, width, generator=generator)
        key, value = (torch.randn(1, kv_heads, KEYS, width, generator=generator) for _ in range(2))
        module = torch.nn.Module()
        module.layer_idx, module.num_key_value_groups, module.is_causal = 25, heads // kv_heads, True  # type: ignore[assignment]
        visual = torch.arange(KEYS) % 20 > 0  # a word for every nineteen tokens of pictures
        grounding = Grounding(
            visual=visual,
            layers=32,
            sinks=(torch.arange(KEYS) % 500 == 0).expand(32, -1),
            redistribution=Redistribution(),
            reinforcement=Reinforcement(),
        )
        seconds = in_turn(
            {
                "stock": lambda: attend(module, query, key, value, None),  # noqa: B023 - called in this round
                "grounded": lambda: attend(module, query, key, value, None, reading=Reading(grounding=grounding)),  # noqa: B023
            },
            plan.rounds(5, 40, 200),
        )
        measures.append(
            Measure(
                name=f"decode with grounding over stock at {KEYS} keys, heads of {name}",
                value=ratio(seconds["grounded"], seconds["stock"]),
                unit="x",
                at_most=DECODE_COST,
                detail={"stock_ms": round(1e3 * sorted(seconds["stock"])[len(seconds["stock"]) // 2], 3)},
            )
        )
    return measures


def _ingest(
    plan: Plan, family: Family, frames: Sequence[FrameTokens], threshold: float, tower_s: float
) -> list[Measure]:
    """Reading the frames with and without drop, to the end of a question's words."""
    progress(f"reading {len(frames)} frames, with and without drop")
    whole: list[LmmStream] = []
    dropped: list[LmmStream] = []
    default: list[LmmStream] = []
    seconds = in_turn(
        {
            "whole": lambda: whole.append(watched(family, frames, Budget(chunk=CHUNK))),
            "dropped": lambda: dropped.append(watched(family, frames, Budget(chunk=CHUNK, threshold=threshold))),
            "default": lambda: default.append(
                watched(family, frames, Budget(chunk=CHUNK, threshold=DEFAULT_THRESHOLD))
            ),
        },
        plan.rounds(1, 3, 5),
    )
    kept = {name: one[0].keep_rate for name, one in (("dropped", dropped), ("default", default))}
    shared = {"frames": len(frames), "prefill_s": rounded(seconds["whole"]), "tower_s": round(tower_s, 2)}
    with_tower = [(tower_s + a) / (tower_s + b) for a, b in zip(seconds["whole"], seconds["dropped"], strict=True)]
    return [
        Measure(
            name="prefill without drop over with",
            value=ratio(seconds["whole"], seconds["dropped"]),
            unit="x",
            at_least=TIMES_LESS,
            detail=shared | {"kept": round(kept["dropped"], 3), "threshold": round(threshold, 4)},
        ),
        Measure(
            name="cache without drop over with",
            value=whole[0].cache.size_bytes / dropped[0].cache.size_bytes,
            unit="x",
            at_least=CACHE_LESS,
            detail={"whole_mib": round(whole[0].cache.size_bytes / 2**20, 1)},
        ),
        Measure(
            name="the same prefill with the vision tower",
            value=sorted(with_tower)[len(with_tower) // 2],
            unit="x",
        ),
        Measure(
            name=f"prefill without drop over with, at a threshold of {DEFAULT_THRESHOLD:g}",
            value=ratio(seconds["whole"], seconds["default"]),
            unit="x",
            detail={"kept": round(kept["default"], 3)},
        ),
    ]


def _endless(plan: Plan, family: Family, frames: Sequence[FrameTokens], threshold: float) -> list[Measure]:
    """A long stream at one frame a second, its frames over and over: first answers and memory, early and late."""
    count, window = plan.rounds(120, 600, 3600), plan.rounds(256, WINDOW, WINDOW)
    progress(f"watching {count} s of stream")
    stream = LmmStream(family, Budget(threshold=threshold, window=window, chunk=CHUNK, refresh=len(frames)))
    empty = LmmStream(family, Budget())
    for one in (stream, empty):
        one.begin(WORDS)
    waits: list[float] = []
    sizes: list[int] = []
    for number in range(count):
        stream.append_tokens(frames[number % len(frames)])
        if number % 10 == 9 and int(stream.cache.notes.visual.sum()) > window - 2 * CHUNK:  # the window is full
            waits.append(_first_token_s(stream) / _first_token_s(empty))
            sizes.append(stream.cache.size_bytes)
    third = max(1, len(waits) // 3)
    early, late = statistics.median(waits[:third]), statistics.median(waits[-third:])
    return [
        Measure(
            name="time to first token late in a long stream over early",
            value=late / early,
            unit="x",
            at_most=GROWTH,
            detail={"seconds": count, "over_an_empty_stream": {"early": round(early, 3), "late": round(late, 3)}},
        ),
        Measure(
            name="cache late in a long stream over early",
            value=max(sizes[-third:]) / max(sizes[:third]),
            unit="x",
            at_most=GROWTH,
            detail={"mib": round(max(sizes) / 2**20, 1), "visual_tokens": window},
        ),
    ]


def _first_token_s(stream: LmmStream) -> float:
    start_s = time.perf_counter()
    next(iter(stream.answer(WORDS, limit=1)))
    return time.perf_counter() - start_s


def _smolvlm_500m() -> Any:
    config = transformers.SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "vocab_size": 49_280,
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "head_dim": 64,
            "max_position_embeddings": 8192,
        },
        vision_config={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 512,
            "patch_size": 16,
        },
        scale_factor=4,
    )
    torch.manual_seed(0)
    return transformers.SmolVLMForConditionalGeneration(config).eval()


def _pictures(path: Path, count: int) -> list[NDArray[np.uint8]]:
    """Return the video's first frame of every second."""
    images: list[NDArray[np.uint8]] = []
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            if picture.time >= len(images):
                images.append(picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
            if len(images) == count:
                break
    return images
