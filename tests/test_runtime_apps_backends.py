"""Settings of a reasoner become its budget: windows as large as the model reads, and one line where they are larger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime.apps.backends import _budget
from runtime.config import LmmConfig
from runtime.errors import MissingPart

pytestmark = pytest.mark.slow  # the import of transformers

if TYPE_CHECKING:
    from reasoning.lmm.load import Lmm


class Reader:
    """A model that reads so many tokens at once."""

    name = "reader"

    def __init__(self, context_tokens: int) -> None:
        self.context_tokens = context_tokens


def lmm(context_tokens: int) -> Lmm:
    reader: Any = Reader(context_tokens)
    return reader  # type: ignore[no-any-return]


def test_counting_begins_anew_where_angles_grow_coarse_or_the_model_ends() -> None:
    assert _budget(LmmConfig(), lmm(128_000)).far == 8192
    assert _budget(LmmConfig(), lmm(6000)).far == 6000 - 1024 - 128


def test_a_large_window_is_read_as_far_as_the_model_reads() -> None:
    large = LmmConfig(window_tokens=20_000)
    assert _budget(large, lmm(128_000)).far == 2 * 20_064
    assert _budget(large, lmm(30_000)).far == 30_000 - 1024 - 128
    with pytest.raises(MissingPart, match=r"reader reads 16000 tokens at once, fewer than the window and a question"):
        _budget(large, lmm(16_000))
