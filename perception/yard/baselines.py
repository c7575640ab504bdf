"""What one can score without looking: the most frequent answers of training, by group, by wording, and by all words.

A question group that either of them passes measures nothing; `balance` says so for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perception.yard.answers import judge
from perception.yard.blind import fit
from perception.yard.phrases import parse
from perception.yard.question import Answer, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How well one answers a group without looking."""

    group: str
    count: int
    majority: float
    wording: float  # the majority among questions that are worded alike
    blind: float


def group_of(question: Question) -> str:
    """Return what `majority` tells apart."""
    return question.group


def wording_of(question: Question) -> str:
    """Return form and class: what a text alone lets guess an answer from."""
    ask = parse(question.text)
    if ask is None:
        return question.group
    named = [mention.what.kind or "thing" for mention in ask.mentions] + [ask.what.kind or "thing" if ask.what else ""]
    return f"{ask.form} {' '.join(named)}"


def majority(training: Iterable[Question], key: Callable[[Question], str] = group_of) -> dict[str, Answer]:
    """Return the most frequent answer of each group in training; to abstain is an answer too."""
    by_key: defaultdict[str, list[Question]] = defaultdict(list)
    for question in training:
        by_key[key(question)].append(question)
    return {name: _most_frequent(questions) for name, questions in by_key.items()}


def balance(questions: Sequence[Question], training: Iterable[Question]) -> list[Balance]:
    """Return for each group how often one is right without looking; to abstain where nobody could know is right."""
    training = list(training)
    blind = fit(training)
    by_group, by_wording = majority(training), majority(training, wording_of)
    rows = []
    for group in sorted({question.group for question in questions}):
        own = [question for question in questions if question.group == group]
        fallback = by_group.get(group, Answer(kind="unknown"))
        scores = (
            _score(own, [fallback for _ in own]),
            _score(own, [by_wording.get(wording_of(question), fallback) for question in own]),
            _score(own, [blind.answer(question) for question in own]),
        )
        rows.append(Balance(group=group, count=len(own), majority=scores[0], wording=scores[1], blind=scores[2]))
    return rows


def is_right(question: Question, text: str) -> bool:
    """Say whether a text is the best that one can say: the answer, or to abstain where nobody could know."""
    judgement = judge(question, text)
    return judgement == ("abstained" if question.kind == "unanswerable" else "right")


def _score(questions: Sequence[Question], answers: Sequence[Answer]) -> float:
    return sum(one.answer.agrees(answer) for one, answer in zip(questions, answers, strict=True)) / len(questions)


def _most_frequent(questions: Sequence[Question]) -> Answer:
    """Return the answer that most of them take, tolerances counted."""
    answers = {(one.answer.kind, one.answer.value): one.answer for one in questions}
    takes = {key: sum(one.answer.agrees(answer) for one in questions) for key, answer in answers.items()}
    return answers[max(takes, key=lambda key: (takes[key], str(key)))]
