"""Cross-gated streams against two separate streams, each with its own weights, gated one channel at a time."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.attention.crossgate import ChannelGate, CrossGate, CrossGatedStages, TwinBottleneck
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow_gate(gate: ChannelGate, z: Tensor) -> Tensor:
    """z (C, H, W) -> (C,)."""
    first, _, second = gate.mlp
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    total = torch.zeros(len(z))
    for pooled in ([channel.mean() for channel in z], [channel.max() for channel in z]):
        inner = torch.relu(first.weight @ torch.stack(pooled) + first.bias)
        total = total + second.weight @ inner + second.bias
    return 1 / (1 + torch.exp(-total))


def slow_stream(block: TwinBottleneck, x: Tensor, stream: int) -> Tensor:
    """x (C, H, W) of one of the two streams -> the same, with that stream's part of the weights."""
    for norm, conv in zip(list(block.layers)[::3], list(block.layers)[2::3], strict=True):
        assert isinstance(norm, nn.GroupNorm)
        assert isinstance(conv, nn.Conv2d)
        scale, shift, weight, bias = (
            part.chunk(2)[stream] for part in (norm.weight, norm.bias, conv.weight, conv.bias) if part is not None
        )
        x = (x - x.mean()) / (x.var(unbiased=False) + norm.eps).sqrt()
        x = torch.relu(x * scale[:, None, None] + shift[:, None, None])
        x = F.conv2d(x[None], weight, bias, padding=weight.shape[-1] // 2)[0]
    return x


@torch.no_grad()
def test_equals_two_streams_that_are_gated_by_hand() -> None:
    module = lively(CrossGate(4, reduction=2))
    x = seeded(1, 8, 3, 5)
    one, two = x[0, :4], x[0, 4:]
    assert module.joint.bias is not None
    z = torch.einsum("oc,chw->ohw", module.joint.weight[:, :, 0, 0], x[0]) + module.joint.bias[:, None, None]
    into_one = one + torch.stack(
        [w * channel for w, channel in zip(slow_gate(module.gate_second, z), two, strict=True)]
    )
    into_two = two + torch.stack([w * channel for w, channel in zip(slow_gate(module.gate_first, z), one, strict=True)])
    assert_close(module(x)[0, :4], one + slow_stream(module.residual, into_one, 0))
    assert_close(module(x)[0, 4:], two + slow_stream(module.residual, into_two, 1))


@torch.no_grad()
def test_a_bottleneck_mixes_nothing_between_the_streams() -> None:
    module = lively(TwinBottleneck(4, 6))
    x = seeded(1, 8, 4, 4)
    changed = x.clone()
    changed[:, 4:] += seeded(1, 4, 4, 4, seed=1)
    assert torch.equal(module(changed)[:, :6], module(x)[:, :6])
    assert not torch.isclose(module(changed)[:, 6:], module(x)[:, 6:]).all()


@torch.no_grad()
def test_stages_end_at_a_quarter_of_the_size_also_of_odd_maps() -> None:
    module = lively(CrossGatedStages((3, 10), 4))
    one, other = module(seeded(2, 3, 13, 17), seeded(2, 10, 13, 17))
    assert one.shape == other.shape == (2, 16, 4, 5)


def test_rows_are_independent_and_gradients_finite_also_of_empty_maps() -> None:
    module = lively(CrossGatedStages((3, 2), 4))

    def both(first: Tensor, second: Tensor) -> Tensor:
        return torch.cat(module(first, second), dim=1)

    assert_rows_are_independent(both, seeded(3, 3, 9, 9), seeded(3, 2, 9, 9))
    assert_gradients_are_finite(module, both, seeded(2, 3, 9, 9), torch.zeros(2, 2, 9, 9))
