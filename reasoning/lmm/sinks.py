"""Attention sinks, found by their massive activations: tokens in which a few dimensions of the stream stand out.

VAR (Kang et al. 2025, arXiv:2503.03321) knows the dimensions of some models; for any other they are those in which the
first token, a sink in every trained decoder, stands out most. A decoder without them has no sinks, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

PROMINENT = 20.0  # times the root mean square from which a token is a sink
DIMENSIONS = 2
FIRST_LAYER = 2
EPSILON = 1e-6


def prominence(hidden: Tensor, dimensions: Tensor) -> Tensor:
    """hidden (N, C), dimensions (K,) -> how far each token stands out in any of them, (N,) times its RMS."""
    hidden = hidden.float()
    scale = hidden.square().mean(-1, keepdim=True).add(EPSILON).sqrt()
    return (hidden.abs() / scale)[:, dimensions].amax(-1)


class SinkFinder:
    """Watches the inputs of a decoder's layers."""

    def __init__(self, text: nn.Module, dimensions: Tensor | None = None, prominent: float = PROMINENT) -> None:
        """Watch `text`; without `dimensions` they are taken from the first token that `watch` sees."""
        self.dimensions = dimensions
        self._layers: Any = text.layers
        self._prominent = prominent
        self._inputs: dict[int, Tensor] = {}

    @contextmanager
    def watch(self) -> Iterator[None]:
        """See the layer inputs of forward passes in here."""
        self._inputs.clear()
        handles = [
            layer.register_forward_pre_hook(self._see(place), with_kwargs=True)
            for place, layer in enumerate(self._layers)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def sinks(self) -> Tensor:
        """Return which tokens of the last pass are sinks, (L, N) bool; none below the third layer."""
        if self.dimensions is None:
            self.dimensions = self._find()
        found = [
            (prominence(self._inputs[place], self.dimensions) > self._prominent) & (place >= FIRST_LAYER)
            for place in range(len(self._layers))
        ]
        return torch.stack(found)

    def _find(self) -> Tensor:
        """Return the dimensions in which the first token stands out most, on average over the middle layers."""
        count = len(self._layers)
        middle = range(count // 3, max(count // 3 + 1, 2 * count // 3))
        first = torch.stack([self._inputs[place][0].float() for place in middle])  # (layers, C)
        scale = first.square().mean(-1, keepdim=True).add(EPSILON).sqrt()
        return (first.abs() / scale).mean(0).topk(DIMENSIONS).indices

    def _see(self, place: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            hidden = args[0] if args else kwargs["hidden_states"]
            self._inputs[place] = hidden[0].detach()

        return hook
