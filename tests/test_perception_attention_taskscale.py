"""Task channel scaling against its formula, task by task and token by token."""

import torch
import torch.nn.functional as F
from torch import nn

from perception.attention.taskscale import TaskScale
from tests.attention_checks import (
    assert_close,
    assert_gradients_are_finite,
    assert_rows_are_independent,
    lively,
    seeded,
)


@torch.no_grad()
def test_each_task_reads_through_its_own_weights() -> None:
    module = lively(TaskScale(6, 3, inner=2))
    x = seeded(2, 4, 6)
    out = module(x)
    assert out.shape == (2, 3, 4, 6)
    for task, (narrow, widen) in enumerate(zip(module.narrow, module.widen, strict=True)):
        assert isinstance(narrow, nn.Linear)
        assert isinstance(widen, nn.Linear)
        for row in range(2):
            for n in range(4):
                gate = widen.weight @ F.gelu(narrow.weight @ x[row, n] + narrow.bias) + widen.bias
                assert_close(out[row, task, n], gate * x[row, n])


def test_rows_are_independent_and_gradients_finite() -> None:
    module = lively(TaskScale(6, 2))
    assert_rows_are_independent(module, seeded(3, 4, 6))
    assert_gradients_are_finite(module, module, seeded(2, 4, 6))
