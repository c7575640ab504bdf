"""Modality-adaptive integration against its formula, channel by channel."""

import torch
from torch import Tensor, nn

from perception.attention.groupnorm import conv_norm_relu
from perception.attention.integration import ModalityIntegration
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def gate(linear: nn.Linear, x: Tensor) -> Tensor:
    """x (C, H, W) -> (C,)."""
    return 1 / (1 + torch.exp(-(linear.weight @ torch.stack([channel.mean() for channel in x]) + linear.bias)))


@torch.no_grad()
def test_each_sensor_gates_the_common_map_by_its_own_weights() -> None:
    module = lively(ModalityIntegration(3, 2, 4))
    camera, ranging = seeded(1, 3, 4, 5), seeded(1, 2, 4, 5, seed=1)
    boxes, ground = gate(module.gate_boxes, module.ranging(ranging)[0]), gate(module.gate_map, module.camera(camera)[0])
    fused = module.fuse(torch.cat([camera, ranging], dim=1))[0]
    expected = torch.stack([fused[c] * boxes[c] + fused[c] * ground[c] for c in range(4)])
    assert_close(module(camera, ranging)[0], expected)


@torch.no_grad()
def test_a_step_normalises_a_row_by_itself() -> None:
    step = lively(conv_norm_relu(3, 4))
    x = seeded(2, 3, 5, 5)
    conv, norm, _ = step
    assert isinstance(norm, nn.GroupNorm)
    for row, expected in zip(conv(x), step(x), strict=True):
        scaled = (row - row.mean()) / (row.var(unbiased=False) + norm.eps).sqrt()
        assert_close(expected, torch.relu(scaled * norm.weight[:, None, None] + norm.bias[:, None, None]))


def test_rows_are_independent_and_gradients_finite_also_when_a_sensor_sees_nothing() -> None:
    module = lively(ModalityIntegration(3, 2, 4))
    assert_rows_are_independent(module, seeded(3, 3, 5, 3), seeded(3, 2, 5, 3))
    assert_gradients_are_finite(module, module, seeded(2, 3, 5, 3), torch.zeros(2, 2, 5, 3))
