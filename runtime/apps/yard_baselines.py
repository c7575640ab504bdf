"""Who answers beside the backend: the most frequent, the priors, who never answers, and who reads the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from perception.yard.baselines import blind, group_of, majority, wording_of
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
from runtime.apps.yard_worlds import Asked

BASELINES = ("majority", "wording", "blind", "abstain", "oracle")
TRAINING_WORLDS = 40
PER_GROUP = 2  # questions of a training world
UNKNOWN = Answer(kind="unknown")
YES = Answer(kind="yes_no", value="yes")  # half of all polls are so


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequent:
    """The most frequent answers of training: of each group, and of each wording of a question."""

    by_group: Mapping[str, Answer]
    by_wording: Mapping[str, Answer]


@lru_cache(maxsize=4)
def frequent(settings: WorldSettings, worlds: int = TRAINING_WORLDS) -> Frequent:
    """Learn from the truth of training worlds what is answered most often where there is an answer."""
    questions = [question for number in range(worlds) for question in _training(settings, number)]
    known = [question for question in questions if question.kind != "unanswerable"]
    by_group = {"exists": YES} | majority(known, group_of)
    return Frequent(by_group=by_group, by_wording=majority(known, wording_of))


def baseline_replies(
    asked: Sequence[Asked], seen: Sequence[Truth], settings: WorldSettings, learnt: Frequent
) -> dict[str, dict[str, Reply]]:
    """Return what each of `BASELINES` replies to the questions of one world, by id."""

    def of_group(question: Question) -> Answer:
        return learnt.by_group.get(group_of(question), UNKNOWN)

    answerers: Mapping[str, Callable[[Question], Answer]] = {
        "majority": of_group,
        "wording": lambda question: learnt.by_wording.get(wording_of(question), of_group(question)),
        "blind": lambda question: blind(question.text, question.asked_s, settings),
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


def _training(settings: WorldSettings, number: int) -> list[Question]:
    seed = seed_of("train", number)
    world = make_world(settings, seed)
    return questions_of(list(truths(world, moments_of(world.length_s))), settings, seed, PER_GROUP)
