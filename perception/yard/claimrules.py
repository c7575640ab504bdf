"""Whether it is so: that many, in that order, at that time. What nobody could answer otherwise, nobody can affirm."""

from __future__ import annotations

from dataclasses import replace

from perception.yard.forms import Ask
from perception.yard.momentrules import of_period
from perception.yard.pastrules import of_past
from perception.yard.scene import Scene
from perception.yard.verdicts import HALF_S, Verdict

CLAIMS = frozenset({"exists_count", "exists_order", "exists_time"})
WRONG_S = 3.0  # so far from when it happened a time is wrong; within HALF_S it is right, and nobody asks between
EPS_S = 1e-6


def of_claim(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    """Return what a claim comes to: "yes" or "no" with the evidence of the question that it answers."""
    match ask.form:
        case "exists_count":
            verdict = of_period(replace(ask, form="many_seen", number=None), scene, asked_s)
            is_so = verdict is not None and verdict.answer.value == ask.number
        case "exists_order":
            verdict = of_past(replace(ask, form="order_two"), scene, asked_s)
            is_so = verdict is not None and verdict.answer.value == ask.mentions[0].words
        case _:
            verdict = of_past(replace(ask, form="when", at=None), scene, asked_s)
            off_s = _off_s(ask, verdict, asked_s)
            if off_s is None or HALF_S + EPS_S < off_s < WRONG_S - EPS_S:
                return None
            is_so = off_s <= HALF_S + EPS_S
    if verdict is None or verdict.kind != "answerable":
        return verdict
    answer = replace(verdict.answer, kind="yes_no", value="yes" if is_so else "no", tolerance_s=0.0)
    return replace(verdict, answer=answer)


def _off_s(ask: Ask, verdict: Verdict | None, asked_s: float) -> float | None:
    """Return how far a time is from when it happened, none where it did not, or is said to be still to come."""
    at_s = ask.at.moment_s(asked_s) if ask.at else asked_s
    if verdict is None or verdict.kind != "answerable" or not 0 <= at_s <= asked_s:
        return None
    return abs(at_s - float(str(verdict.answer.value)))
