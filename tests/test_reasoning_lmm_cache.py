"""The cache of a stream: growing, forgetting, moving and going back equal what stock does with the same tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from reasoning.lmm.cache import Notes, StreamCache, notes_of_text
from reasoning.lmm.rotary import Turner
from runtime.errors import ModelError
from tests.tiny_lmms import FAMILIES, LAYERS, axes_of, text_of, tiny

RTOL, ATOL = 0.0, 1e-5
COUNT = 36


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def embeddings(count: int = COUNT, seed: int = 1) -> Tensor:
    return torch.randn(1, count, 64, generator=torch.Generator().manual_seed(seed))


def run(model: Any, tokens: Tensor, positions: Tensor, kv: Any, mask: Tensor | None = None) -> Tensor:
    """Run the decoder over tokens (1, T, C) at positions (T,), on all axes the same -> (T, C)."""
    place = positions.expand(3, 1, -1) if axes_of(model) == 3 else positions[None]
    step = text_of(model)(inputs_embeds=tokens, position_ids=place, past_key_values=kv, attention_mask=mask)
    return step.last_hidden_state[0]  # type: ignore[no-any-return]


def stream(model: Any) -> StreamCache:
    return StreamCache(LAYERS, Turner(text_of(model), axes_of(model)))


def words_at(count: int, position: int) -> Notes:
    return notes_of_text(count, position, LAYERS)


def frame(count: int, number: int, position: int) -> Notes:
    words = words_at(count, position)
    return Notes(
        visual=torch.ones(count, dtype=torch.bool),
        log_size=words.log_size,
        block=torch.full((count,), number),
        place=torch.arange(count),
        position=words.position,
        sinks=words.sinks,
    )


def filled(model: Any) -> StreamCache:
    """A system prompt of 6 words and three frames of 8, 4 positions apart from each other."""
    cache = stream(model)
    tokens = embeddings()
    run(model, tokens[:, :6], torch.arange(6), cache.kv)
    cache.note(words_at(6, 0))
    for number in range(3):
        start = 6 + 8 * number
        position = 6 + 12 * number
        run(model, tokens[:, start : start + 8], torch.arange(position, position + 8), cache.kv)
        cache.note(frame(8, number, position))
    return cache


def test_growing_in_place_equals_stock_bit_for_bit(model: Any) -> None:
    ours, stock = stream(model), DynamicCache()
    start = 0
    for count in (20, 1, 1, 14):
        part, positions = embeddings()[:, start : start + count], torch.arange(start, start + count)
        assert torch.equal(run(model, part, positions, ours.kv), run(model, part, positions, stock))
        start += count
    for mine, (keys, values, *_) in zip(ours.layers, stock, strict=True):
        assert torch.equal(mine.pair[0], keys)
        assert torch.equal(mine.pair[1], values)
    assert len(ours) == COUNT


def test_long_streams_outgrow_their_room_and_lose_nothing() -> None:
    model = tiny("smolvlm")
    ours, stock = stream(model), DynamicCache()
    for start in range(0, 900, 90):
        part, positions = embeddings(90, seed=start), torch.arange(start, start + 90)
        assert torch.equal(run(model, part, positions, ours.kv), run(model, part, positions, stock))
    assert len(ours) == 900


def test_forgetting_equals_masking(model: Any) -> None:
    cache, whole = filled(model), filled(model)
    gone = (cache.notes.block == 1) | (cache.notes.place == 3)
    cache.forget(gone)
    question, positions = embeddings(5, seed=2), torch.arange(50, 55)
    mask = torch.cat((~gone, torch.ones(5, dtype=torch.bool)))[None].long()
    torch.testing.assert_close(
        run(model, question, positions, cache.kv), run(model, question, positions, whole.kv, mask), rtol=RTOL, atol=ATOL
    )
    assert len(cache) == int((~gone).sum()) + 5
    assert cache.notes.block.tolist() == whole.notes.block[~gone].tolist()


def test_going_back_leaves_no_trace(model: Any) -> None:
    cache, untouched = filled(model), filled(model)
    before = len(cache)
    for seed in (2, 3):
        run(model, embeddings(9, seed), torch.arange(40, 49), cache.kv)
        cache.note(words_at(9, 40))
        cache.rewind(before)
    question, positions = embeddings(5, seed=4), torch.arange(40, 45)
    assert torch.equal(run(model, question, positions, cache.kv), run(model, question, positions, untouched.kv))


def test_a_frame_taken_out_and_put_back_is_as_it_was(model: Any) -> None:
    cache, untouched = filled(model), filled(model)
    block = cache.take(1, 8)
    assert block.size_bytes == 2 * LAYERS * 2 * 8 * 16 * 4
    cache.forget(cache.notes.block == 1)
    cache.insert(14, [block], int(block.notes.position[0]))
    assert cache.notes.block.tolist() == untouched.notes.block.tolist()
    question, positions = embeddings(5, seed=4), torch.arange(40, 45)
    assert torch.equal(run(model, question, positions, cache.kv), run(model, question, positions, untouched.kv))


@pytest.mark.parametrize("shift", [-7, 1, 300, 3000])
def test_moved_first_layer_keys_equal_recomputed_ones(model: Any, shift: int) -> None:
    here, there = stream(model), stream(model)
    run(model, embeddings(), torch.arange(10, 10 + COUNT), here.kv)
    here.note(words_at(COUNT, 10))
    run(model, embeddings(), torch.arange(10 + shift, 10 + shift + COUNT), there.kv)
    here.move(slice(0, COUNT), shift)
    tolerance = ATOL * max(1.0, abs(shift) / 100)  # of large angles float32 itself is this coarse
    torch.testing.assert_close(here.layers[0].pair[0], there.layers[0].pair[0], rtol=0, atol=tolerance)
    assert here.notes.position.tolist() == [*range(10 + shift, 10 + shift + COUNT)]


def test_moving_everything_changes_no_answer(model: Any) -> None:
    """Rotary positions are relative: this is why an endless stream may begin again at low positions."""
    cache, untouched = filled(model), filled(model)
    cache.move(slice(0, len(cache)), 200)
    question = embeddings(5, seed=4)
    there = run(model, question, torch.arange(240, 245), cache.kv)
    torch.testing.assert_close(there, run(model, question, torch.arange(40, 45), untouched.kv), rtol=RTOL, atol=ATOL)


def test_moving_there_and_back_is_nothing(model: Any) -> None:
    cache, untouched = filled(model), filled(model)
    for _ in range(20):
        cache.move(slice(0, 6), 37)
        cache.move(slice(0, 6), -37)
    for mine, theirs in zip(cache.layers, untouched.layers, strict=True):
        torch.testing.assert_close(mine.pair[0], theirs.pair[0], rtol=RTOL, atol=ATOL)


def test_sizes_are_reported_only_where_a_token_stands_for_several() -> None:
    cache = filled(tiny("smolvlm"))
    before = cache.log_size
    cache.notes.log_size[8] = 0.7
    after = cache.log_size
    assert before is None
    assert after is not None
    assert after.shape == (30,)
    assert cache.size_bytes == 2 * LAYERS * 2 * 30 * 16 * 4


def test_rotary_embeddings_that_depend_on_length_are_refused() -> None:
    text = text_of(tiny("smolvlm"))
    text.rotary_emb.rope_type = "longrope"
    with pytest.raises(ModelError, match="'longrope', which cannot be moved"):
        Turner(text, 1)
