"""The rules of peers, in the form in which ours are measured against them: same decoder, same budget of visual tokens.

FastV        Chen et al. 2024, arXiv:2403.06764     after layer K only what the last token looks at goes on
VisionZip    Yang et al. 2024, arXiv:2412.04467     what the vision tower looks at stays, the rest is merged into a few
PAI          Liu et al. 2024, arXiv:2407.21771      scores s of pictures become s + alpha |s| in the last row
PAINT        Arif et al. 2025, arXiv:2501.12206     the same, with one alpha for local tokens and one for summaries

None of them is for use: FastV needs the question before it reads, VisionZip the inside of the tower, PAI and PAINT
constants at whose edge answers collapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reasoning.lmm.attention import Reading, causal, mix, row_weights
from reasoning.lmm.cache import StreamCache
from reasoning.lmm.families import Family
from reasoning.lmm.rotary import Turner

FASTV_LAYERS = 2  # K: they see every token
LOCAL_SHARE = 0.25  # of a picture's tokens, those that the tower's first layer looks at most
SPREAD = 1.5  # interquartile ranges above the third quartile from which a token is a summary
PAI_GAIN = 0.5
LOCAL_GAIN, SUMMARY_GAIN = 0.7, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a prefill in two stages leaves."""

    states: Tensor  # (M, C) after the decoder's last layer
    kept: Tensor  # (M,) int64: which of the given tokens went on
    cache: StreamCache  # its first K layers hold all N tokens, the others M; it has no notes


def fastv_prefill(
    family: Family, tokens: Tensor, visual: Tensor, budget: int, chunk: int, layers: int = FASTV_LAYERS
) -> Pruned:
    """Read tokens (N, C), the last of them a question's, `budget` of the `visual` (N,) bool beyond the first `layers`.

    The decoder, with our attention installed, must have one position per token; those of what is kept do not change.
    """
    assert family.axes == 1, "FastV is written for positions that count tokens"
    text = family.text
    cache = StreamCache(len(text.layers), Turner(text, family.axes))
    positions = torch.arange(len(tokens), device=tokens.device)
    queries: dict[int, Tensor] = {}  # of the newest chunk
    hidden = _read(text, slice(0, layers), tokens, positions, cache, chunk, Reading(queries=queries))
    asked, (keys, _) = queries[layers - 1][None, :, -1:], cache.layers[layers - 1].pair
    weights = row_weights(asked, keys, None, text.layers[layers - 1].self_attn.scaling)  # (1, H, 1, N)
    kept = most_looked_at(weights[0, :, 0], visual, budget)
    hidden = _read(text, slice(layers, None), hidden[kept], positions[kept], cache, chunk, Reading())
    return Pruned(states=text.norm(hidden), kept=kept, cache=cache)


def _read(
    text: Any, layers: slice, hidden: Tensor, positions: Tensor, cache: StreamCache, chunk: int, reading: Reading
) -> Tensor:
    """Run some stock layers over hidden states (N, C), a chunk at a time, and return what they make of them (N, C).

    The decoder's own loop has one mask for all layers, which does not fit once their caches differ in length.
    """
    outputs = []
    for start in range(0, len(hidden), chunk):
        part, places = hidden[None, start : start + chunk], positions[None, start : start + chunk]
        count = part.shape[1]
        mask = causal(count, start + count, hidden.device)[None, None] if start else None  # as stock: None is causal
        turned = text.rotary_emb(part, position_ids=places)
        for layer in text.layers[layers]:
            part = layer(
                part,
                attention_mask=mask,
                position_embeddings=turned,
                position_ids=places,
                past_key_values=cache.kv,
                use_cache=True,
                reading=reading,
            )
        outputs.append(part[0])
    return torch.cat(outputs)


def most_looked_at(weights: Tensor, visual: Tensor, budget: int) -> Tensor:
    """weights (H, N) of one row -> all words and the `budget` visual tokens of most weight, (M,) int64, in order.

    Weights are averaged over heads. Attention sinks are not left out, as in the paper.
    """
    looked = weights.mean(0).masked_fill(~visual, -torch.inf)
    keep = ~visual
    keep[looked.topk(min(budget, int(visual.sum()))).indices] = True
    return keep.nonzero().squeeze(-1)


@contextmanager
def tower_look(tower: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Yield what takes along `query` and `key` (P, C) of the last layer, for the newest picture; heads side by side."""
    attention: Any = tower.encoder.layers[-1].self_attn  # type: ignore[index, union-attr]
    seen: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        def take(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
            seen[name] = output[0]

        return take

    handles = [
        attention.q_proj.register_forward_hook(hook("query")),
        attention.k_proj.register_forward_hook(hook("key")),
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def column_means(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """query and key (P, C) of a tower's layer -> how much all patches look at each, (P,), averaged over heads.

    It stands for the look of a CLS token, which towers of SigLIP's kind do not have.
    """
    by_head = [one.unflatten(-1, (heads, -1)).transpose(0, 1) for one in (query, key)]  # (H, P, D) each
    scores = by_head[0] @ by_head[1].transpose(1, 2) * by_head[0].shape[-1] ** -0.5
    return torch.softmax(scores, dim=-1).mean((0, 1))


def pooled(values: Tensor, factor: int) -> Tensor:
    """Average values (P, D) of a square of patches over those that become one token -> (P / factor², D)."""
    side = round(len(values) ** 0.5) // factor
    cells = values.view(side, factor, side, factor, -1)
    return cells.mean((1, 3)).flatten(0, 1)


def visionzip(tokens: Tensor, saliency: Tensor, metric: Tensor, dominant: int, contextual: int) -> Tensor:
    """tokens (N, C), saliency (N,) and metric (N, D) -> `dominant` tokens in order, then `contextual` merged ones.

    Each of the rest joins the target whose metric is most like its own. As in the authors' code a merged token is its
    target plus the average of what joined it; the paper says average.
    """
    is_rest = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    is_rest[saliency.topk(dominant).indices] = False
    stayed, rest = tokens[~is_rest], tokens[is_rest]
    targets = torch.arange(0, len(rest), max(1, len(rest) // max(1, contextual)), device=tokens.device)[:contextual]
    joins = torch.ones(len(rest), dtype=torch.bool, device=tokens.device)
    joins[targets] = False
    if not contextual or not joins.any():
        return torch.cat((stayed, rest[targets]))
    unit = torch.nn.functional.normalize(metric[is_rest], dim=-1)
    nearest = (unit[joins] @ unit[targets].T).argmax(-1)
    sums = torch.zeros_like(rest[targets]).index_add_(0, nearest, rest[joins])
    counts = torch.bincount(nearest, minlength=len(targets)).clamp(min=1)
    return torch.cat((stayed, rest[targets] + sums / counts[:, None]))


def boosted(query: Tensor, key: Tensor, value: Tensor, gains: Tensor, scale: float) -> Tensor:
    """Decode one row with scores s + gain |s|: query (B, H, 1, D), key and value (B, H_kv, N, D) -> (B, 1, H, D).

    `gains` (N,) are one per key: PAI's a constant on visual keys, PAINT's are `paint_gains`; without any it is stock
    attention.
    """
    batch, heads, count, width = query.shape
    assert count == 1, "one decoding step"
    grouped = (query * scale).view(batch, key.shape[1], -1, width)  # keys are not repeated
    scores = (grouped @ key.transpose(2, 3)).view(batch, heads, 1, -1).float()
    weights = torch.softmax(scores + gains * scores.abs(), dim=-1)
    return mix(weights, value).to(query.dtype).transpose(1, 2)


def paint_gains(first: Tensor, penultimate: Tensor) -> Tensor:
    """Return each token's gain (P,) from how much the tower's first and penultimate layers look at it, both (P,).

    Local tokens are the first layer's quarter, summaries the upper outliers of the penultimate one; a token that is
    both is a summary.
    """
    gains = torch.zeros_like(first)
    gains[first.topk(int(LOCAL_SHARE * len(first))).indices] = LOCAL_GAIN
    low, high = penultimate.quantile(0.25), penultimate.quantile(0.75)
    gains[penultimate > high + SPREAD * (high - low)] = SUMMARY_GAIN
    return gains
