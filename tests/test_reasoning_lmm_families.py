"""Adapters: what is no LMM that can watch is refused; positions are those the families' own code gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from reasoning.lmm.families import find_family
from runtime.errors import ModelError
from tests.test_reasoning_lmm_stream import pictures
from tests.tiny_lmms import FAMILIES, tiny


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def test_a_frame_has_as_many_tokens_as_its_grid_and_features_of_the_decoders_width(model: Any) -> None:
    family = find_family(model)
    with torch.inference_mode():
        frame = family.encode(pictures(1, height_px=60, width_px=90)[0], 20)
    assert frame.tokens.shape == (frame.rows * frame.columns, 64)
    assert all(one.shape == frame.tokens.shape for one in frame.deepstack)
    assert bool(frame.deepstack) == ("Qwen3" in type(model).__name__)
    places, after = family.positions(frame, 11)
    assert places.shape == (family.axes, len(frame.tokens))
    assert int(places.min()) == 11
    assert after > int(places.max())


def test_two_pictures_give_two_features(model: Any) -> None:
    family = find_family(model)
    with torch.inference_mode():
        one, two, again = (family.encode(image, 20).tokens for image in (*pictures(2), pictures(1)[0]))
    assert torch.equal(one, again)
    assert (one - two).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_positions_are_those_of_the_familys_own_index(name: str) -> None:
    model = tiny(name)
    family = find_family(model)
    with torch.inference_mode():
        frame = family.encode(pictures(1, height_px=32, width_px=48)[0], 64)
    ids = torch.tensor([[5, 6, *[150] * len(frame.tokens), 7, 8]])
    grid = torch.tensor([[1, 2 * frame.rows, 2 * frame.columns]])
    kinds = (ids == 150).int()
    theirs, _ = model.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grid)
    places, after = family.positions(frame, 2)
    assert torch.equal(theirs[:, 0, 2 : 2 + len(frame.tokens)], places)
    assert theirs[:, 0, 2 + len(frame.tokens)].tolist() == [after] * 3


def test_a_text_only_model_is_refused_by_name() -> None:
    config = transformers.LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    with pytest.raises(ModelError, match=r"LlamaForCausalLM.*is of no family that can watch a stream"):
        find_family(transformers.LlamaForCausalLM(config))
