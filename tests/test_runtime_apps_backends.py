"""Settings of a reasoner become its budget: windows as wide as the model reads, and one line where they are wider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reasoning.lmm.looking import Methods
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement
from runtime.apps.backends import _budget, _methods
from runtime.config import GroundingConfig, LmmConfig
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


def test_a_window_spans_no_more_than_the_model_reads_beside_a_question() -> None:
    assert _budget(LmmConfig(), lmm(128_000)).reach == 128_000 - 1024 - 128
    assert _budget(LmmConfig(), lmm(6000)).reach == 6000 - 1024 - 128
    assert _budget(LmmConfig(), lmm(6000)).far == 8192  # where angles grow coarse


def test_a_large_window_is_read_as_far_as_the_model_reads() -> None:
    large = LmmConfig(window_tokens=20_000)
    assert _budget(large, lmm(128_000)).far == 2 * 20_064
    assert _budget(large, lmm(21_216)).reach == 20_064
    with pytest.raises(MissingPart, match=r"reader reads 21215 tokens at once, the window and a question take 21216"):
        _budget(large, lmm(21_215))


def test_frames_that_left_take_no_more_memory_than_configured() -> None:
    assert _budget(LmmConfig(recall_mib=3), lmm(128_000)).room_bytes == 3 * 1024 * 1024


def test_methods_are_off_unless_they_are_named() -> None:
    assert _methods(GroundingConfig()) == Methods()
    named = _methods(GroundingConfig(outputs="reinforcement", two_rows=True, gain=2, weights="redistribution", moved=1))
    assert named.reinforcement == Reinforcement(gain=2, is_faithful=True)
    assert named.redistribution == Redistribution(moved=1)
