"""Answers every question by rule, from its words and the truth up to when it is asked.

What it cannot parse, and what is not well posed, it abstains on like on what nobody could know.
"""

from __future__ import annotations

from collections.abc import Sequence

from perception.yard.claimrules import CLAIMS, of_claim
from perception.yard.darkrules import of_dark
from perception.yard.forms import FORMS, Ask
from perception.yard.momentrules import of_moment, of_period
from perception.yard.pastrules import of_past
from perception.yard.phrases import parse
from perception.yard.sayings import say_answer
from perception.yard.scene import Scene, scene_of
from perception.yard.truth import Truth
from perception.yard.verdicts import UNKNOWN, Verdict

S_NS = 1_000_000_000


def oracle(text: str, asked_s: float, truths: Sequence[Truth]) -> str:
    """Return the answer in words; of the truths only those up to `asked_s` count."""
    past = [truth for truth in truths if truth.t_ns <= round(asked_s * S_NS)]
    return say_answer(settle_text(text, asked_s, scene_of(past)).answer, asked_s)


def settle_text(text: str, asked_s: float, scene: Scene) -> Verdict:
    """Return what a question in words comes to in a scene that ends when it is asked."""
    ask = parse(text)
    verdict = None if ask is None else settle(ask, scene, asked_s)
    return verdict or UNKNOWN


def settle(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    """Return what a question comes to in a scene that ends when it is asked; none where it is not well posed."""
    form = FORMS[ask.form]
    if not len(scene.t_s):
        return None
    if form.group == "dark":
        verdict = of_dark(ask, scene)
    elif ask.form in CLAIMS:
        verdict = of_claim(ask, scene, asked_s)
    elif ask.period is not None:
        verdict = of_period(ask, scene, asked_s)
    elif ask.at is not None:
        verdict = of_moment(ask, scene, asked_s)
    else:
        verdict = of_past(ask, scene, asked_s)
    if verdict is not None and verdict.kind == "false_premise" and form.asks == "yes_no":
        return None  # "no" would be true of it, and would not say why
    return verdict
