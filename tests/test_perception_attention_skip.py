"""The state that absent sensors leave alone: to the bit, without a gradient, whatever their input holds."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from perception.attention.skip import SkipFusion, SkipUpdate
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_reads_nothing_back,
    assert_rows_are_independent,
    lively,
    seeded,
)


def slow(update: SkipUpdate, state: Tensor, x: Tensor) -> Tensor:
    """state (S,), x (F,) -> (S,), a gated recurrent unit by its formula."""
    hidden = torch.relu(update.hidden.weight @ x + update.hidden.bias)
    into = (update.cell.weight_ih @ hidden + update.cell.bias_ih).chunk(3)
    back = (update.cell.weight_hh @ state + update.cell.bias_hh).chunk(3)
    reset, keep = torch.sigmoid(into[0] + back[0]), torch.sigmoid(into[1] + back[1])
    return (1 - keep) * torch.tanh(into[2] + reset * back[2]) + keep * state


@torch.no_grad()
def test_present_rows_are_updated_and_absent_ones_are_not() -> None:
    update = lively(SkipUpdate(3, 4))
    state, x = seeded(3, 4), seeded(3, 3, seed=1)
    out = update(state, x, torch.tensor([True, False, True]))
    assert_close(out[0], slow(update, state[0], x[0]))
    assert torch.equal(out[1], state[1])
    assert_close(out[2], slow(update, state[2], x[2]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("is_said_to_be_there", [True, False])
def test_what_is_not_finite_reaches_no_result_and_no_gradient(value: float, is_said_to_be_there: bool) -> None:
    update = lively(SkipUpdate(3, 4))
    state, x = seeded(2, 4).requires_grad_(), seeded(2, 3, seed=1)
    x[1, 2] = value
    x.requires_grad_()
    out = update(state, x, torch.tensor([True, is_said_to_be_there]))
    assert torch.equal(out[1], state[1])
    out.square().sum().backward()
    alone = [parameter.grad for parameter in update.parameters()]
    assert x.grad is not None
    assert state.grad is not None
    assert x.grad[0].abs().sum() > 0
    assert not x.grad[1].any()
    assert torch.equal(state.grad[1], 2 * state[1])  # as through a copy
    update.zero_grad()
    update(state[:1], x[:1], torch.tensor([True])).square().sum().backward()
    for parameter, grad in zip(update.parameters(), alone, strict=True):
        assert grad is not None
        assert parameter.grad is not None
        assert_close(grad, parameter.grad)  # the other row taught nothing


@given(st.lists(st.tuples(st.sampled_from(["camera", "radar"]), st.booleans(), st.booleans()), max_size=5))
@torch.no_grad()
def test_leaving_a_sensor_out_equals_its_absence(ticks: list[tuple[str, bool, bool]]) -> None:
    fusion = lively(SkipFusion({"camera": 3, "radar": 2}, 4))
    widths = {"camera": 3, "radar": 2}
    state, alone = fusion.start(2), [fusion.start(1), fusion.start(1)]
    for tick, (sensor, *present) in enumerate(ticks):
        x = seeded(2, widths[sensor], seed=tick)
        state = fusion.step(state, sensor, x, torch.tensor(present))
        for row, is_there in enumerate(present):
            if is_there:
                alone[row] = fusion.step(alone[row], sensor, x[row : row + 1], torch.tensor([True]))
    assert_close(state, torch.cat(alone))


@torch.no_grad()
def test_there_is_a_state_to_read_after_every_sensor() -> None:
    fusion = lively(SkipFusion({"camera": 3, "radar": 2}, 4))
    there, absent = torch.tensor([True, True]), torch.tensor([True, False])
    states = fusion({"radar": (seeded(2, 2), absent), "camera": (seeded(2, 3), there)})
    assert states.shape == (3, 2, 4)
    assert torch.equal(states[0], fusion.first.expand(2, -1))
    assert torch.equal(states[1, 1], states[0, 1])
    assert_close(states[2], fusion({"camera": (seeded(2, 3), there)}, states[1])[1])


def test_rows_are_independent_and_gradients_finite() -> None:
    update = lively(SkipUpdate(3, 4))
    inputs = seeded(3, 4), seeded(3, 3), torch.tensor([True, False, True])
    assert_rows_are_independent(update, *inputs)
    assert_gradients_are_finite(update, lambda state, x: update(state, x, inputs[2]), *inputs[:2])
    assert_reads_nothing_back(update, update, *inputs)
