"""What is measured on a GPU, run on a tiny model here: numbers there are only where there is a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runtime.apps.bench_measure import Plan
from runtime.apps.bench_reasoner_gpu import compared, measure_gpu, qwen_7b
from tests.test_reasoning_lmm_stream import pictures
from tests.tiny_lmms import tiny

NAMES = [
    "GPU, time to first token, stock generate",
    "GPU, decoding, stock generate",
    "GPU, peak memory, stock generate",
    "GPU, frames at ingest with drop and the vision tower",
    "GPU, time to first token, ours",
    "GPU, decoding, ours",
    "GPU, peak memory, ours",
]


def test_stock_and_ours_are_measured_on_the_same_frames() -> None:
    with torch.inference_mode():
        found = compared(tiny("qwen2_5_vl"), pictures(6), rounds=1, tokens=5)
    assert [one.name for one in found] == NAMES
    assert all(one.value > 0 for one in found if "memory" not in one.name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_nothing_is_claimed() -> None:
    assert measure_gpu(Plan(data=Path(), length="quick"), []) == []


def test_the_large_model_has_seven_billion_parameters() -> None:
    with torch.device("meta"):
        model = qwen_7b()
    assert 7.5e9 < sum(one.numel() for one in model.parameters()) < 9e9
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.gpu
def test_on_a_gpu_every_number_is_there() -> None:
    with torch.inference_mode():
        found = compared(tiny("qwen2_5_vl").to("cuda"), pictures(6), rounds=1, tokens=5)
    assert [one.name for one in found] == NAMES
    assert all(one.value > 0 for one in found)
