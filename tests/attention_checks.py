"""What every attention block is held to: rows that do not know of each other, and gradients that are finite."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

CLOSE = 1e-5  # in fp32
M = TypeVar("M", bound=nn.Module)


def seeded(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers that are the same in every run."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def lively(module: M, seed: int = 0) -> M:
    """Give every parameter values that are the same in every run, none of them zero or one; return it in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            first = parameter.flatten()[0].clone()
            middle = first if (parameter == first).all() else 0  # a norm's scale stays about one
            spread = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.25
            parameter.copy_(middle + spread * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def assert_close(fast: Tensor, slow: Tensor) -> None:
    """The two are equal within what fp32 gives."""
    torch.testing.assert_close(fast, slow, rtol=CLOSE, atol=CLOSE)


def assert_rows_are_independent(call: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Every row of a batch comes out as it does alone; each input and the result have the batch first."""
    together = call(*inputs)
    assert len(together) > 1
    for row in range(len(together)):
        assert_close(together[row : row + 1], call(*(value[row : row + 1] for value in inputs)))


def assert_gradients_are_finite(module: nn.Module, call: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Each parameter and each input gets a gradient, all of it finite, and not all of the inputs' zero."""
    leaves = [value.clone().requires_grad_() for value in inputs]
    module.zero_grad()
    call(*leaves).square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for leaf in leaves:
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert leaf.grad.abs().sum() > 0


def assert_reads_nothing_back(module: nn.Module, call: Callable[..., Tensor], *inputs: Tensor) -> None:
    """No value decides what is computed, so that a CUDA graph can hold it: it runs on tensors that have no values."""
    shape = call(*inputs).shape
    module.to("meta")
    assert call(*(value.to("meta") for value in inputs)).shape == shape
