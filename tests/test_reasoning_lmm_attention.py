"""One attention for every family: stock when off, bit for bit; causal whatever happens; open rows equal to sdpa's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface, DynamicCache
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from reasoning.lmm import attention
from reasoning.lmm.attention import NAME, ROWS, Reading, install
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement
from tests.tiny_lmms import FAMILIES, LAYERS, axes_of, text_of, tiny

COUNT = 40
VISUAL = torch.zeros(COUNT, dtype=torch.bool)
VISUAL[5:30] = True
RTOL, ATOL = 0.0, 1e-5


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def embeddings(count: int = COUNT) -> Tensor:
    return torch.randn(1, count, 64, generator=torch.Generator().manual_seed(1))


def positions(model: Any, count: int = COUNT) -> Tensor:
    """Return positions of words around a picture of 5 x 5, as the family counts them: (1, T) or (3, 1, T)."""
    if axes_of(model) == 1:
        return torch.arange(count)[None]
    before = torch.arange(5).expand(3, 5)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(5), indexing="ij")
    picture = 5 + torch.stack((torch.zeros(25), rows.flatten(), columns.flatten())).long()
    after = 10 + torch.arange(count - 30).expand(3, -1)
    return torch.cat((before, picture, after), dim=1)[:, None]


def hidden(
    model: Any, reading: Reading | None = None, chunks: Sequence[int] = (COUNT,), mask: Tensor | None = None
) -> Tensor:
    """Run the text decoder over the chunks and return the last hidden states (T, C)."""
    cache, outputs, start = DynamicCache(), [], 0
    extra = {} if reading is None else {"reading": reading}
    for count in chunks:
        part = slice(start, start + count)
        start += count
        seen = None if mask is None else mask[:, :start]
        step = text_of(model)(
            inputs_embeds=embeddings()[:, part],
            position_ids=positions(model)[..., part],
            past_key_values=cache,
            attention_mask=seen,
            **extra,
        )
        outputs.append(step.last_hidden_state[0])
    return torch.cat(outputs)


def looking(**methods: Any) -> Reading:
    sinks = (VISUAL & (torch.arange(COUNT) % 5 == 0)).expand(LAYERS, COUNT)
    return Reading(grounding=Grounding(visual=VISUAL, layers=LAYERS, sinks=sinks, **methods))


def test_with_every_knob_off_logits_are_stock_ones_bit_for_bit(model: Any) -> None:
    stock = model.lm_head(hidden(model))
    chunked = model.lm_head(hidden(model, chunks=(15, 1, 24)))
    install(model)
    for reading in (None, Reading()):
        assert torch.equal(model.lm_head(hidden(model, reading)), stock)
        assert torch.equal(model.lm_head(hidden(model, reading, chunks=(15, 1, 24))), chunked)


def test_chunks_give_what_the_whole_gives(model: Any) -> None:
    install(model)
    whole = hidden(model)
    for chunks in ((15, 1, 24), (1,) * COUNT, (39, 1)):
        torch.testing.assert_close(hidden(model, chunks=chunks), whole, rtol=RTOL, atol=ATOL)


def test_rows_that_are_open_but_unchanged_equal_stock(model: Any) -> None:
    stock = hidden(model)
    install(model)
    off = Redistribution(moved=0), Reinforcement(gain=1)
    for reading in (looking(), looking(redistribution=off[0], reinforcement=off[1])):
        for chunks in ((COUNT,), (3, 1, 36)):
            torch.testing.assert_close(hidden(model, reading, chunks), stock, rtol=RTOL, atol=ATOL)


def test_grounding_changes_only_what_it_reads(model: Any) -> None:
    stock = hidden(model, chunks=(30, 10))
    install(model)
    loud = looking(redistribution=Redistribution(visual_share=0, useful_share=0), reinforcement=Reinforcement(gain=2))
    cache = DynamicCache()
    text = text_of(model)
    frames = text(
        inputs_embeds=embeddings()[:, :30], position_ids=positions(model)[..., :30], past_key_values=cache
    ).last_hidden_state[0]
    question = text(
        inputs_embeds=embeddings()[:, 30:],
        position_ids=positions(model)[..., 30:],
        past_key_values=cache,
        reading=loud,
    ).last_hidden_state[0]
    torch.testing.assert_close(frames, stock[:30], rtol=RTOL, atol=ATOL)
    assert (question - stock[30:]).abs().max() > 1e-3


def test_nothing_looks_ahead(model: Any) -> None:
    install(model)
    for reading in (None, looking(reinforcement=None), Reading(log_size=torch.linspace(0, 1, COUNT))):
        whole = hidden(model, reading)
        cache = DynamicCache()
        part = text_of(model)(
            inputs_embeds=embeddings()[:, :20],
            position_ids=positions(model)[..., :20],
            past_key_values=cache,
            **({} if reading is None else {"reading": _of_first(reading, 20)}),
        ).last_hidden_state[0]
        torch.testing.assert_close(part, whole[:20], rtol=RTOL, atol=ATOL)


def _of_first(reading: Reading, count: int) -> Reading:
    if reading.log_size is not None:
        return Reading(log_size=reading.log_size[:count])
    return Reading(grounding=Grounding(visual=VISUAL[:count], layers=LAYERS))


def test_without_the_mask_function_these_tests_would_fail(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap: transformers then gives no mask at all, and only chunks after the first one show it."""
    stock = hidden(model, chunks=(20, 20))
    install(model)
    monkeypatch.delitem(ALL_MASK_ATTENTION_FUNCTIONS._global_mapping, NAME)
    assert (hidden(model, chunks=(20, 20)) - stock).abs().max() > 1e-3


def test_padding_is_not_seen(model: Any) -> None:
    mask = torch.ones(1, COUNT, dtype=torch.long)
    mask[:, :4] = 0
    stock = hidden(model, mask=mask)[4:]
    install(model)
    assert torch.equal(hidden(model, mask=mask)[4:], stock)
    torch.testing.assert_close(hidden(model, looking(), mask=mask)[4:], stock, rtol=RTOL, atol=ATOL)
    torch.testing.assert_close(hidden(model, looking(), chunks=(10, 30), mask=mask)[4:], stock, rtol=RTOL, atol=ATOL)


def test_a_token_of_size_two_counts_like_two_equal_ones() -> None:
    generator = torch.Generator().manual_seed(3)
    query, key, value = (torch.randn(1, heads, 6, 8, generator=generator) for heads in (4, 2, 2))
    module = torch.nn.Module()
    module.layer_idx, module.num_key_value_groups, module.is_causal = 0, 2, True  # type: ignore[assignment]
    twice = torch.tensor([0, 1, 1, 2, 3, 4, 5])  # key 1 stands for two
    log_size = torch.tensor([0, 2, 1, 1, 1, 1]).clamp_min(1).float().log()
    last = query[:, :, -1:]
    doubled, _ = attention.attend(module, last, key[:, :, twice], value[:, :, twice], None)
    for grounding in (None, Grounding(visual=torch.zeros(6, dtype=torch.bool), layers=1)):
        merged, _ = attention.attend(
            module, last, key, value, None, reading=Reading(log_size=log_size, grounding=grounding)
        )
        torch.testing.assert_close(merged, doubled, rtol=RTOL, atol=ATOL)
    rows, _ = attention.attend(module, query, key, value, None, reading=Reading(log_size=log_size))
    torch.testing.assert_close(rows[:, -1:], doubled, rtol=RTOL, atol=ATOL)


def test_weights_are_those_of_a_slow_reference() -> None:
    generator = torch.Generator().manual_seed(4)
    query, key = torch.randn(1, 6, 3, 8, generator=generator), torch.randn(1, 2, 9, 8, generator=generator)
    weights = attention.row_weights(
        query, key, attention._as_bias(attention.causal(3, 9, query.device), query.dtype), 0.5
    )
    for head in range(6):
        for row in range(3):
            seen = key[0, head // 3, : 9 - 2 + row]
            expected = torch.softmax(0.5 * (seen @ query[0, head, row]), dim=-1)
            torch.testing.assert_close(weights[0, head, row, : len(expected)], expected, rtol=RTOL, atol=ATOL)
            assert weights[0, head, row, len(expected) :].sum() == 0


def test_long_questions_are_read_some_rows_at_a_time() -> None:
    model = tiny("smolvlm")
    stock = hidden(model)
    install(model)
    seen: list[int] = []

    class Watching(Grounding):
        def weigh(self, layer: int, weights: Tensor) -> Tensor:
            seen.append(weights.shape[2])
            return weights

    watching = Watching(visual=VISUAL, layers=LAYERS)
    torch.testing.assert_close(hidden(model, Reading(grounding=watching)), stock, rtol=RTOL, atol=ATOL)
    assert max(seen) == ROWS
    assert sum(seen) == COUNT * LAYERS


def test_only_the_text_decoder_is_changed(model: Any) -> None:
    install(model)
    assert text_of(model).config._attn_implementation == NAME
    towers = [
        one for name, one in model.model.named_children() if "vision" in name or name in {"visual", "audio_tower"}
    ]
    assert towers
    assert all(one.config._attn_implementation == "sdpa" for one in towers)
    assert AttentionInterface()[NAME] is attention.attend
