"""How fast the encoders of perception are: the video encoder beside transformers' DaViT, with the same weights.

Theirs is the vision tower of Florence-2, given pixels that are ready; ours takes frames as a camera gives them. Both
run eagerly, in turn, frame by frame or in batches; theirs with each way that transformers has to attend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from perception.vision.davit import FLORENCE_BASE, Davit, DavitShape
from perception.vision.encoder import YARD, YARD_PX, VideoEncoder, yard_encoder
from perception.vision.pixels import normalised
from perception.vision.weights import take_weights
from runtime.apps.bench_measure import Measure, Plan, progress, ratio, rounded
from runtime.apps.bench_perception_gpu import Subject, measure_gpu

GOAL = 1.0
QUICK_PX, NORMAL_PX, FULL_PX = (96, 96), (224, 224), (768, 768)  # 768 is what Florence-2 was trained for
WAYS = ("sdpa", "eager")

Seconds: TypeAlias = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A tower, its frames, and how many of them at once."""

    name: str
    shape: DavitShape
    size_px: tuple[int, int]
    batch: int


def measure_perception(plan: Plan) -> list[Measure]:
    """Measure every encoder on this processor, and on a GPU where there is one."""
    with torch.inference_mode():
        return [
            *(one for size in sizes_of(plan) for one in beside_transformers(plan, size)),
            *measure_gpu(plan, subjects()),
        ]


def sizes_of(plan: Plan) -> list[Size]:
    """Return what is compared: a tower as large as Florence-2-base's, and one as small as the yard's."""
    size_px = {"quick": QUICK_PX, "normal": NORMAL_PX, "full": FULL_PX}[plan.length]
    small = replace(YARD, shrink_kernel=3)  # as transformers has it
    return [
        Size(name="Florence-2-base", shape=FLORENCE_BASE, size_px=size_px, batch=1),
        Size(name="the yard's", shape=small, size_px=YARD_PX, batch=1),
        Size(name="the yard's", shape=small, size_px=YARD_PX, batch=8),
    ]


def beside_transformers(plan: Plan, size: Size) -> list[Measure]:
    """Return how many times as many frames a second ours takes as theirs does, by each of its ways to attend."""
    progress(f"{size.name} at {size.size_px[1]} x {size.size_px[0]} pixels, {size.batch} at once")
    theirs = {way: their_tower(size.shape, way) for way in WAYS}
    weights = theirs[WAYS[0]].state_dict()
    theirs[WAYS[1]].load_state_dict(weights)
    ours = our_encoder(size.shape, weights)
    frames = torch.randint(0, 256, (size.batch, 1, *size.size_px, 3), dtype=torch.uint8, generator=_seeded())
    pixels = normalised(frames[:, 0].permute(0, 3, 1, 2).float(), ours.mean, ours.deviation).contiguous()
    expected = theirs["sdpa"](pixels).last_hidden_state.flatten(2).transpose(1, 2)
    error = float((ours(frames)[:, 0] - expected).abs().max())
    steps: dict[str, Callable[[], object]] = {"ours": lambda: ours(frames)}
    steps |= {way: lambda way=way: theirs[way](pixels) for way in WAYS}  # type: ignore[misc]
    wall, cpu = in_turn(steps, plan.rounds(3, 15, 31))
    return [
        Measure(
            name=f"VideoEncoder over transformers' DaViT ({way}), {size.name}, "
            f"{size.size_px[1]}x{size.size_px[0]}, batch {size.batch}",
            value=ratio(wall[way], wall["ours"]),
            unit="x",
            at_least=GOAL,
            detail={
                "of_cpu_time": round(ratio(cpu[way], cpu["ours"]), 4),
                "ours_ms": rounded(1e3 * one for one in wall["ours"]),
                "theirs_ms": rounded(1e3 * one for one in wall[way]),
                "largest_difference": error,
                "threads": torch.get_num_threads(),
            },
        )
        for way in WAYS
    ]


def in_turn(steps: dict[str, Callable[[], object]], rounds: int) -> tuple[Seconds, Seconds]:
    """Return each step's seconds, and those of the processor, which others' work stretches less; one round is free."""
    wall: Seconds = {name: [] for name in steps}
    cpu: Seconds = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            step()
            if number:
                wall[name].append(time.perf_counter() - start_s)
                cpu[name].append(time.process_time() - start_cpu_s)
    return wall, cpu


def their_tower(shape: DavitShape, way: str) -> Any:
    """Return transformers' tower of a shape with random weights, which attends in one of its ways."""
    from transformers import Florence2VisionConfig
    from transformers.models.florence2.modeling_florence2 import Florence2VisionBackbone

    later = len(shape.widths) - 1
    config = Florence2VisionConfig(
        embed_dim=list(shape.widths),
        depths=list(shape.depths),
        num_heads=list(shape.heads),
        num_groups=list(shape.groups),
        window_size=shape.window,
        patch_size=[7, *[3] * later],
        patch_stride=[4, *[2] * later],
        patch_padding=[3, *[1] * later],
        patch_prenorm=[False, *[True] * later],
    )
    config._attn_implementation = way
    torch.manual_seed(0)
    return Florence2VisionBackbone(config).eval()


def our_encoder(shape: DavitShape, weights: Mapping[str, Tensor]) -> VideoEncoder:
    """Return our encoder of a shape with the weights of transformers' tower."""
    with torch.device("meta"):
        davit = Davit(shape)
    take_weights(davit, "transformers' tower", weights, weights.__getitem__)
    return VideoEncoder(davit).eval()


def subjects() -> list[Subject]:
    """Return the encoders that are measured on a GPU, and what one step of each reads."""

    def frames(size_px: tuple[int, int]) -> Callable[[int], Tensor]:
        return lambda batch: torch.randint(0, 256, (batch, 1, *size_px, 3), dtype=torch.uint8, generator=_seeded())

    return [
        Subject(name="VideoEncoder, Florence-2-base", make=_florence, samples=frames(FULL_PX)),
        Subject(name="VideoEncoder, the yard's", make=yard_encoder, samples=frames(YARD_PX)),
    ]


def _florence() -> VideoEncoder:
    return VideoEncoder(Davit(FLORENCE_BASE))


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
