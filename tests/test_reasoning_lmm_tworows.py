"""Heads chosen by a question that is read twice at once: as stock's outputs, hooked before their projection, say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from reasoning.lmm.attention import install
from reasoning.lmm.cache import StreamCache
from reasoning.lmm.families import find_family
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.reinforce import Reinforcement, choose_heads, divergence_of_rows
from reasoning.lmm.stream import Budget, LmmStream
from tests.test_reasoning_lmm_stream import QUESTION, SYSTEM, answered, pictures
from tests.tiny_lmms import FAMILIES, LAYERS, text_of, tiny

RULE = Reinforcement(gain=2, is_faithful=True)
HEADS = 4


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


class Grounds:
    """Makes the grounding of an answer, and keeps each that it made."""

    def __init__(self, rule: Reinforcement) -> None:
        self.rule = rule
        self.made: list[Grounding] = []

    def __call__(self, cache: StreamCache) -> Grounding:
        self.made.append(Grounding(visual=cache.notes.visual, layers=len(cache.layers), reinforcement=self.rule))
        return self.made[-1]


def watching(model: Any, count: int = 2) -> LmmStream:
    install(model)
    stream = LmmStream(find_family(model), Budget())
    stream.begin(SYSTEM)
    for image in pictures(count):
        frame = stream.family.encode(image, 64)
        stream.append_tokens(replace(frame, deepstack=()))
    stream.flush()
    return stream


def reference(model: Any, stream: LmmStream) -> tuple[dict[int, Tensor], Tensor]:
    """Return heads and the logits (V,) of stock layers whose outputs a hook scores and scales, row by row."""
    family, notes, count = stream.family, stream.cache.notes, len(stream.cache)
    cache, heads = DynamicCache(), {}
    for number, layer in enumerate(stream.cache.layers):
        keys, values = layer.pair
        cache.update(keys.repeat(2, 1, 1, 1), values.repeat(2, 1, 1, 1), number)

    def hooked(number: int) -> Any:
        def scale(_: torch.nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
            outputs = args[0].unflatten(-1, (HEADS, -1))  # (2, T, H, D)
            heads[number] = choose_heads(*divergence_of_rows(outputs[0, -1], outputs[1, -1]))
            gains = torch.where(heads[number], RULE.gain, 1.0)
            return ((outputs * gains[:, None]).flatten(2),)

        return scale

    text = text_of(model)
    for number in RULE.layers(LAYERS):
        text.layers[number].self_attn.o_proj.register_forward_pre_hook(hooked(number))
    mask = torch.ones(2, count + len(QUESTION), dtype=torch.long)
    mask[1, :count][notes.visual] = 0
    positions = torch.arange(stream.position, stream.position + len(QUESTION)).expand(family.axes, 2, -1)
    states = text(
        inputs_embeds=family.embed(torch.tensor(QUESTION)).repeat(2, 1, 1),
        position_ids=positions if family.axes == 3 else positions[0],
        past_key_values=cache,
        attention_mask=mask,
    ).last_hidden_state
    return heads, model.lm_head(states[0, -1])


def test_heads_and_answer_are_those_of_stock_outputs_scored_row_by_row(model: Any) -> None:
    stream = watching(model)
    heads, logits = reference(tiny(_name(model)), stream)
    grounds = Grounds(RULE)
    _, ours = answered(stream, ground=grounds)
    assert {layer: one.tolist() for layer, one in grounds.made[-1].heads.items()} == {
        layer: one.tolist() for layer, one in heads.items()
    }
    assert any(one.any() for one in heads.values())
    torch.testing.assert_close(ours[0], logits, rtol=0, atol=1e-5)


def _name(model: Any) -> str:
    return next(name for name in FAMILIES if type(tiny(name)) is type(model))


def test_it_leaves_no_trace_and_answers_the_same_again(model: Any) -> None:
    stream = watching(model)
    before = answered(stream)[1]
    first, logits = answered(stream, ground=Grounds(RULE))
    again, same = answered(stream, ground=Grounds(RULE))
    assert first == again
    assert torch.equal(logits, same)
    assert torch.equal(answered(stream)[1], before)


def test_a_gain_of_one_reads_once_and_is_stock(model: Any) -> None:
    stream = watching(model)
    grounds = Grounds(replace(RULE, gain=1.0))
    torch.testing.assert_close(answered(stream, ground=grounds)[1], answered(stream)[1], rtol=0, atol=1e-5)
    assert len(grounds.made) == 1


@pytest.mark.parametrize("is_faithful", [True, False])
def test_without_a_picture_no_head_is_louder(is_faithful: bool) -> None:
    stream = watching(tiny("smolvlm"), count=0)
    grounds = Grounds(replace(RULE, is_faithful=is_faithful))
    torch.testing.assert_close(answered(stream, ground=grounds)[1], answered(stream)[1], rtol=0, atol=1e-5)
    assert not any(one.any() for one in grounds.made[-1].heads.values())


def test_an_answer_is_scored_with_the_heads_it_was_said_with() -> None:
    stream = watching(tiny("smolvlm"))
    said, logits = answered(stream, ground=Grounds(RULE))
    (score,) = stream.score(QUESTION, said, lambda _: [], Grounds(RULE))
    shares = torch.log_softmax(logits, dim=-1)
    expected = sum(float(shares[place, token]) for place, token in enumerate(said))
    assert score == pytest.approx(expected, abs=1e-4)
