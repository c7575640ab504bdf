"""A stream that restarts is as before its first frame, and those beside it go on."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from perception.attention.causaldual import CausalDualBlock
from perception.attention.restart import restart
from tests.attention_checks import assert_close, lively, seeded


def block() -> CausalDualBlock:
    return lively(CausalDualBlock(8, 2, 2, (2, 2), frames=3, decay=0.9, mlp_ratio=2.0))


@torch.no_grad()
def test_a_stream_that_restarts_forgets_and_its_neighbour_does_not() -> None:
    module, x, later = block(), seeded(2, 4, 8, 3, 3), seeded(2, 3, 8, 3, 3, seed=1)
    _, state = module.step(x, module.start(x))
    y, _ = module.step(later, restart(state, torch.tensor([True, False])))
    assert_close(y[:1], module(later[:1]))
    assert_close(y[1:], module(torch.cat([x, later], dim=1)[1:])[:, 4:])


@given(st.lists(st.booleans(), min_size=1, max_size=4))
@torch.no_grad()
def test_rows_that_restart_are_zero_and_the_others_untouched(rows: list[bool]) -> None:
    module, x = block(), seeded(len(rows), 2, 8, 2, 2)
    _, state = module.step(x, module.start(x))
    after, start = restart(state, torch.tensor(rows)), module.start(x)
    parts = zip(after, state, start, strict=True)
    for half, before, fresh in parts:
        named = [(one.conv1, one.conv2, *one.attn) for one in (half, before, fresh)]
        for now, then, first in zip(*named, strict=True):
            assert now.dtype == then.dtype == first.dtype
            for row, is_new in enumerate(rows):
                assert torch.equal(now[row], (first if is_new else then)[row])
