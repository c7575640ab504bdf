"""Redistribution against the formulas, head by head; row sums stay, and off is off."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reasoning.lmm.redistribute import Redistribution


def slow(weights: Tensor, visual: Tensor, sinks: Tensor, rule: Redistribution) -> Tensor:
    """VAR as its paper writes it, one head and row at a time."""
    changed = weights.clone()
    for place in torch.cartesian_prod(*(torch.arange(size) for size in weights.shape[:-1])):
        row = weights[tuple(place)]
        mass = sum(float(row[j]) for j in range(len(row)) if visual[j])
        useful = sum(float(row[j]) for j in range(len(row)) if visual[j] and not sinks[j])
        if not any(bool(v and s) for v, s in zip(visual, sinks, strict=True)):
            continue
        if mass < rule.visual_share or useful < rule.useful_share * mass or useful <= 0:
            continue
        budget = rule.moved * sum(float(row[j]) for j in range(len(row)) if sinks[j])
        for j in range(len(row)):
            if sinks[j]:
                changed[(*place, j)] = row[j] * (1 - rule.moved)
            elif visual[j]:
                changed[(*place, j)] = row[j] + budget * row[j] / useful
    return changed


@given(
    seed=st.integers(0, 10_000),
    keys=st.integers(1, 24),
    moved=st.sampled_from([0.0, 0.4, 0.6, 1.0]),
    visual_share=st.sampled_from([0.0, 0.2, 0.6]),
    useful_share=st.sampled_from([0.0, 0.5, 0.9]),
)
def test_it_equals_the_slow_reference_and_keeps_row_sums(
    seed: int, keys: int, moved: float, visual_share: float, useful_share: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.softmax(3 * torch.randn(1, 3, 2, keys, generator=generator), dim=-1)
    visual = torch.rand(keys, generator=generator) < 0.6
    sinks = torch.rand(keys, generator=generator) < 0.3
    rule = Redistribution(moved=moved, visual_share=visual_share, useful_share=useful_share)
    changed = rule.apply(weights, visual, sinks)
    torch.testing.assert_close(changed, slow(weights, visual, sinks, rule), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(changed.sum(-1), weights.sum(-1), rtol=0, atol=1e-5)
    assert (changed >= -1e-7).all()


def test_what_is_off_or_has_no_sinks_changes_nothing() -> None:
    weights = torch.softmax(torch.randn(1, 4, 3, 20, generator=torch.Generator().manual_seed(0)), dim=-1)
    visual, none = torch.arange(20) < 12, torch.zeros(20, dtype=torch.bool)
    assert torch.equal(Redistribution(moved=0).apply(weights, visual, visual & (torch.arange(20) < 3)), weights)
    assert torch.equal(Redistribution(visual_share=0).apply(weights, visual, none), weights)


def test_a_row_that_only_looks_at_sinks_keeps_its_weights() -> None:
    weights = torch.tensor([[[[0.5, 0.5, 0.0]]]])
    visual = torch.tensor([True, True, True])
    assert torch.equal(
        Redistribution(useful_share=0.0).apply(weights, visual, torch.tensor([True, True, False])), weights
    )
