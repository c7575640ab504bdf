"""Cached keys moved to other positions: a rotary embedding turned by the difference (Su et al. 2021, arXiv:2104.09864).

Keys are cached as they were rotated. Turning them by a shift equals having rotated them at the shifted position, so
contiguous positions after eviction or retrieval need no unrotated copy. Only the rotation is exact: what deeper layers
put into the keys still comes from the old context.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from runtime.errors import ModelError

FIXED = frozenset({"default", "linear", "llama3", "yarn"})  # whose frequencies do not depend on the sequence's length


def hold(text: nn.Module) -> None:
    """Let a decoder's frequencies stay what they are within its context, which nothing here spans more than.

    InternVL3's are dynamic: they would change with the first position beyond it, also where all that is cached stands
    close together. Raises ModelError where they cannot be held.
    """
    rotary: Any = text.rotary_emb
    if getattr(rotary, "rope_type", "default") == "dynamic":
        rotary.rope_type = "default"
    _check(text)


def _check(text: nn.Module) -> None:
    kind = getattr(text.rotary_emb, "rope_type", "default")
    if kind not in FIXED:
        raise ModelError(type(text).__name__, f"has rotary embeddings of kind {kind!r}, which cannot be moved")


class Turner:
    """Turns cached keys of one text decoder."""

    def __init__(self, text: nn.Module, axes: int) -> None:
        """Take the decoder's own rotary embedding; `axes` is 3 where positions have time, row and column, else 1.

        Raises ModelError where the frequencies depend on how long the sequence is.
        """
        self._rotary: Any = text.rotary_emb
        self._axes = axes
        _check(text)

    def turn(self, keys: Tensor, shift: int | Tensor) -> Tensor:
        """keys (B, H_kv, N, D) moved by `shift` positions on every axis, forwards or back -> the same shape.

        `shift` is one for all, or one per token (N,).
        """
        if isinstance(shift, int):
            if shift == 0:
                return keys
            shift = torch.tensor([shift], device=keys.device)
        position = shift.expand(3, 1, -1) if self._axes == 3 else shift[None]
        cosine, sine = self._rotary(
            keys.new_empty(0, dtype=torch.float32), position
        )  # (1, 1 or N, D'), with yarn's factor
        factor = float(getattr(self._rotary, "attention_scaling", 1.0))
        cosine, sine = (cosine / factor)[:, None], (sine / factor)[:, None]
        width = cosine.shape[-1]
        turned = keys[..., :width].float()
        halves = torch.cat((-turned[..., width // 2 :], turned[..., : width // 2]), dim=-1)
        turned = (turned * cosine + halves * sine).to(keys.dtype)
        return turned if width == keys.shape[-1] else torch.cat((turned, keys[..., width:]), dim=-1)
