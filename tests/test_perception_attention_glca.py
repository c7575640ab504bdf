"""Global-local cross-attention against the plain block over all tokens, of which the best ones are kept afterwards."""

import torch

from perception.attention.glca import GlobalLocalCrossAttention
from perception.attention.rollout import class_row, mean_row
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)


@torch.no_grad()
def test_queries_are_the_class_and_the_best_tokens() -> None:
    module = lively(GlobalLocalCrossAttention(8, 2, 0.4, has_class=True))
    x, scores = seeded(1, 6, 8), torch.tensor([[9.0, 0.1, 0.5, 0.2, 0.4, 0.3]])
    out, places = module(x, scores)
    assert places.tolist() == [[0, 2, 4]]
    assert_close(out, module.block(x)[:, [0, 2, 4]])  # a token's own result does not depend on who else asks


@torch.no_grad()
def test_without_a_class_token_the_best_of_all_are_chosen() -> None:
    module = lively(GlobalLocalCrossAttention(8, 2, 0.2, has_class=False))
    x, scores = seeded(2, 11, 8), seeded(2, 11, seed=1)
    out, places = module(x, scores)
    best = [[row.tolist().index(one) for one in sorted(row.tolist(), reverse=True)[:2]] for row in scores]
    assert places.tolist() == best  # a fifth of 11, rounded
    for row in range(2):
        assert_close(out[row], module.block(x)[row, places[row]])


@torch.no_grad()
def test_rollout_gives_the_scores_with_and_without_a_class_token() -> None:
    first = lively(GlobalLocalCrossAttention(8, 2, 0.5, has_class=True)).block
    x, q, k = first.look(seeded(2, 9, 8))
    for has_class, scores in ((True, class_row([(q, k)])), (False, mean_row([(q, k)]))):
        out, places = GlobalLocalCrossAttention(8, 2, 0.5, has_class=has_class)(x, scores)
        assert out.shape == (2, 4 + has_class, 8)
        assert len(set(places[0].tolist())) == 4 + has_class


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(GlobalLocalCrossAttention(8, 2, 0.5, has_class=True))
    scores = seeded(3, 7, seed=1)
    assert_rows_are_independent(lambda x, scores: module(x, scores)[0], seeded(3, 7, 8), scores)
    assert_gradients_are_finite(module, lambda x: module(x, scores)[0], seeded(3, 7, 8))
    assert_reads_nothing_back(module, lambda x: module(x, scores.to(x.device))[0], seeded(3, 7, 8))
