"""Merging the overflow against a slow reference: nothing is lost, every token is counted once."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reasoning.lmm.merge import merge


def slow(tokens: Tensor, saliency: Tensor, dominant: int, contextual: int) -> dict[int, tuple[Tensor, int]]:
    """VisionZip's rule in loops: place -> token and how many it stands for."""
    order = sorted(range(len(tokens)), key=lambda place: (-float(saliency[place]), place))
    merged = {place: (tokens[place], 1) for place in order[:dominant]}
    rest = sorted(order[dominant:])
    targets = [rest[number * len(rest) // contextual] for number in range(contextual)]
    members: dict[int, list[int]] = {target: [target] for target in targets}
    for place in rest:
        if place not in members:
            cosines = [float(torch.nn.functional.cosine_similarity(tokens[place], tokens[t], dim=0)) for t in targets]
            members[targets[cosines.index(max(cosines))]].append(place)
    for target, group in members.items():
        merged[target] = (torch.stack([tokens[place] for place in group]).mean(0), len(group))
    return merged


@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), dominant=st.integers(0, 12), contextual=st.integers(1, 6))
def test_it_equals_the_slow_reference(seed: int, count: int, dominant: int, contextual: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens, saliency = torch.randn(count, 8, generator=generator), torch.rand(count, generator=generator)
    merged = merge(tokens, saliency, dominant, contextual)
    if count <= dominant + contextual:
        assert torch.equal(merged.tokens, tokens)
        assert merged.size.tolist() == [1] * count
        return
    expected = slow(tokens, saliency, dominant, contextual)
    assert merged.index.tolist() == sorted(expected)
    for place, token, size in zip(merged.index.tolist(), merged.tokens, merged.size.tolist(), strict=True):
        torch.testing.assert_close(token, expected[place][0], rtol=1e-5, atol=1e-5)
        assert size == expected[place][1]
    assert int(merged.size.sum()) == count
    assert torch.bincount(merged.owner, minlength=len(merged.size)).tolist() == merged.size.tolist()


def test_equal_tokens_merge_into_themselves() -> None:
    tokens = torch.ones(10, 4)
    merged = merge(tokens, torch.arange(10.0), dominant=2, contextual=1)
    assert merged.index.tolist() == [0, 8, 9]
    assert merged.size.tolist() == [8, 1, 1]
    assert torch.equal(merged.tokens, torch.ones(3, 4))
