"""Sinks: found where a few dimensions stand out, in the layers that have them, and nowhere in a random model."""

from __future__ import annotations

import pytest
import torch

from reasoning.lmm.sinks import SinkFinder, prominence
from tests.tiny_lmms import LAYERS, text_of, tiny


def test_prominence_is_the_largest_of_the_dimensions_over_the_root_mean_square() -> None:
    hidden = torch.tensor([[3.0, -4.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    found = prominence(hidden, torch.tensor([1, 2]))
    assert found.tolist() == pytest.approx([4 / 2.5, 1.0], abs=1e-4)


def test_massive_activations_make_a_sink_from_the_third_layer_on() -> None:
    text = text_of(tiny("qwen2_5_vl"))
    embeddings = torch.randn(1, 12, 64, generator=torch.Generator().manual_seed(1))
    for token in (0, 7):
        embeddings[0, token, 5] = 4000.0
        embeddings[0, token, 9] = -3000.0
    finder = SinkFinder(text, prominent=5)  # of 64 dimensions none can stand out more than 8 times
    with torch.inference_mode(), finder.watch():
        text(inputs_embeds=embeddings)
    sinks = finder.sinks()
    assert finder.dimensions is not None
    assert sorted(finder.dimensions.tolist()) == [5, 9]
    assert sinks.shape == (LAYERS, 12)
    assert not sinks[:2].any()
    assert all(row.nonzero().squeeze(-1).tolist() == [0, 7] for row in sinks[2:])


def test_a_random_model_has_no_sinks_and_is_watched_only_inside() -> None:
    text = text_of(tiny("smolvlm"))
    embeddings = torch.randn(1, 12, 64, generator=torch.Generator().manual_seed(1))
    finder = SinkFinder(text)
    with torch.inference_mode(), finder.watch():
        text(inputs_embeds=embeddings)
    assert not finder.sinks().any()
    assert not any(layer._forward_pre_hooks for layer in text.layers)
