"""The bench of perception, on small towers: equal weights give equal tokens, and every row says what it compares."""

from pathlib import Path

import pytest
import torch

from runtime.apps.bench_measure import Plan
from runtime.apps.bench_perception import Size, beside_transformers, sizes_of, subjects
from runtime.apps.bench_perception_gpu import Roof, measure_gpu, on_device, roof_of
from tests.davits import SHAPE

QUICK = Plan(data=Path(), length="quick")


def test_ours_is_measured_beside_both_ways_of_transformers() -> None:
    with torch.inference_mode():
        found = beside_transformers(QUICK, Size(name="a small one", shape=SHAPE, size_px=(24, 40), batch=2))
    assert [one.name for one in found] == [
        f"VideoEncoder over transformers' DaViT ({way}), a small one, 40x24, batch 2" for way in ("sdpa", "eager")
    ]
    for one in found:
        assert one.goal == ">= 1 x"
        assert one.value > 0
        assert one.detail["largest_difference"] < 1e-5
        assert len(one.detail["ours_ms"]) == len(one.detail["theirs_ms"]) == 3


def test_the_full_form_is_of_the_size_that_florence_2_was_trained_for() -> None:
    assert sizes_of(Plan(data=Path(), length="full"))[0].size_px == (768, 768)
    assert [one.batch for one in sizes_of(QUICK)] == [1, 1, 8]


def test_a_step_is_counted_against_the_roofline() -> None:
    device = torch.device("cpu")
    yard = subjects()[1]
    with torch.inference_mode():
        (found,) = on_device(yard, 1, device, Roof(flops=1e9, bytes=1e12), rounds=1)
        (bound,) = on_device(yard, 1, device, Roof(flops=1e15, bytes=1e3), rounds=1)
        roof = roof_of(device, side=64)
    assert found.name == "VideoEncoder, the yard's, bf16 on cpu, batch 1, eager"
    took_s = 1e-3 * found.detail["ms"]
    assert found.value == pytest.approx(1 / took_s, rel=0.01)
    flops = found.detail["roofline_share"] * took_s * 1e9
    assert 5e7 < flops < 5e9
    weights = sum(one.numel() for one in yard.make().parameters())  # type: ignore[attr-defined]
    moved = 2 * weights + 120 * 160 * 3 + 2 * 80 * 96
    assert bound.detail["roofline_share"] * bound.detail["ms"] == pytest.approx(moved, rel=0.01)
    assert roof.flops > 0
    assert roof.bytes > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_nothing_is_claimed() -> None:
    assert measure_gpu(QUICK, subjects()) == []
