"""Mutual fusion against loops over pairs of positions and of channels."""

import math

import pytest
import torch
from torch import Tensor

from perception.attention.mutual import ChannelFusion, MutualFusion, PositionFusion, signed_root
from tests.attention_checks import (
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def root(value: Tensor) -> float:
    return math.copysign(math.sqrt(abs(value.item())), value.item())


def unit(x: Tensor) -> Tensor:
    """x (C, N) -> each column at length one."""
    return torch.stack([column / column.norm() for column in x.T], dim=1)


def related(shared: Tensor, x: Tensor) -> Tensor:
    """(R, N) and (S, N) -> (R, S), the signed root of each pair's product."""
    return torch.tensor([[root((one * other).sum()) for other in x] for one in shared])


def slow_positions(module: PositionFusion, r: Tensor, d: Tensor) -> Tensor:
    """Twice (C, H, W) -> (C, H, W)."""
    both = r + d
    where = module.where(torch.stack([both.max(dim=0).values, both.mean(dim=0)])[None])[0, 0]
    shared = module.shared((both * where + both)[None])[0].flatten(1)
    one, two = r.flatten(1), d.flatten(1)
    by_one, by_two = related(shared.T, one.T), related(shared.T, two.T)
    parts = [unit(one @ by_one), unit(two @ by_two), unit(shared @ (by_one + by_two))]
    return module.joint(torch.cat(parts).reshape(1, -1, *r.shape[1:]))[0]  # type: ignore[no-any-return]


def slow_channels(module: ChannelFusion, r: Tensor, d: Tensor) -> Tensor:
    """Twice (C, H, W) -> (C, H, W)."""
    both = torch.cat([r, d]).flatten(1)
    weights = module.weigh(both.max(dim=1).values) + module.weigh(both.mean(dim=1))
    shared = module.shared((both * weights[:, None]).reshape(1, -1, *r.shape[1:]))[0].flatten(1)
    one, two = r.flatten(1), d.flatten(1)
    by_one, by_two = related(one, shared), related(two, shared)
    parts = [unit(by_one @ one), unit(by_two @ two), unit((by_one + by_two) @ shared)]
    return module.joint(torch.cat(parts).reshape(1, -1, *r.shape[1:]))[0]  # type: ignore[no-any-return]


@torch.no_grad()
def test_equals_pair_by_pair() -> None:
    module = lively(MutualFusion(4))
    r, d = seeded(2, 4, 3, 2), seeded(2, 4, 3, 2, seed=1)
    slow = [
        slow_positions(module.positions, *row) + slow_channels(module.channels, *row) for row in zip(r, d, strict=True)
    ]
    torch.testing.assert_close(module(r, d), torch.stack(slow), rtol=1e-4, atol=1e-4)  # the root is flatter near zero


def test_a_map_that_is_too_large_is_refused() -> None:
    module, small = MutualFusion(2), torch.zeros(1, 2, 32, 1)
    assert module(small, small).shape == small.shape
    with pytest.raises(ValueError, match="a map of 33 x 1 cells is too large: pool it to 32 x 32 first"):
        module(torch.zeros(1, 2, 33, 1), torch.zeros(1, 2, 33, 1))


def test_the_signed_root_has_a_slope_everywhere() -> None:
    x = torch.tensor([-4.0, 0.0, 0.25, 9.0], requires_grad=True)
    signed_root(x).sum().backward()
    assert signed_root(x).tolist() == pytest.approx([-2, 0, 0.5, 3], abs=1e-5)
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_rows_are_independent_and_gradients_finite_also_of_empty_maps() -> None:
    module = lively(MutualFusion(4))
    assert_rows_are_independent(module, seeded(3, 4, 3, 5), seeded(3, 4, 3, 5, seed=1))
    assert_gradients_are_finite(module, module, seeded(2, 4, 3, 5), torch.zeros(2, 4, 3, 5))
