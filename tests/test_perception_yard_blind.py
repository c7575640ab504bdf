"""Who is blind answers by the frequencies of training alone, the same whatever the order, and never by the test."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache

import numpy as np

from perception.yard.blind import LEAST, Blind, Guess, fit, words_of
from perception.yard.question import Answer, AnswerKind, Evidence, Group, Question, Value
from tests.yard_truths import asked_worlds


@lru_cache(maxsize=1)
def training() -> tuple[Question, ...]:
    polls = (one for world in asked_worlds()[:120] for pair in world.pairs for one in pair)
    return (*(question for world in asked_worlds()[:120] for question in world.questions), *polls)


@lru_cache(maxsize=1)
def fitted() -> Blind:
    return fit(training())


def asked(
    text: str,
    asks: AnswerKind,
    value: Value,
    *,
    asked_s: float = 10.0,
    group: Group = "what",
    options: tuple[str, ...] = (),
) -> Question:
    return Question(
        group=group, text=text, asked_s=asked_s, asks=asks, answer=Answer(kind=asks, value=value, tolerance_s=1.0),
        evidence=Evidence(), age_s=0.0, kind="answerable", stratum="recent", options=options,
    )  # fmt: skip


def test_it_has_an_answer_to_every_form_that_training_asks() -> None:
    for question in training():
        answer = fitted().answer(question)
        assert answer.kind in (question.asks, "refuted", "unknown")


def test_to_one_wording_it_gives_what_training_answers_most_often() -> None:
    many = [asked("How many dogs are in view now?", "number", value) for value in (1, 1, 2) for _ in range(LEAST)]
    more = [asked("How many cars are in view now?", "number", 3) for _ in range(LEAST)]
    blind = fit([*many, *more])
    assert blind.answer(many[-1]).value == 1
    assert blind.answer(more[0]).value == 3
    assert blind.answer(asked("How many trucks are in view now?", "number", 0)).value == 1  # of the form
    assert blind.answer(asked("What is it?", "class", "car")).kind == "unknown"


def test_of_few_it_takes_no_frequency_but_that_of_the_next_wording() -> None:
    few = [asked("What colour is the small car?", "colour", "green") for _ in range(LEAST - 1)]
    many = [asked("What colour is the car?", "colour", "red") for _ in range(LEAST)]
    assert fit([*few, *many]).answer(few[0]).value == "red"


def test_a_time_is_guessed_as_it_fits_best_from_the_start_or_back_from_the_question() -> None:
    text = "When did it get dark?"
    back = [asked(text, "time", asked_s - 3.0, asked_s=asked_s) for asked_s in np.arange(10.0, 60.0, 5.0)]
    start = [asked(text, "time", 4.0, asked_s=asked_s) for asked_s in np.arange(10.0, 60.0, 5.0)]
    assert fit(back).answer(replace(back[0], asked_s=100.0)).value == 97.0
    assert fit(start).answer(replace(start[0], asked_s=100.0)).value == 4.0


def test_an_order_is_guessed_by_what_is_named_first() -> None:
    text = "Which came into view first, the {} or the {}?"
    pairs = [("dog", "car"), ("car", "truck"), ("person", "dog")] * LEAST
    second = [asked(text.format(*pair), "order", pair[1], group="order", options=pair) for pair in pairs]
    other = asked(text.format("bicycle", "truck"), "order", "truck", group="order", options=("bicycle", "truck"))
    assert fit(second).answer(other).value == "truck"


def test_the_order_of_training_is_all_one() -> None:
    some = training()[:200]
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(some))
        assert fit(some[number] for number in order) == fit(some)


def test_it_is_as_good_as_a_slow_count_says() -> None:
    """Of forms whose answers are words the guess must be the mode of its wording."""
    questions = [question for question in training() if question.asks in ("class", "colour", "side", "speed")]
    blind = fit(questions)
    for question in questions:
        words = next(words for words in words_of(question) if words in blind.by_words)
        alike = [other.answer for other in questions if words in set(words_of(other))]
        counts = Counter((one.kind, one.value) for one in alike)
        said = blind.answer(question)
        assert counts[said.kind, said.value] == max(counts.values())


def test_it_holds_no_answer_that_training_never_gave() -> None:
    known = {question.answer.value for question in training() if question.asks == "colour"}
    guessed = {guess.value for guess in fitted().by_words.values() if guess.kind == "colour"}
    assert guessed <= known
    assert Guess(kind="number", value=2).answer(9.0, ()) == Answer(kind="number", value=2)
