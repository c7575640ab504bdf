"""One attention function for the LMMs of transformers: stock sdpa, or rows that can be looked into and changed.

sdpa gives no weights. The rows of a question and its answer are few, so theirs are computed openly, some at a time;
those of frames, which are many, never are. Three traps of transformers 5 are silent: a function registered without a
mask function of its name is not causal; one that is called with mask None must be causal by itself; and what a model
passes through as keyword arguments reaches the vision tower of some families too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from reasoning.lmm.grounding import Grounding

NAME = "heedful"
ROWS = 16  # whose weights are in memory at once


@dataclass(slots=True)
class Reading:
    """What one forward pass knows of the cached keys, and is asked; with nothing it is stock attention, bit for bit."""

    log_size: Tensor | None = None  # (N,) log of how many tokens each key stands for (ToMe's proportional attention)
    grounding: Grounding | None = None
    hidden: Tensor | None = None  # (N,) bool, of the first keys: those that nobody sees; the stream makes sizes of it
    queries: dict[int, Tensor] | None = None  # takes each layer's queries (H, T, D) of the first row of the batch


def install(model: nn.Module) -> None:
    """Give the model's text decoder this attention; its vision and audio towers keep theirs."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation({"text_config": NAME})  # type: ignore[operator]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    reading: Reading | None = None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """query (B, H, T, D), key and value (B, H_kv, N, D) -> (B, T, H, D); N counts the cached keys and the new ones."""
    if reading is not None and reading.queries is not None:
        reading.queries[module.layer_idx] = query[0]  # type: ignore[index]
    if reading is None or (reading.log_size is None and reading.grounding is None):
        stock: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return stock
    if reading.grounding is None:
        bias = _bias(query, key, attention_mask, reading.log_size)
        biased: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, bias, scaling=scaling, **kwargs)
        return biased
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    output = _open_rows(module.layer_idx, query, key, value, attention_mask, scale, reading)  # type: ignore[arg-type]
    return output.transpose(1, 2).contiguous(), None  # (B, T, H, D)


def _open_rows(
    layer: int, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, reading: Reading
) -> Tensor:
    """Compute every row's weights, let grounding change them, and return the heads' outputs (B, H, T, D)."""
    assert reading.grounding is not None
    grounding, count = reading.grounding, query.shape[2]
    outputs, weights = [], query.new_empty(0)
    for start in range(0, count, ROWS):
        rows = slice(start, min(start + ROWS, count))
        bias = _bias(query, key, mask, reading.log_size, rows)
        weights = row_weights(query[:, :, rows], key, bias, scale)  # (B, H, rows, N)
        weights = grounding.weigh(layer, weights)
        outputs.append(mix(weights, value))
    output = torch.cat(outputs, dim=2)
    return grounding.amplify(layer, output, weights[:, :, -1], value).to(query.dtype)


def row_weights(query: Tensor, key: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """query (B, H, T, D), key (B, H_kv, N, D), bias (B or 1, 1, T, N) -> weights (B, H, T, N) in float32."""
    batch, heads, count, width = query.shape
    kv_heads = key.shape[1]
    grouped = (query * scale).reshape(batch, kv_heads, heads // kv_heads * count, width)  # keys are not repeated
    scores = (grouped @ key.transpose(2, 3)).view(batch, heads, count, -1).float()
    return torch.softmax(scores if bias is None else scores + bias, dim=-1)


def mix(weights: Tensor, value: Tensor) -> Tensor:
    """weights (B, H, T, N), value (B, H_kv, N, D) -> (B, H, T, D) in float32."""
    batch, heads, count, keys = weights.shape
    kv_heads = value.shape[1]
    grouped = weights.to(value.dtype).reshape(batch, kv_heads, heads // kv_heads * count, keys)
    return (grouped @ value).view(batch, heads, count, -1).float()


def _bias(
    query: Tensor, key: Tensor, mask: Tensor | None, log_size: Tensor | None, rows: slice | None = None
) -> Tensor | None:
    """Return what is added to the scores of some rows, (B or 1, 1, rows, N): who may not be seen, and who counts more.

    A mask of None means causal, the rows being the last of all keys.
    """
    count, keys = query.shape[2], key.shape[2]
    rows = rows if rows is not None else slice(0, count)
    if mask is None and count > 1:
        mask = causal(count, keys, query.device)[None, None]
    if mask is not None:
        mask = mask[:, :, rows, :keys]
    if log_size is None:
        return _as_bias(mask, query.dtype)
    sizes = log_size.to(query.dtype)[None, None, None]
    if mask is None:
        return sizes
    hidden = _as_bias(mask, query.dtype)
    assert hidden is not None
    return hidden + sizes


def _as_bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def causal(count: int, keys: int, device: torch.device) -> Tensor:
    """Return which of N keys each of the last T rows may see, (T, N) bool."""
    return torch.ones(count, keys, dtype=torch.bool, device=device).tril(keys - count)
