"""Who answers beside the backend: the most frequent, who is blind, who never answers, and who reads the truth.

The first two know the training split alone, by its questions and its polls, and nothing of the split under test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from perception.yard.baselines import Balance, balance, group_of, majority, wording_of
from perception.yard.blind import Blind, fit
from perception.yard.negatives import polls_of
from perception.yard.oracle import oracle
from perception.yard.question import Answer, Question
from perception.yard.questions import questions_of
from perception.yard.sayings import say_answer
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, seed_of
from perception.yard.truth import Truth
from perception.yard.view import truths
from runtime.apps.yard_pairs import moments_of
from runtime.apps.yard_replies import Reply
from runtime.apps.yard_worlds import Asked, settings_of

BASELINES = ("majority", "wording", "blind", "abstain", "oracle")
TRAINING_WORLDS = 40
PER_GROUP = 2  # questions of a training world
UNKNOWN = Answer(kind="unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequent:
    """The most frequent answers of training: of each group, of each wording of a question, and of all its words."""

    by_group: Mapping[str, Answer]
    by_wording: Mapping[str, Answer]
    blind: Blind


@lru_cache(maxsize=4)
def frequent(settings: WorldSettings, worlds: int = TRAINING_WORLDS) -> Frequent:
    """Learn from the truth of training worlds what is answered most often where there is an answer."""
    questions = [question for number in range(worlds) for question in asked_blindly(settings, number, PER_GROUP)]
    known = [question for question in questions if question.kind != "unanswerable"]
    return Frequent(by_group=majority(known, group_of), by_wording=majority(known, wording_of), blind=fit(known))


def group_accuracies(worlds: int, training: int, length_s: float) -> list[Balance]:
    """Return what one scores in each group of the test split without looking, polls among them as `exists`."""
    train, test = settings_of("train", length_s), settings_of("test", length_s)
    learnt = [question for number in range(training) for question in asked_blindly(train, number, PER_GROUP)]
    asked = [question for number in range(worlds) for question in asked_blindly(test, number, 1)]
    return balance(asked, learnt)


def asked_blindly(settings: WorldSettings, number: int, per_group: int) -> list[Question]:
    """Return what is asked about a world of a split, from its truth alone: nothing is rendered."""
    seed = seed_of(settings.split, number)
    world = make_world(settings, seed)
    seen = list(truths(world, moments_of(world.length_s)))
    polls = [one for pair in polls_of(seen, settings, seed) for one in pair]
    return [*questions_of(seen, settings, seed, per_group), *polls]


def baseline_replies(asked: Sequence[Asked], seen: Sequence[Truth], learnt: Frequent) -> dict[str, dict[str, Reply]]:
    """Return what each of `BASELINES` replies to the questions of one world, by id."""

    def of_group(question: Question) -> Answer:
        return learnt.by_group.get(group_of(question), UNKNOWN)

    answerers: Mapping[str, Callable[[Question], Answer]] = {
        "majority": of_group,
        "wording": lambda question: learnt.by_wording.get(wording_of(question), of_group(question)),
        "blind": learnt.blind.answer,
        "abstain": lambda _: UNKNOWN,
    }
    replies = {
        name: {one.id: said(answerer(one.question), one.question) for one in asked}
        for name, answerer in answerers.items()
    }
    replies["oracle"] = {one.id: Reply(text=oracle(one.question.text, one.question.asked_s, seen)) for one in asked}
    return replies


def said(answer: Answer, question: Question) -> Reply:
    """Return an answer in words."""
    return Reply(text=say_answer(answer, question.asked_s), abstained=answer.kind == "unknown")
