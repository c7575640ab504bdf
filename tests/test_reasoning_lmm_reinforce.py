"""Head divergence against its definition, and which heads are made louder."""

from __future__ import annotations

import statistics

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from reasoning.lmm.attention import Reading, attend
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.reinforce import Reinforcement, choose_heads, divergence_of_rows, local_divergence

RTOL, ATOL = 1e-4, 1e-5


@given(seed=st.integers(0, 10_000), keys=st.integers(2, 30))
def test_the_local_score_is_the_distance_to_attention_without_the_picture(seed: int, keys: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.softmax(2 * torch.randn(5, keys, generator=generator), dim=-1)
    values = torch.randn(keys, 8, generator=generator)
    visual = torch.rand(keys, generator=generator) < 0.7
    visual[0] = False  # a sequence begins with words
    kept = weights * ~visual
    divergence, strength = local_divergence(weights @ values, kept @ values, kept.sum(-1))
    without = (kept / kept.sum(-1, keepdim=True)) @ values
    torch.testing.assert_close(divergence, (weights @ values - without).norm(dim=-1), rtol=RTOL, atol=ATOL)
    torch.testing.assert_close(strength, without.square().sum(-1), rtol=RTOL, atol=ATOL)
    mass = (weights * visual).sum(-1)
    if visual.any():  # the identity of the docstring
        of_picture = (weights * visual) @ values / mass[:, None]
        torch.testing.assert_close(divergence, mass * (of_picture - without).norm(dim=-1), rtol=RTOL, atol=ATOL)


@given(values=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=16))
def test_heads_above_the_median_are_chosen_but_not_those_loud_in_any_case(values: list[tuple[float, float]]) -> None:
    divergences, strengths = ([float(torch.tensor(one)) for one in column] for column in zip(*values, strict=True))

    def limit(column: list[float]) -> float:
        return statistics.fmean(column) + statistics.pstdev(column)

    columns = (divergences, strengths)
    assume(all(abs(one - limit(column)) > 1e-4 for column in columns for one in column))  # floats round otherwise
    filtered = [
        0.0 if d > limit(divergences) and t > limit(strengths) else d
        for d, t in zip(divergences, strengths, strict=True)
    ]
    middle = statistics.median(filtered)
    chosen = choose_heads(torch.tensor(divergences), torch.tensor(strengths)).tolist()
    for is_chosen, one in zip(chosen, filtered, strict=True):
        if abs(one - middle) > 1e-4:  # floats of another width round otherwise
            assert is_chosen == (one > middle)


def test_the_second_and_the_last_layers_take_part() -> None:
    assert Reinforcement().layers(32) == {1, *range(18, 32)}  # the paper's 2nd and last 14 of 32
    assert Reinforcement().layers(4) == {1, 3}
    assert Reinforcement().layers(1) == set()


def row_of_two(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(1, 4, 1, 8, generator=generator).expand(2, -1, -1, -1)
    key, value = (torch.randn(1, 2, 12, 8, generator=generator).expand(2, -1, -1, -1) for _ in range(2))
    visual = torch.arange(12) % 3 > 0
    return query, key, value, visual


@pytest.mark.parametrize("seed", range(5))
def test_two_rows_of_one_layer_input_score_as_one_pass_does(seed: int) -> None:
    query, key, value, visual = row_of_two(seed)
    mask = torch.stack((torch.ones(12, dtype=torch.bool), ~visual))[:, None, None]  # row 1 does not see the picture
    module = torch.nn.Module()
    module.layer_idx = 1  # type: ignore[assignment]
    looks = []
    for is_faithful in (True, False):
        grounding = Grounding(visual=visual, layers=4, reinforcement=Reinforcement(gain=2, is_faithful=is_faithful))
        rows = slice(0, 2 if is_faithful else 1)
        attend(
            module, query[rows], key[rows], value[rows], mask[rows], reading=Reading(grounding=grounding), scaling=0.3
        )
        looks.append(grounding)
    torch.testing.assert_close(looks[0].looks[1].divergence, looks[1].looks[1].divergence, rtol=RTOL, atol=ATOL)
    assert torch.equal(looks[0].heads[1], looks[1].heads[1])


def test_chosen_heads_are_louder_and_stay_chosen() -> None:
    query, key, value, visual = (one[:1] if one.dim() == 4 else one for one in row_of_two(1))
    module = torch.nn.Module()
    module.layer_idx, module.num_key_value_groups, module.is_causal = 1, 2, True  # type: ignore[assignment]
    plain, _ = attend(module, query, key, value, None, scaling=0.3)
    grounding = Grounding(visual=visual, layers=4, reinforcement=Reinforcement(gain=2))
    loud, _ = attend(module, query, key, value, None, reading=Reading(grounding=grounding), scaling=0.3)
    heads = grounding.heads[1]
    torch.testing.assert_close(loud[0, 0, heads], 2 * plain[0, 0, heads], rtol=RTOL, atol=ATOL)
    torch.testing.assert_close(loud[0, 0, ~heads], plain[0, 0, ~heads], rtol=RTOL, atol=ATOL)
    attend(module, -query, key, value, None, reading=Reading(grounding=grounding), scaling=0.3)
    assert grounding.heads[1] is heads


def test_divergence_of_rows_is_a_distance() -> None:
    seeing, blind = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 0.0]])
    divergence, strength = divergence_of_rows(seeing, blind)
    assert divergence.item() == pytest.approx(5)
    assert strength.item() == 0
