"""The reasoner on a GPU, beside stock `generate`: a model of Qwen2.5-VL-7B's shape with random weights.

Stock reads all frames and the question at once and answers; ours has read the frames when the question comes, looks at
what each token rests on, and drops four fifths of the visual tokens by the rule's own scores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import transformers

from reasoning.lmm.attention import install
from reasoning.lmm.cache import StreamCache
from reasoning.lmm.drop import calibrate
from reasoning.lmm.families import QwenFamily, find_family
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.stream import Budget, LmmStream
from runtime.apps.bench_measure import Measure, Plan, progress
from runtime.apps.bench_reasoner_shape import CHUNK, DROPPED, WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAME_TOKENS = 64
ANSWER_TOKENS = 64
FIRST_TOKEN_MS = 30.0
FRAMES_PER_S = 100.0
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast one way is, in seconds and bytes."""

    ingest_s: float  # of all frames, with the vision tower
    first_s: float  # from the question to its first token
    token_s: float  # of each one after it
    peak_bytes: int  # 0 where nobody counts


def measure_gpu(plan: Plan, images: Sequence[NDArray[np.uint8]]) -> list[Measure]:
    """Measure on the first CUDA device; nothing where there is none."""
    if not torch.cuda.is_available():
        progress("no GPU is here: the CPU's numbers stand alone")
        return []
    progress("making a model of 7 B random parameters on the GPU")
    with torch.device("cuda"):
        model = qwen_7b()
    return compared(model, images, plan.rounds(1, 3, 5), ANSWER_TOKENS)


def compared(model: Any, images: Sequence[NDArray[np.uint8]], rounds: int, tokens: int) -> list[Measure]:
    """Return the pace of stock and of ours in turn, after one round that is not counted."""
    family = find_family(model)
    assert isinstance(family, QwenFamily)
    frames = [family.encode(image, FRAME_TOKENS).tokens for image in images]
    threshold = calibrate(frames, 1 - DROPPED)
    paces: dict[str, list[Pace]] = {"stock generate": [], "ours": []}
    for number in range(rounds + 1):
        model.set_attn_implementation({"text_config": "sdpa"})
        stock = _stock(model, family, images, tokens)
        install(model)
        ours = _ours(family, images, threshold, tokens)
        if number:
            paces["stock generate"].append(stock)
            paces["ours"].append(ours)
    return [one for name, found in paces.items() for one in _measures(name, found, len(images))]


def _measures(name: str, paces: Sequence[Pace], frames: int) -> list[Measure]:
    def middle(of: Callable[[Pace], float]) -> float:
        return statistics.median(map(of, paces))

    is_ours = name == "ours"
    found = [
        Measure(
            name=f"GPU, time to first token, {name}",
            value=middle(lambda pace: 1e3 * pace.first_s),
            unit="ms",
            at_most=FIRST_TOKEN_MS if is_ours else None,
            detail={"frames": frames},
        ),
        Measure(name=f"GPU, decoding, {name}", value=middle(lambda pace: 1 / pace.token_s), unit="tokens/s"),
        Measure(name=f"GPU, peak memory, {name}", value=middle(lambda pace: pace.peak_bytes / GIB), unit="GiB"),
    ]
    if is_ours:
        rate = Measure(
            name="GPU, frames at ingest with drop and the vision tower",
            value=middle(lambda pace: frames / pace.ingest_s),
            unit="frames/s",
            at_least=FRAMES_PER_S,
        )
        found.insert(0, rate)
    return found


def _ours(family: QwenFamily, images: Sequence[NDArray[np.uint8]], threshold: float, tokens: int) -> Pace:
    clock = _Clock(family.head.weight.device)
    stream = LmmStream(family, Budget(threshold=threshold, frame_tokens=FRAME_TOKENS, chunk=CHUNK))
    stream.begin(WORDS)
    clock.lap()
    for image in images:
        stream.append_frame(image)
    stream.flush()
    ingest_s = clock.lap()

    def ground(cache: StreamCache) -> Grounding:
        return Grounding(visual=cache.notes.visual.to(clock.device), layers=len(cache.layers))

    words = stream.answer(WORDS, limit=tokens, ground=ground)
    next(words)
    first_s = clock.lap()
    count = sum(1 for _ in words)
    return Pace(ingest_s=ingest_s, first_s=first_s, token_s=clock.lap() / count, peak_bytes=clock.peak_bytes())


def _stock(model: Any, family: QwenFamily, images: Sequence[NDArray[np.uint8]], tokens: int) -> Pace:
    clock = _Clock(family.head.weight.device)
    packed, grids = zip(*(family.packed(image, FRAME_TOKENS) for image in images), strict=True)
    counts = [int(grid.prod()) // family.merged for grid in grids]
    ids = torch.tensor([[*WORDS, *(token for count in counts for token in _picture(model, count)), *WORDS]])
    ids = ids.to(clock.device)
    given = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == model.config.image_token_id).int(),
        "pixel_values": torch.cat(packed),
        "image_grid_thw": torch.cat(grids),
        "do_sample": False,
    }
    clock.lap()
    model.generate(**given, max_new_tokens=1)
    first_s = clock.lap()
    model.generate(**given, min_new_tokens=tokens, max_new_tokens=tokens)
    rest_s = max(clock.lap() - first_s, 1e-9)
    return Pace(ingest_s=0.0, first_s=first_s, token_s=rest_s / (tokens - 1), peak_bytes=clock.peak_bytes())


def _picture(model: Any, count: int) -> list[int]:
    return [
        model.config.vision_start_token_id,
        *[model.config.image_token_id] * count,
        model.config.vision_end_token_id,
    ]


class _Clock:
    """Time and memory of a device that works behind the caller's back."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._since_s = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        before_s, self._since_s = self._since_s, time.perf_counter()
        return self._since_s - before_s

    def peak_bytes(self) -> int:
        """Return the most memory that was in use, 0 on a CPU."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else 0


def qwen_7b() -> Any:
    """Return a model of Qwen2.5-VL-7B's shape in bfloat16."""
    config = transformers.Qwen2_5_VLConfig(
        text_config={
            "vocab_size": 152_064,
            "hidden_size": 3584,
            "intermediate_size": 18_944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "max_position_embeddings": 128_000,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision_config={"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584},
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        return transformers.Qwen2_5_VLForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(before)
