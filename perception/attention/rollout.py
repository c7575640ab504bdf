"""Attention rollout (Abnar and Zuidema 2020, arXiv:2005.00928): from which tokens a result was drawn, over all blocks.

Of block i counts S̄ᵢ = ½ Sᵢ + ½ I, S the mean over heads. DCAL (Zhu et al. 2022, arXiv:2205.02151) wants one row of the
product S̄_L ... S̄₁: here a row is carried from the last block down, r <- r·S̄ᵢ, which takes no product of matrices, and
the rows of S are recomputed from queries and keys some at a time, so that the blocks themselves can stay fused.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ROWS = 256  # whose weights are in memory at once


def class_row(blocks: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return how much the class token, the first one, drew from each token: (B, N), each row sums to one.

    `blocks` has queries and keys (B, H, N, D) of every block, in the order in which they ran.
    """
    q = blocks[-1][0]
    row = q.new_zeros(q.shape[0], q.shape[2])
    row[:, 0] = 1
    return roll(row, blocks)


def mean_row(blocks: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return how much all tokens together drew from each, for models without a class token: (B, N)."""
    q = blocks[-1][0]
    return roll(q.new_full((q.shape[0], q.shape[2]), 1 / q.shape[2]), blocks)


def roll(row: Tensor, blocks: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Carry weights (B, N) on the last block's results back to the first block's inputs: (B, N)."""
    for q, k in reversed(blocks):
        row = 0.5 * row + 0.5 * _back(row, q, k)
    return row


def _back(row: Tensor, q: Tensor, k: Tensor) -> Tensor:
    """row (B, N) times the mean over heads of softmax(q·kᵀ / √D) -> (B, N)."""
    share = row / q.shape[1]
    back = torch.zeros_like(row)
    for start in range(0, q.shape[2], ROWS):
        part = slice(start, start + ROWS)
        weights = torch.softmax(q[:, :, part] @ k.transpose(2, 3) * q.shape[3] ** -0.5, dim=-1)  # (B, H, rows, N)
        back = back + torch.einsum("bi,bhij->bj", share[:, part], weights)
    return back
