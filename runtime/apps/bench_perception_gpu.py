"""An encoder's step on a GPU in bfloat16, with and without a CUDA graph, beside what the device could do at best.

The best (roofline) is measured in the same run: multiplications of a large matrix product, bytes of a large copy. A
step must do its own multiplications, and must read weights and samples and write tokens once: the larger of the two
times over the measured one is its share of the roofline.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from runtime.apps.bench_measure import Measure, Plan, progress

BATCHES = (1, 32)
WARM_UP = 3


class Encoder(Protocol):
    """What every encoder of perception has; it is an nn.Module too."""

    def start(self) -> Any:
        """Return the state before the first samples."""

    def step(self, samples: Tensor, state: Any, /) -> tuple[Tensor, Any]:
        """Take the next samples (B, T, ...) -> tokens, and the state before the next ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An encoder, and the samples of one step for a batch of streams."""

    name: str
    make: Callable[[], Encoder]
    samples: Callable[[int], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What a device does at best."""

    flops: float  # a second
    bytes: float  # a second, read and written


def measure_gpu(plan: Plan, subjects: Sequence[Subject]) -> list[Measure]:
    """Measure on the first CUDA device; nothing where there is none."""
    if not torch.cuda.is_available():
        progress("no device: frames a second on a GPU are not measured")
        return []
    device = torch.device("cuda")
    roof = roof_of(device, side=8192)
    rounds = plan.rounds(5, 30, 100)
    return [one for subject in subjects for batch in BATCHES for one in on_device(subject, batch, device, roof, rounds)]


def on_device(subject: Subject, batch: int, device: torch.device, roof: Roof, rounds: int) -> list[Measure]:
    """Return frames a second of one encoder's step, eager and as a CUDA graph, each with its share of the roofline."""
    progress(f"{subject.name}, {batch} at once, on {device.type}")
    torch.manual_seed(0)
    encoder = subject.make()
    assert isinstance(encoder, nn.Module)
    encoder.to(device, torch.bfloat16).eval()
    samples = subject.samples(batch).to(device)
    _, state = encoder.step(samples, encoder.start())

    def step() -> Tensor:
        return encoder.step(samples, state)[0]

    with FlopCounterMode(display=False) as counted:
        tokens = step()
    moved = sum(map(_size, [*encoder.parameters(), samples, tokens]))
    least_s = max(counted.get_total_flops() / roof.flops, moved / roof.bytes)
    ways: dict[str, Callable[[], object]] = {"eager": step}
    if device.type == "cuda":
        ways["CUDA graph"] = as_graph(step)
    measures = []
    for way, run in ways.items():
        took_s = median_s(run, device, rounds)
        measures.append(
            Measure(
                name=f"{subject.name}, bf16 on {device.type}, batch {batch}, {way}",
                value=batch / took_s,
                unit="frames/s",
                detail={"roofline_share": round(least_s / took_s, 4), "ms": round(1e3 * took_s, 3)},
            )
        )
    return measures


def as_graph(step: Callable[[], object]) -> Callable[[], object]:
    """Return the step as a CUDA graph, which is launched as a whole."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def roof_of(device: torch.device, side: int) -> Roof:
    """Measure a product of two matrices `side` wide in bfloat16, and a copy of one of them."""
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    product_s = median_s(lambda: torch.matmul(left, right, out=out), device, 10)
    copy_s = median_s(lambda: out.copy_(left), device, 10)
    return Roof(flops=2 * side**3 / product_s, bytes=2 * _size(left) / copy_s)


def median_s(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Return the median time of a call, to its end on the device."""
    for _ in range(WARM_UP):
        run()
    took = []
    for _ in range(rounds):
        _wait(device)
        start_s = time.perf_counter()
        run()
        _wait(device)
        took.append(time.perf_counter() - start_s)
    return statistics.median(took)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
