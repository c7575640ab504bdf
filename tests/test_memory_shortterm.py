"""Short-term tokens fit their budget, lose what repeats first, and stand for all that came."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.shortterm import WAITING, ShortTerm, Waiting, compress, likeness, pool
from runtime.messages import Observation

if TYPE_CHECKING:
    from numpy.typing import NDArray


def observation(seq: int, tokens: NDArray[np.float32], t_ns: int | None = None) -> Observation:
    return Observation(
        session="s", stream="cam", epoch=0, seq=seq, t_ns=seq if t_ns is None else t_ns, model="m@1",
        tokens=tokens.astype(np.float16),
    )  # fmt: skip


def noise(count: int, tokens: int, width: int, seed: int) -> list[NDArray[np.float32]]:
    made = np.random.default_rng(seed).standard_normal((count, tokens, width), np.float32)
    return list(made)


def slow(frames: list[NDArray[np.float32]], budget: int) -> tuple[NDArray[np.float32], list[float]]:
    """Do the same, with every likeness worked out anew each time."""
    kept: list[NDArray[np.float32]] = []
    weights: list[float] = []
    for frame in frames:
        kept.append(frame)
        weights.append(1.0)
        if len(kept) * len(frame) > budget:
            alike = [likeness(a, b) for a, b in pairwise(kept)]
            at = alike.index(max(alike))
            total = weights[at] + weights[at + 1]
            merged = (weights[at] * kept[at] + weights[at + 1] * kept[at + 1]) / total
            kept[at : at + 2], weights[at : at + 2] = [merged.astype(np.float32)], [total]
    return np.concatenate(kept), weights


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 8), st.integers(0, 99))
def test_stepwise_is_what_working_it_all_out_gives(count: int, places: int, frames_kept: int, seed: int) -> None:
    frames, budget = noise(count, places, 6, seed), places * frames_kept
    kept = ShortTerm(budget)
    for frame in frames:
        kept.step(frame)
        assert len(kept.tokens()) <= budget
    tokens, weights = slow(frames, budget)
    assert np.allclose(kept.tokens(), tokens, atol=1e-5)
    assert np.array_equal(kept.weights(), np.repeat(weights, places).astype(np.float32))
    assert kept.weights().sum() == count * places


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 99))
def test_the_key_is_the_mean_of_all_that_came_however_much_was_merged(count: int, places: int, seed: int) -> None:
    frames = noise(count, places, 6, seed)
    kept = compress([observation(seq, frame) for seq, frame in enumerate(frames)], budget=places)
    mean = np.concatenate([frame.astype(np.float16).astype(np.float32) for frame in frames]).mean(0)
    assert np.allclose(kept.key(), mean / np.linalg.norm(mean), atol=1e-3)
    assert np.linalg.norm(kept.key()) == pytest.approx(1, abs=1e-5)


def test_what_happened_once_stays_while_what_repeats_becomes_one() -> None:
    still, once = noise(2, 2, 8, 1)
    kept = ShortTerm(budget=6)
    for frame in [still] * 20 + [once] + [still] * 20:
        kept.step(frame)
    assert kept.weights().tolist() == [20, 20, 1, 1, 20, 20]
    assert np.allclose(kept.tokens()[2:4], once)


@given(st.integers(1, 60), st.integers(1, 20))
def test_more_tokens_than_the_budget_become_means_of_neighbours(count: int, budget: int) -> None:
    tokens = noise(1, count, 3, 5)[0]
    pooled = pool(tokens, budget)
    assert len(pooled) == min(count, budget)
    if count % len(pooled) == 0:
        assert np.allclose(pooled, tokens.reshape(len(pooled), -1, 3).mean(1), atol=1e-5)
    assert len(ShortTerm(budget)._frames) == 0


def test_tokens_of_another_shape_are_refused() -> None:
    kept = ShortTerm()
    kept.step(noise(1, 3, 4, 0)[0])
    with pytest.raises(ValueError, match=r"have shape \(2, 4\)"):
        kept.step(noise(1, 2, 4, 0)[0])


def test_a_clip_takes_its_own_observations_in_order_and_what_was_before_it_is_gone() -> None:
    waiting = Waiting()
    tokens = noise(1, 1, 2, 0)[0]
    for seq, t_ns in enumerate((1, 5, 4, 7, 9)):
        waiting.add(observation(seq, tokens, t_ns))
    assert [one.t_ns for one in waiting.take(4, 7)] == [4, 5, 7]
    assert [one.t_ns for one in waiting.take(0, 99)] == [9]
    for seq in range(WAITING + 3):
        waiting.add(observation(seq, tokens))
    assert waiting.lost == 3
    assert waiting.take(0, 99)[0].seq == 3
