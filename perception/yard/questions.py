"""Draws questions with their truth from a world's truth channel: the same for ever for the same truth and seed.

For each group an answer is drawn first and then a question that has it, so that no answer is frequent because the
world makes it so. What cannot be asked without doubt is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from perception.yard.draws import draw_one, draw_weighted
from perception.yard.forms import FORMS, Ask
from perception.yard.oracle import settle
from perception.yard.phrases import phrasings, say
from perception.yard.proposals import propose
from perception.yard.question import Answer, Group, Kind, Question, Value, age_stratum
from perception.yard.scene import Scene, scene_of
from perception.yard.settings import WorldSettings, stream_of
from perception.yard.truth import Truth
from perception.yard.verdicts import Verdict

GROUPS: tuple[Group, ...] = (
    "what", "colour", "how_many", "where", "which_way", "how_fast", "approaching", "sound", "order", "how_long", "when",
    "how_long_ago", "dark", "before_after",
)  # fmt: skip
KINDS: Mapping[Kind, float] = {"answerable": 0.7, "false_premise": 0.15, "unanswerable": 0.15}
# What a world makes rarer is drawn more often, or else one of two answers would be the better guess.
TARGETS: Mapping[str, Mapping[Value, float]] = {
    "approach": {"yes": 0.5, "no": 0.5},
    "dark_closer": {"yes": 0.6, "no": 0.4},
    "fast": {"fast": 0.5, "slow": 0.5},
    "before": {"before": 0.5, "after": 0.5},
}
MOMENTS, TRIES = 4, 8  # how many asking times, and things to ask at each, are tried for one form
ENOUGH = 8  # different answers and ages to choose from
FIRST_ASKED_S = 4.0
GRID_S = 0.5  # asking times are multiples of it

Candidate: TypeAlias = tuple[Ask, Verdict, float]
Key: TypeAlias = tuple[tuple[str, Value], str]  # answer and age


def questions_of(truths: Sequence[Truth], settings: WorldSettings, seed: int, per_group: int = 1) -> list[Question]:
    """Return up to `per_group` questions of every group, fewer where a world gives none; by when they are asked."""
    scene = scene_of(truths)
    if not truths:
        return []
    found = {
        question.text + str(question.asked_s): question
        for group in GROUPS
        for number in range(per_group)
        if (question := draw_question(scene, settings, group, stream_of(seed, f"questions/{group}/{number}")))
    }
    return sorted(found.values(), key=lambda question: (question.asked_s, question.text))


def draw_question(scene: Scene, settings: WorldSettings, group: Group, seed: int) -> Question | None:
    """Return a question of a group, none where the world has none of the kind and answer that were drawn."""
    draw = np.random.default_rng(seed)
    forms = [name for name, form in FORMS.items() if form.group == group]
    order = [forms[int(number)] for number in draw.permutation(len(forms))]
    kind = draw_weighted(draw, KINDS)
    for wanted in dict.fromkeys((kind, "answerable")):
        for form in order:
            found = _candidates(draw, scene, settings, form, wanted)
            if wanted == "answerable" and form in TARGETS:
                target = draw_weighted(draw, TARGETS[form])
                found = {key: one for key, one in found.items() if key[0][1] == target}
            if found:
                ask, verdict, asked_s = _chosen(draw, found)
                return question_of(ask, verdict, asked_s, phrasing=int(draw.integers(phrasings(ask))))
            if form in TARGETS:
                return None  # another form would not make up for the answer that is missing
    return None


def _candidates(
    draw: np.random.Generator, scene: Scene, settings: WorldSettings, form: str, kind: Kind
) -> dict[Key, Candidate]:
    """Return things to ask of a form, one for each answer, so that what is common weighs no more than what is rare."""
    found: dict[Key, Candidate] = {}
    for _ in range(MOMENTS):
        asked_s = draw_asked_s(draw, scene)
        past = scene.until(asked_s)
        for _ in range(TRIES):
            ask = propose(form, draw, past, settings, asked_s, is_true=kind != "false_premise")
            verdict = None if ask is None else settle(ask, past, asked_s)
            if ask is not None and verdict is not None and verdict.kind == kind:
                age = age_stratum(age_of(verdict, asked_s))
                found.setdefault((answer_key(verdict.answer), age), (ask, verdict, asked_s))
        if len(found) >= (ENOUGH if kind == "answerable" else 1):
            break
    return found


def _chosen(draw: np.random.Generator, found: Mapping[Key, Candidate]) -> Candidate:
    """Return one candidate: its answer is drawn first, then how old it is."""
    answers = sorted({answer for answer, _ in found}, key=str)
    answer = draw_one(draw, answers)
    ages = sorted(age for one, age in found if one == answer)
    return found[answer, draw_one(draw, ages)]


def age_of(verdict: Verdict, asked_s: float) -> float:
    """Return how long ago the evidence ended, 0 where there is none."""
    ends = [end_s for _, end_s in verdict.evidence.ranges_s]
    return round(max(0.0, asked_s - max(ends)), 3) if ends else 0.0


def question_of(ask: Ask, verdict: Verdict, asked_s: float, phrasing: int = 0, stratum: str | None = None) -> Question:
    """Return a settled question in words."""
    form = FORMS[ask.form]
    age_s = age_of(verdict, asked_s)
    return Question(
        group=form.group,
        text=say(ask, phrasing),
        asked_s=asked_s,
        asks=form.asks,
        answer=verdict.answer,
        evidence=verdict.evidence,
        age_s=age_s,
        kind=verdict.kind,
        stratum=stratum or age_stratum(age_s),
        options=options_of(ask),
    )


def options_of(ask: Ask) -> tuple[str, ...]:
    """Return between what a question lets choose: the names of things or sounds."""
    if ask.form in {"order_two", "order_three"}:
        return tuple(mention.words for mention in ask.mentions)
    return ask.sounds if ask.form == "order_sounds" else ()


def draw_asked_s(draw: np.random.Generator, scene: Scene) -> float:
    """Return a time to ask at, rather late: so that there is something to remember."""
    last = int(float(scene.t_s[-1]) / GRID_S + 1e-6)
    first = min(last, int(FIRST_ASKED_S / GRID_S))
    return float(draw.integers(first, last + 1, 2).max()) * GRID_S


def answer_key(answer: Answer) -> tuple[str, Value]:
    """Return what counts as the same answer: times and durations to the second."""
    is_span = answer.kind in {"duration", "time"}
    return answer.kind, round(float(str(answer.value))) if is_span else answer.value
