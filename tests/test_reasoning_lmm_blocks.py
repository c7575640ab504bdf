"""Frames that left come back for a question: the right ones, in their order, and without a trace afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from reasoning.lmm.blocks import BlockStore, middle
from reasoning.lmm.cache import Block, notes_of_text
from reasoning.lmm.families import find_family
from reasoning.lmm.rotary import Turner
from tests.test_reasoning_lmm_stream import answered, opened, pictures
from tests.tiny_lmms import FAMILIES, LAYERS, axes_of, text_of, tiny


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def a_block(number: int, keys: torch.Tensor, position: int = 0) -> Block:
    """Return a block whose keys (N, D), not rotated yet, are those of every layer and head."""
    spread = keys.expand(LAYERS, 2, -1, -1)
    return Block(
        number=number, span=keys.shape[0], keys=spread, values=spread, notes=notes_of_text(len(keys), position, LAYERS)
    )


def test_the_frame_that_is_like_the_question_is_found_wherever_it_was(model: Any) -> None:
    turner = Turner(text_of(model), axes_of(model))
    generator = torch.Generator().manual_seed(0)
    store = BlockStore(turner, 10**9)
    plain = [torch.randn(1, 16, generator=generator) for _ in range(8)]
    for number, keys in enumerate(plain):
        position = 100 * number
        block = a_block(number, keys, position)
        store.add(
            Block(
                number=number,
                span=1,
                keys=turner.turn(block.keys, position),
                values=block.values,
                notes=block.notes,
            )
        )
    positions = torch.arange(900, 904)
    for wanted in (0, 3, 7):
        asked = plain[wanted].expand(1, 4, 4, 16)
        queries = {layer: turner.turn(asked, positions)[0] for layer in range(LAYERS)}
        (found,) = store.choose(queries, positions, 1)
        assert found.number == wanted
        assert [block.number for block in store.choose(queries, positions, 3)] == sorted(
            block.number for block in store.choose(queries, positions, 3)
        )
        assert len(store.choose(queries, positions, 100)) == 8


def test_a_frames_key_is_the_mean_of_what_its_tokens_were_before_they_were_turned(model: Any) -> None:
    """However many tokens a frame kept, and wherever: the mean of keys turned apart would fade."""
    turner = Turner(text_of(model), axes_of(model))
    store = BlockStore(turner, 10**9)
    plain = torch.randn(40, 16, generator=torch.Generator().manual_seed(1))
    block = a_block(0, plain, 500)
    label = torch.arange(40) < 4  # words before the frame
    store.add(
        Block(
            number=0,
            span=40,
            keys=turner.turn(block.keys, block.notes.position),
            values=block.values,
            notes=replace(block.notes, visual=~label),
        )
    )
    for heads in store._keys[0]:
        torch.testing.assert_close(heads, plain[4:].mean(0).expand(2, -1), rtol=0, atol=1e-4)


def test_beyond_its_room_the_oldest_is_lost_and_counted() -> None:
    store = BlockStore(Turner(text_of(tiny("smolvlm")), 1), room_bytes=3 * a_block(0, torch.ones(4, 16)).size_bytes)
    for number in range(5):
        store.add(a_block(number, torch.ones(4, 16)))
    assert (len(store), store.lost) == (3, 2)
    assert store.size_bytes == 3 * a_block(0, torch.ones(4, 16)).size_bytes


def test_the_middle_layers_are_some() -> None:
    assert [range(count)[middle(count)] for count in (1, 3, 4, 24)] == [
        range(1),
        range(1, 2),
        range(1, 2),
        range(8, 16),
    ]


def test_recalled_frames_leave_no_trace_and_change_the_answer(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    recalling, _ = opened(model, window=2 * size, frame_tokens=64, recalled=2)
    forgetting, _ = opened(model, window=2 * size, frame_tokens=64)
    for image in pictures(6):
        recalling.append_frame(image)
        forgetting.append_frame(image)
    assert len(recalling.store) == 4
    assert len(forgetting.store) == 0
    length, notes = len(recalling.cache), recalling.cache.notes
    _, with_recall = answered(recalling)
    _, without = answered(forgetting)
    assert (with_recall - without).abs().max() > 1e-4
    assert len(recalling.cache) == length
    assert torch.equal(recalling.cache.notes.position, notes.position)
    for mine, theirs in zip(recalling.cache.layers, forgetting.cache.layers, strict=True):
        assert torch.equal(mine.pair[0], theirs.pair[0])
        assert torch.equal(mine.pair[1], theirs.pair[1])


def test_recalled_frames_stand_between_prompt_and_window_in_the_order_of_time(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    stream, family = opened(model, window=2 * size, frame_tokens=64, recalled=2)
    for image in pictures(6):
        stream.append_frame(image)
    asking = stream.answer([10, 11], limit=3)
    next(asking)
    notes = stream.cache.notes
    blocks = list(dict.fromkeys(notes.block.tolist()))
    assert blocks[0] == -1
    visual = [one for one in blocks if one >= 0]
    assert visual == sorted(visual)
    assert visual[-2:] == [4, 5]
    assert len(visual) == 4
    starts = [int(notes.position[notes.block == one].min()) for one in visual]
    _, span = family.positions(family.encode(pictures(1)[0], 64), 0)
    assert [later - earlier for earlier, later in pairwise(starts)] == [span] * 3
    assert int(notes.position[2]) == starts[0] - 1
    asking.close()


def test_when_everything_is_recalled_it_is_as_if_nothing_had_left() -> None:
    """With frames that do not look at each other, in the first layer: deeper ones carry the old context."""
    model = tiny("smolvlm")
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    recalling, _ = opened(model, window=size, recalled=10)
    whole, _ = opened(model)
    for image in pictures(3):
        recalling.append_frame(image)
        whole.append_frame(image)
    asking = recalling.answer([10, 11], limit=3)
    next(asking)
    count = 3 + 3 * size
    recalled, kept = recalling.cache.layers[0].pair, whole.cache.layers[0].pair
    torch.testing.assert_close(recalled[1][:, :, :count], kept[1][:, :, :count], rtol=0, atol=1e-5)
    shift = int(recalling.cache.notes.position[0] - whole.cache.notes.position[0])
    whole.cache.move(slice(0, count), shift)
    torch.testing.assert_close(recalled[0][:, :, :count], kept[0][:, :, :count], rtol=0, atol=1e-5)
    asking.close()
