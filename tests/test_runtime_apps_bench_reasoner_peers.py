"""Peers' rules against slow references: eager attention with its weights, sums by hand, layers that hide by mask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from reasoning.lmm.attention import causal, install
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import SquareFamily, find_family
from runtime.apps.bench_measure import Plan
from runtime.apps.bench_peer_rules import (
    FASTV_LAYERS,
    Pruned,
    boosted,
    column_means,
    fastv_prefill,
    most_looked_at,
    paint_gains,
    pooled,
    tower_look,
    visionzip,
)
from runtime.apps.bench_reasoner_peers import measure_peers, threshold_for, zip_frames
from tests.tiny_lmms import LAYERS, text_of, tiny

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT, BUDGET, CHUNK = 40, 6, 7
VISUAL = torch.zeros(COUNT, dtype=torch.bool)
VISUAL[3:36] = True
RTOL, ATOL = 0.0, 1e-5


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int) -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(count)]


def model_with_ours() -> Any:
    model = tiny("smolvlm")
    install(model)
    return model


def pruned(budget: int = BUDGET, chunk: int = CHUNK) -> Pruned:
    return fastv_prefill(find_family(model_with_ours()), random(COUNT, 64), VISUAL, budget, chunk)


def test_fastv_keeps_what_eager_attention_looks_at_most() -> None:
    text = text_of(tiny("smolvlm"))
    text.set_attn_implementation("eager")
    seen = text(inputs_embeds=random(1, COUNT, 64), output_attentions=True).attentions[FASTV_LAYERS - 1]
    row = seen[0].mean(0)[-1]  # of the last token, over heads
    best = sorted(VISUAL.nonzero().squeeze(-1).tolist(), key=lambda place: -float(row[place]))[:BUDGET]
    assert pruned().kept.tolist() == sorted([*best, *(~VISUAL).nonzero().squeeze(-1).tolist()])


@pytest.mark.parametrize("chunk", [CHUNK, COUNT])
def test_fastv_that_keeps_all_is_the_stock_prefill(chunk: int) -> None:
    cache: Any = DynamicCache()
    stock = text_of(tiny("smolvlm"))(inputs_embeds=random(1, COUNT, 64), past_key_values=cache)
    whole = pruned(COUNT, chunk)
    torch.testing.assert_close(whole.states, stock.last_hidden_state[0], rtol=RTOL, atol=ATOL)
    for ours, theirs in zip(whole.cache.layers, cache.layers, strict=True):
        torch.testing.assert_close(ours.pair[0], theirs.keys, rtol=RTOL, atol=ATOL)
        torch.testing.assert_close(ours.pair[1], theirs.values, rtol=RTOL, atol=ATOL)


def test_fastv_is_as_if_later_layers_did_not_see_what_was_pruned() -> None:
    two_stages, text = pruned(), text_of(tiny("smolvlm"))
    is_kept = torch.zeros(COUNT, dtype=torch.bool)
    is_kept[two_stages.kept] = True
    positions, hidden = torch.arange(COUNT)[None], random(1, COUNT, 64)
    turned = text.rotary_emb(hidden, position_ids=positions)
    for number, layer in enumerate(text.layers):  # every token goes through every layer
        mask = causal(COUNT, COUNT, hidden.device)
        if number >= FASTV_LAYERS:
            mask = mask & (is_kept | torch.eye(COUNT, dtype=torch.bool))  # a row that sees nothing is not a number
        hidden = layer(hidden, attention_mask=mask[None, None], position_embeddings=turned, position_ids=positions)
    torch.testing.assert_close(two_stages.states, text.norm(hidden)[0, is_kept], rtol=RTOL, atol=ATOL)


def test_the_first_layers_of_fastv_cache_every_token() -> None:
    words = COUNT - int(VISUAL.sum())
    lengths = [layer.get_seq_length() for layer in pruned().cache.layers]
    assert lengths == [COUNT] * FASTV_LAYERS + [words + BUDGET] * (LAYERS - FASTV_LAYERS)


def test_a_budget_beyond_the_picture_keeps_the_picture() -> None:
    assert most_looked_at(random(4, COUNT).abs(), VISUAL, 10 * COUNT).tolist() == list(range(COUNT))


def test_a_patch_counts_by_how_much_the_tower_looks_at_it() -> None:
    model = tiny("smolvlm")
    family = find_family(model)
    with tower_look(model.model.vision_model) as seen:
        family.encode(pictures(1)[0], 64)
    tower = tiny("smolvlm").model.vision_model
    tower.set_attn_implementation("eager")
    values = _pixels(family, pictures(1)[0])
    (attention,) = tower(pixel_values=values, output_attentions=True).attentions[-1]  # (H, P, P)
    expected = attention.mean(0).mean(0)
    torch.testing.assert_close(column_means(seen["query"], seen["key"], 4), expected, rtol=RTOL, atol=ATOL)
    assert not model.model.vision_model.encoder.layers[-1].self_attn.q_proj._forward_hooks


def _pixels(family: Any, image: NDArray[np.uint8]) -> Tensor:
    """Return what a square family's tower is given, (1, 3, H, W)."""
    taken: list[Tensor] = []
    assert isinstance(family, SquareFamily)
    handle = family._model.model.vision_model.register_forward_pre_hook(
        lambda _, __, given: taken.append(given["pixel_values"]), with_kwargs=True
    )
    family.encode(image, 64)
    handle.remove()
    return taken[0]


def test_squares_are_those_that_become_one_token() -> None:
    connector = tiny("smolvlm").model.connector
    patches = random(36, 5)
    squares = connector.pixel_shuffle(patches[None], 3)[0].view(4, 9, 5)
    torch.testing.assert_close(pooled(patches, 3), squares.mean(1))


def test_visionzip_by_hand() -> None:
    tokens = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0], [0.0, 8.0], [6.0, 0.0], [0.0, 2.0], [9.0, 9.0]])
    metric = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [1.0, 0.5], [5.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    saliency = torch.tensor([0.1, 0.0, 0.2, 0.3, 0.0, 0.9, 0.8])
    zipped = visionzip(tokens, saliency, metric, dominant=2, contextual=2)
    # 5 and 6 stay; of 0 to 4 the targets are 0 and 2; 3 and 4 are like 0, 1 is like 2
    assert zipped.tolist() == [[0.0, 2.0], [9.0, 9.0], [1.0 + 3.0, 0.0 + 4.0], [0.0 + 2.0, 4.0 + 0.0]]


@pytest.mark.parametrize(("dominant", "contextual"), [(7, 0), (4, 3), (0, 3), (3, 0), (0, 0)])
def test_visionzip_keeps_its_budget(dominant: int, contextual: int) -> None:
    tokens = random(7, 3)
    zipped = visionzip(tokens, random(7).abs(), random(7, 2), dominant, contextual)
    assert len(zipped) == dominant + contextual
    if dominant == 7:
        assert torch.equal(zipped, tokens)


def test_frames_share_a_budget_evenly() -> None:
    zipped, times = zip_frames(tiny("smolvlm"), pictures(5), 13)
    assert [len(frame.tokens) for frame in zipped] == [2, 3, 2, 3, 3]
    assert times > 1


def attention_row(heads: int = 6, kv_heads: int = 2, keys: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    return random(1, heads, 1, 8), random(1, kv_heads, keys, 8, seed=2), random(1, kv_heads, keys, 8, seed=3)


def test_without_gains_a_row_is_stock() -> None:
    query, key, value = attention_row()
    module: Any = torch.nn.Module()
    module.num_key_value_groups = 3
    stock, _ = sdpa_attention_forward(module, query, key, value, None, scaling=0.3)
    torch.testing.assert_close(boosted(query, key, value, torch.zeros(50), 0.3), stock, rtol=RTOL, atol=ATOL)


def test_gains_raise_scores_by_their_size() -> None:
    query, key, value = attention_row()
    gains = random(50, seed=4).abs()
    ours = boosted(query, key, value, gains, 0.3)
    for head in range(6):
        scores = 0.3 * key[0, head // 3] @ query[0, head, 0]
        weights = torch.softmax(torch.tensor([s + g * abs(s) for s, g in zip(scores, gains, strict=True)]), dim=-1)
        torch.testing.assert_close(ours[0, 0, head], weights @ value[0, head // 3], rtol=RTOL, atol=ATOL)


def test_paint_knows_local_tokens_and_summaries() -> None:
    first = torch.tensor([0.0, 9.0, 8.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    penultimate = torch.tensor([1.0, 50.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])
    gains = [round(gain, 2) for gain in paint_gains(first, penultimate).tolist()]
    assert gains == [0.0, 0.3, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0]  # 1 is both


def test_a_threshold_meets_its_budget_after_merging() -> None:
    frames = [random(64, 16, seed=number) for number in range(20)]
    drop = TokenDrop(threshold_for(frames, 300, 20))
    assert abs(sum(min(20, int(drop.step(frame).sum())) for frame in frames) - 300) <= 20


def test_every_way_is_measured_at_one_budget() -> None:
    model = model_with_ours()
    images = pictures(20)
    frames = [find_family(model).encode(image, 64) for image in images]  # 4 tokens each
    found = {one.name: one for one in measure_peers(Plan(data=Path(), length="quick"), model, images, frames, 1.0)}
    prefills = {name.split(" over ")[1]: one for name, one in found.items() if name.startswith("prefill, ")}
    ways = ["FastV (K = 2)", "VisionZip", "a recency window", "the newest frames alone"]
    for name in [*ways, "every 5th frame"]:
        assert prefills[name].detail["visual_tokens"] == 16, name
        expected = 88 / 24 if name != ways[0] else 88 / ((88 + 24) / 2)  # eight words; two of four layers see all
        assert found[f"cache, no compression over {name}"].value == pytest.approx(expected)
    assert 12 <= prefills["our drop and merge"].detail["visual_tokens"] <= 20
    assert sum(name.startswith("decode with PA") for name in found) == 4
    assert all(one.value > 0 and one.passed for one in found.values())
