"""The loss of a set of things: equal to a search through all pairings, blind to order, fair to empty rows."""

from __future__ import annotations

import itertools
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.fusion.heads import REACH_M, Readings, Things
from perception.fusion.sets import NOTHING, TrueThings, losses, things_loss


def said_of(seed: int, batch: int, tokens: int) -> Things:
    rng = torch.Generator().manual_seed(seed)
    each = (batch, tokens)
    sizes = [(*each, 4), (*each, 3), each, (*each, 2), each, each]
    return Things(*(torch.randn(size, generator=rng).requires_grad_() for size in sizes))


def true_of(seed: int, count: int) -> TrueThings:
    rng = torch.Generator().manual_seed(100 + seed)
    return TrueThings(
        torch.randint(0, 3, (count,), generator=rng),
        torch.randint(0, 3, (count,), generator=rng),
        torch.rand(count, generator=rng) * 20,
        torch.randn(count, generator=rng),
        torch.randint(0, 2, (count,), generator=rng).float(),
        torch.randint(0, 2, (count,), generator=rng).float(),
    )


def surprise(logits: list[float], true: int) -> float:
    return math.log(sum(math.exp(one) for one in logits)) - logits[true]


def slow_cost(said: Things, true: TrueThings, row: int, token: int, place: int) -> tuple[float, float]:
    angle = float(true.bearing_rad[place])
    x, y = said.bearing[row, token].tolist()
    rest = surprise(said.colour[row, token].tolist(), int(true.colour[place]))
    rest += abs(float(said.range_m[row, token]) - float(true.range_m[place])) / REACH_M
    rest += abs(x - math.cos(angle)) + abs(y - math.sin(angle))
    for logits, truth in ((said.moving, true.moving), (said.approaching, true.approaching)):
        rest += surprise([0.0, float(logits[row, token])], int(truth[place]))
    return surprise(said.kind[row, token].tolist(), int(true.kind[place])), rest


def slow_loss(said: Things, truths: list[TrueThings]) -> float:
    """Try all pairings of each row."""
    said = Things(*(part.detach() for part in said))
    tokens = said.kind.shape[1]
    kinds, weights, rests = 0.0, 0.0, []
    for row, true in enumerate(truths):
        costs = [[slow_cost(said, true, row, one, place) for place in range(len(true.kind))] for one in range(tokens)]
        best = min(
            itertools.permutations(range(tokens), len(true.kind)),
            key=lambda chosen: sum(sum(costs[one][place]) for place, one in enumerate(chosen)),
        )
        for place, one in enumerate(best):
            kinds, weights = kinds + costs[one][place][0], weights + 1
            rests.append(costs[one][place][1])
        for one in set(range(tokens)) - set(best):
            kinds += NOTHING * surprise(said.kind[row, one].tolist(), 3)
            weights += NOTHING
    return kinds / weights + sum(rests) / max(1, len(rests))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(0, 4), min_size=1, max_size=3))
def test_it_is_that_of_the_best_of_all_pairings(seed: int, counts: list[int]) -> None:
    said, truths = said_of(seed, len(counts), 4), [true_of(seed + row, count) for row, count in enumerate(counts)]
    loss = things_loss(said, truths)
    assert math.isclose(loss.item(), slow_loss(said, truths), rel_tol=1e-4)
    loss.backward()
    assert said.kind.grad is not None
    assert said.kind.grad.isfinite().all()


@torch.no_grad()
def test_the_order_of_tokens_and_of_truths_does_not_matter() -> None:
    said, true = said_of(1, 1, 5), true_of(1, 3)
    turned = Things(*(part.flip(1) for part in said))
    assert torch.allclose(things_loss(said, [true]), things_loss(turned, [true]), atol=1e-6)
    assert torch.allclose(things_loss(said, [true]), things_loss(said, [TrueThings(*(p.flip(0) for p in true))]))


@torch.no_grad()
def test_more_things_than_tokens_pair_as_many_as_there_are() -> None:
    assert things_loss(said_of(2, 1, 2), [true_of(2, 5)]).isfinite()


@torch.no_grad()
def test_the_other_tasks_are_cross_entropies() -> None:
    said = Readings(said_of(3, 2, 3), torch.randn(2, 4), torch.randn(2, 3), torch.randn(2, 2, 2))
    sound, ground = torch.tensor([[1.0, 0, 1], [0, 0, 0]]), torch.tensor([[[1.0, 0], [0, 0]], [[0, 1], [1, 1]]])
    got = losses(said, [true_of(3, 1), true_of(4, 0)], torch.tensor([3, 0]), sound, ground)
    activity = [surprise(said.activity[0].tolist(), 3), surprise(said.activity[1].tolist(), 0)]
    assert math.isclose(got.activity.item(), sum(activity) / 2, rel_tol=1e-4)
    for value, logits, true in ((got.sound, said.sound, sound), (got.ground, said.ground, ground)):
        cells = zip(logits.flatten().tolist(), true.flatten().tolist(), strict=True)
        each = [surprise([0.0, x], int(y)) for x, y in cells]
        assert math.isclose(value.item(), sum(each) / len(each), rel_tol=1e-4)
    assert math.isclose(got.total().item(), sum(float(one) for one in got), rel_tol=1e-5)
