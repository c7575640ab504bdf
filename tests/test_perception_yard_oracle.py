"""The oracle answers what can be answered, abstains on or refutes the rest, and sees nothing that is still to come."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.answers import judge
from perception.yard.baselines import group_of, is_right, majority, wording_of
from perception.yard.oracle import oracle, settle_text
from perception.yard.scene import scene_of
from perception.yard.truth import LEAST_ECHOING, EntityTruth, Truth, from_json, to_json
from tests.yard_truths import asked_worlds, world_truths

JUDGEMENTS = {"answerable": "right", "false_premise": "right", "unanswerable": "abstained"}


def test_the_oracle_is_right_about_every_question_of_hundreds_of_worlds() -> None:
    judged: Counter[tuple[str, str]] = Counter()
    for world in asked_worlds():
        for question in [*world.questions, *(one for pair in world.pairs[:1] for one in pair)]:
            judgement = judge(question, oracle(question.text, question.asked_s, world.truths))
            judged[question.kind, judgement] += 1
    assert set(judged) == set(JUDGEMENTS.items())
    assert judged["answerable", "right"] > 300


def perceived(moments: list[Truth]) -> list[Truth]:
    """Return the truth without what no sensor had: moments that nothing told of, colours that no picture showed."""
    shown = {
        one.id for truth in moments for one in truth.entities if one.pixels and truth.light not in ("night", "fog")
    }

    def of(one: EntityTruth) -> EntityTruth:
        return one if one.id in shown else dataclasses.replace(one, colour="purple")

    return [
        dataclasses.replace(
            truth,
            entities=tuple(
                of(one)
                for one in truth.entities
                if one.pixels or one.echoes >= LEAST_ECHOING or one.loudness_db is not None
            ),
        )
        for truth in moments
    ]


def test_every_question_is_answered_from_what_the_sensors_had() -> None:
    hidden = 0
    for world in asked_worlds():
        for question in world.questions:
            past = [truth for truth in world.truths if truth.t_ns <= question.asked_s * 1e9]
            told = perceived(past)
            hidden += told != past
            judgement = judge(question, oracle(question.text, question.asked_s, told))
            assert judgement == JUDGEMENTS[question.kind], (question.text, question.asked_s, question.answer)
    assert hidden > 50


def test_it_reads_the_truth_channel_and_nothing_else() -> None:
    for world in asked_worlds()[:4]:
        channel = [from_json(to_json(truth)) for truth in world.truths]
        for question in world.questions:
            assert is_right(question, oracle(question.text, question.asked_s, channel))


@given(st.integers(0, 60))
@settings(max_examples=20, deadline=None)
def test_what_comes_after_the_question_changes_nothing(number: int) -> None:
    world = asked_worlds()[number]
    for question in world.questions:
        past = [truth for truth in world.truths if truth.t_ns <= question.asked_s * 1e9]
        assert oracle(question.text, question.asked_s, past) == oracle(question.text, question.asked_s, world.truths)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Who is the president?",
        "What colour is the zebra?",
        "Where is the red car",
        "What was on the left at 99:99?",
    ],
)
def test_it_abstains_on_what_is_outside_the_grammar_or_means_nothing_clear(text: str) -> None:
    assert oracle(text, 8.0, []) == "I cannot tell."
    assert oracle(text.replace("Where is the red car", "Where is a car"), 8.0, world_truths(0)[1]) == "I cannot tell."


def test_evidence_of_what_the_oracle_finds_is_that_of_the_question() -> None:
    for world in asked_worlds()[:60]:
        for question in world.questions:
            past = [truth for truth in world.truths if truth.t_ns <= question.asked_s * 1e9]
            verdict = settle_text(question.text, question.asked_s, scene_of(past))
            assert (verdict.kind, verdict.evidence) == (question.kind, question.evidence)


def test_the_majority_is_the_most_frequent_answer_of_a_group() -> None:
    questions = [question for world in asked_worlds() for question in world.questions]
    for group, answer in majority(questions).items():
        own = [question.answer for question in questions if question.group == group]
        assert sum(one.agrees(answer) for one in own) == max(sum(one.agrees(other) for one in own) for other in own)
    assert set(majority(questions, wording_of)) > {wording_of(questions[0])}
    assert set(majority(questions)) == {group_of(question) for question in questions}
