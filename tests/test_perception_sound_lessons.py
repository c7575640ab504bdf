"""Batches that sounds are learnt from: what is mixed, what is cut, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from perception.sound.lessons import (
    BATCH,
    CUT,
    STRANGERS,
    WHOLE,
    PlainLesson,
    SoundLesson,
    clip_levels,
    cut,
    mix,
    score_clips,
)
from perception.sound.logmel import LogMel
from perception.sound.plain import PlainNetwork
from perception.sound.strangers import LENGTH, stranger
from tests.sound_models import small_model


def power(seed: int, frames: int = 250, level: float = 1e-3) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    drawn = np.random.default_rng(seed).exponential(level, (frames, 64)).astype(np.float32)
    return drawn.reshape(frames, 64)


def lesson() -> SoundLesson:
    train = [([power(seed), power(seed + 10, 212)], seed % 2) for seed in range(4)]
    return SoundLesson(train, [(power(7), 0), (power(8), 1)], [power(9, level=1e-5)], 2)


def test_a_batch_is_what_its_draws_say() -> None:
    frames, targets = lesson().batch(np.random.default_rng(3))
    again, _ = lesson().batch(np.random.default_rng(3))
    other, _ = lesson().batch(np.random.default_rng(4))
    assert torch.equal(frames, again)
    assert not torch.equal(frames, other)
    assert frames.shape == (BATCH, CUT, 64)
    assert frames.isfinite().all()
    assert float(frames.amax()) <= 1
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(BATCH))
    assert targets[:STRANGERS, 2].eq(1).all()
    assert targets[STRANGERS:, 2].eq(0).all()


def test_both_models_learn_and_are_measured() -> None:
    rng = np.random.default_rng(0)
    pairs = [(power(seed), seed % 2) for seed in range(4)]
    models: list[tuple[nn.Module, SoundLesson | PlainLesson]] = [
        (small_model(), lesson()),
        (PlainNetwork(2, (1, 4, 4, 4, 4)), PlainLesson(pairs, pairs[:3], 2)),
    ]
    for model, own in models:
        loss = own.loss(model.train(), rng)
        loss.backward()
        grads = [one.grad for one in model.parameters()]
        assert all(one is not None and one.isfinite().all() for one in grads)
        assert 0 <= own.measure(model.eval())["accuracy"] <= 1


def test_a_piece_holds_something_that_is_heard() -> None:
    silent = np.full((250, 64), 1e-9, np.float32)
    silent[200:205] = 1e-2
    for seed in range(20):
        assert cut(silent, np.random.default_rng(seed)).max() == np.float32(1e-2)


@pytest.mark.parametrize(("ratio", "first", "second"), [(1.0, 1.0, 0.0), (0.5, 0.25, 0.25), (0.0, 0.0, 1.0)])
def test_sounds_are_mixed_at_the_same_loudness(ratio: float, first: float, second: float) -> None:
    loud, quiet = np.full((1, 10, 4), 1.0, np.float32), np.full((1, 10, 4), 1e-4, np.float32)
    loud[:, :, 2:], quiet[:, :, :2] = 0, 0
    mixed = mix(loud, quiet, np.array([ratio], np.float32))
    np.testing.assert_allclose(mixed[0, 0], [first, first, second, second], rtol=1e-5)


def test_a_clip_of_any_length_is_heard_whole() -> None:
    for frames in (100, 250, 400):
        assert clip_levels(power(0, frames)).shape == (1, WHOLE, 64)


@torch.no_grad()
def test_one_beginning_is_the_clip_itself() -> None:
    model, clip = small_model(), power(0)
    alone = model(clip_levels(clip)[:, :248]).log_softmax(dim=1)
    torch.testing.assert_close(score_clips(model, [clip]), alone)
    turned = score_clips(model, [clip], 4)
    assert turned.shape == alone.shape
    assert not torch.equal(turned, alone)


@pytest.mark.parametrize("seed", range(4))
def test_strangers_are_sounds_that_the_seed_decides(seed: int) -> None:
    made = stranger(seed)
    assert made.shape == (LENGTH,)
    assert np.array_equal(made, stranger(seed))
    assert not np.array_equal(made, stranger(seed + 4))
    assert np.isfinite(made).all()
    assert 0 < np.abs(made).max() <= 1
    front = LogMel()
    frames, _ = front.step(torch.from_numpy(made)[None], front.start(1))
    assert float(frames.std()) > 0.1
