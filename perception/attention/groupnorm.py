"""Convolution, norm, ReLU: the usual step of a fusion network, with a norm that does not mix the rows of a batch.

The papers normalise over the batch. Here each row is normalised by itself (group norm, Wu and He 2018,
arXiv:1803.08494), so that a stream gives the same whoever runs beside it, alone or in a batch, in training or not.
"""

from __future__ import annotations

from torch import nn


def conv_norm_relu(width_in: int, width_out: int, kernel: int = 3, *, norm_groups: int = 1) -> nn.Sequential:
    """Return the step from (B, width_in, H, W) to (B, width_out, H, W); the kernel is odd."""
    conv = nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(norm_groups, width_out), nn.ReLU())
