"""The question read twice at once, once without the picture: how VHR scores heads (He et al. 2025, arXiv:2412.13949).

Both rows go through the layers in step, so that each layer is scored with the heads before it louder already. The
keys of both are the cache's; only what the second row may see differs. Nothing of it is kept but the choice of heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache

if TYPE_CHECKING:
    from reasoning.lmm.attention import Reading
    from reasoning.lmm.cache import StreamCache


def read_two_rows(text: Any, cache: StreamCache, tokens: Tensor, places: Tensor, reading: Reading) -> None:
    """Run the decoder over a question (T, C) at positions (axes, T), and leave the heads in the reading's grounding."""
    kv: Any = DynamicCache()
    for number, layer in enumerate(cache.layers):
        keys, values = layer.pair
        kv.update(keys.expand(2, -1, -1, -1), values.expand(2, -1, -1, -1), number)
    seen = torch.ones(2, len(cache) + len(tokens), dtype=torch.int64)
    seen[1, : len(cache)] = (~cache.notes.visual).long()
    text(
        inputs_embeds=tokens.expand(2, -1, -1),
        position_ids=places[:, None].expand(-1, 2, -1) if len(places) == 3 else places.expand(2, -1),
        past_key_values=kv,
        attention_mask=seen.to(tokens.device),
        reading=reading,
    )
