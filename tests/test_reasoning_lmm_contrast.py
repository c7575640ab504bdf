"""The contrast's rule by hand, its gate, and a branch without pictures that keeps pace."""

from __future__ import annotations

import math

import pytest
import torch

from reasoning.lmm.attention import install
from reasoning.lmm.contrast import Contrast, entropy
from reasoning.lmm.families import find_family
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.stream import Budget, LmmStream
from tests.test_reasoning_lmm_stream import QUESTION, SYSTEM, pictures
from tests.tiny_lmms import FAMILIES, tiny


def test_the_rule_by_hand() -> None:
    seen, blank = torch.tensor([2.0, 1.9, 0.0, -3.0]), torch.tensor([2.5, 0.5, -1.0, -9.0])
    contrasted = Contrast(strength=1.0, plausible=0.1).apply(seen, blank)
    assert contrasted.tolist()[:2] == pytest.approx([2 * 2.0 - 2.5, 2 * 1.9 - 0.5])
    assert contrasted.tolist()[2:] == [pytest.approx(2 * 0.0 + 1.0), -math.inf]  # e^-2 > 0.1 > e^-5
    assert int(contrasted.argmax()) == 1  # the picture makes it likelier; alone the words prefer the first


def test_off_changes_nothing_and_is_never_needed() -> None:
    logits = torch.randn(50, generator=torch.Generator().manual_seed(0))
    off = Contrast(strength=0)
    assert off.apply(logits, -logits) is logits
    assert not off.is_needed(logits, 0.0)


def test_the_gate_opens_where_reliance_is_low_and_the_choice_is_open() -> None:
    rule = Contrast(reliance=1.0, entropy=0.5)
    unsure, sure = torch.zeros(10), torch.tensor([50.0] + [0.0] * 9)
    assert entropy(unsure) == pytest.approx(math.log(10))
    assert rule.is_needed(unsure, 0.5)
    assert not rule.is_needed(unsure, 1.5)
    assert not rule.is_needed(sure, 0.5)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_branch_without_pictures_says_what_a_stream_without_pictures_says(family: str) -> None:
    model = tiny(family)
    install(model)
    adapter = find_family(model)
    stream, blind = LmmStream(adapter, Budget()), LmmStream(adapter, Budget())
    for one in (stream, blind):
        one.begin(SYSTEM)
    stream.append_frame(pictures(1)[0])
    seen: list[torch.Tensor] = []
    made: list[Grounding] = []

    def decide(logits: torch.Tensor) -> int:
        seen.append(logits.clone())
        return int(logits.argmax())

    def grounding(visual: torch.Tensor, layers: int) -> Grounding:
        made.append(Grounding(visual=visual, layers=layers))
        return made[-1]

    rule = Contrast(entropy=0.0, plausible=1e-9)
    tokens = list(
        stream.answer(
            QUESTION,
            limit=4,
            decide=decide,
            contrast=rule,
            ground=lambda cache: grounding(cache.notes.visual, len(cache.layers)),
        )
    )
    plain: list[torch.Tensor] = []
    given = iter(tokens)

    def follow(logits: torch.Tensor) -> int:
        plain.append(logits.clone())
        return next(given)

    list(stream.answer(QUESTION, limit=4, decide=follow))
    given = iter(tokens)
    without: list[torch.Tensor] = []

    def follow_blind(logits: torch.Tensor) -> int:
        without.append(logits.clone())
        return next(given)

    list(blind.answer(QUESTION, limit=4, decide=follow_blind))
    for contrasted, with_picture, blank in zip(seen, plain, without, strict=True):
        torch.testing.assert_close(contrasted, 2 * with_picture - blank, rtol=0, atol=1e-4)
    again = list(stream.answer(QUESTION, limit=4, decide=decide, contrast=Contrast(strength=0)))
    assert len(again) == 4
