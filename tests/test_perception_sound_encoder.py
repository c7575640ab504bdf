"""The audio encoder: any split equals the whole clip, bad sound does no harm, streams of a batch do not mix."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from perception.attention.restart import restart
from perception.sound.encoder import TOKEN, AudioEncoder, SoundHead
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


def encoder(depth: int = 2) -> AudioEncoder:
    module = lively(AudioEncoder(24, depth, stem=(4, 8), heads=3, frames=4, decay=0.9))
    for norm in [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]:  # as after some training
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(0.1 * seeded(len(norm.running_mean)))
        norm.running_var.fill_(0.7)
    return module


def heard(samples: Tensor) -> Tensor:
    tokens: Tensor = encoder()(samples)
    return tokens


@settings(max_examples=25)
@given(st.lists(st.integers(0, 2 * TOKEN + 77), min_size=1, max_size=8), st.integers(0, 2))
@torch.no_grad()
def test_steps_of_any_size_equal_the_whole_clip(cuts: list[int], depth: int) -> None:
    module, x = encoder(depth), 0.1 * seeded(2, sum(cuts))
    state, pieces = module.start(2), []
    for piece in x.split(cuts, dim=1):
        tokens, state = module.step(piece, state)
        pieces.append(tokens)
    whole = module(x)
    assert whole.shape == (2, sum(cuts) // TOKEN, 24)
    assert_close(torch.cat(pieces, dim=1), whole)


@torch.no_grad()
def test_the_shipped_size_equals_itself_block_by_block() -> None:
    module, x = lively(AudioEncoder()), 0.1 * seeded(1, 5 * TOKEN)
    state, pieces = module.start(1), []
    for piece in x.split(512, dim=1):
        tokens, state = module.step(piece, state)
        pieces.append(tokens)
    assert_close(torch.cat(pieces, dim=1), module(x))


@torch.no_grad()
def test_no_token_hears_what_comes_later() -> None:
    x = 0.1 * seeded(1, 6 * TOKEN)
    changed = x.clone()
    changed[:, 3 * TOKEN :] = 0
    assert torch.equal(heard(changed)[:, :3], heard(x)[:, :3])
    assert not torch.isclose(heard(changed)[:, 3:], heard(x)[:, 3:]).all()


@torch.no_grad()
def test_streams_of_a_batch_do_not_mix() -> None:
    assert_rows_are_independent(heard, 0.1 * seeded(3, 4 * TOKEN))


def test_everything_learns() -> None:
    module, head = encoder().train(), SoundHead(24, 5)
    whole = torch.nn.ModuleList([module, head])
    assert_gradients_are_finite(whole, lambda x: head.whole(module.see(x)), seeded(2, 32, 64))


@torch.no_grad()
def test_one_stream_starts_again_and_the_other_goes_on() -> None:
    module, x = encoder(), 0.1 * seeded(2, 6 * TOKEN)
    _, state = module.step(x[:, : 3 * TOKEN], module.start(2))
    again, _ = module.step(x[:, 3 * TOKEN :], restart(state, torch.tensor([True, False])))
    assert_close(again[:1], module(x[:1, 3 * TOKEN :]))
    assert_close(again[1:], module(x[1:])[:, 3:])


@pytest.mark.parametrize("level", [0.0, 50.0, math.nan, math.inf])
@torch.no_grad()
def test_after_silence_clipping_and_broken_samples_it_hears_on(level: float) -> None:
    module, x = encoder(), 0.1 * seeded(1, 4 * TOKEN)
    bad = torch.full_like(x, level) if level != 50.0 else level * x
    tokens, state = module.step(bad, module.start(1))
    assert tokens.isfinite().all()
    after, _ = module.step(x, state)
    assert after.isfinite().all()
    assert float(after.std()) > 0


@torch.no_grad()
def test_a_broken_sample_is_a_silent_one() -> None:
    x = 0.1 * seeded(1, 4 * TOKEN)
    broken, silent = x.clone(), x.clone()
    broken[:, 1000:1400:3], silent[:, 1000:1400:3] = math.nan, 0.0
    assert torch.equal(heard(broken), heard(silent))


@torch.no_grad()
def test_a_clip_is_what_its_weightiest_tokens_say() -> None:
    head, tokens = lively(SoundHead(24, 5)), seeded(2, 6, 24)
    logits, weights = head(tokens)
    shares = weights.exp() / weights.exp().sum(dim=1, keepdim=True)
    assert_close(head.whole(tokens), (logits * shares[:, :, None]).sum(dim=1))
