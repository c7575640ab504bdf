"""Pair-wise cross-attention: one softmax over both rows' keys in training, nothing in eval mode."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from perception.attention.pairwise import PairwiseCrossAttention, draw_partners
from perception.attention.selfattention import SelfAttentionBlock
from tests.attention_checks import assert_close, assert_gradients_are_finite, lively, seeded


@torch.no_grad()
def test_a_row_sees_itself_and_its_partner_in_one_softmax() -> None:
    block = lively(SelfAttentionBlock(8, 2))
    module, x, partner = PairwiseCrossAttention(block).train(), seeded(3, 4, 8), torch.tensor([2, 0, 1])
    out = module(x, partner)
    for row in range(3):
        both = torch.cat([x[row], x[partner[row]]])[None]
        assert_close(out[row], block(both)[0, :4])  # the first half of a block over both rows' tokens


@torch.no_grad()
def test_a_row_that_is_its_own_partner_is_not_disturbed() -> None:
    block = lively(SelfAttentionBlock(8, 2))
    x = seeded(1, 4, 8)
    assert_close(PairwiseCrossAttention(block).train()(x, draw_partners(1)), block(x))


def test_in_eval_mode_tokens_pass_through() -> None:
    module, x = PairwiseCrossAttention(SelfAttentionBlock(8, 2)).eval(), seeded(2, 4, 8)
    assert module(x, torch.tensor([1, 0])) is x


@given(st.integers(2, 40), st.integers(0, 1000))
def test_nobody_is_their_own_partner_and_everybody_is_someones(batch: int, seed: int) -> None:
    partner = draw_partners(batch, torch.Generator().manual_seed(seed))
    assert (partner != torch.arange(batch)).all()
    assert sorted(partner.tolist()) == list(range(batch))


def test_gradients_are_finite_and_reach_the_shared_weights() -> None:
    block = lively(SelfAttentionBlock(8, 2))
    module = PairwiseCrossAttention(block).train()
    assert_gradients_are_finite(block, lambda x: module(x, torch.tensor([1, 2, 0])), seeded(3, 4, 8))
