"""Answers that deny something: what they affirm counts, what they deny does not, and no denial is taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.yard.answers import judge, parse_answer
from perception.yard.denials import affirmed, clauses_of, denied
from perception.yard.question import Answer, AnswerKind, Evidence, Question, Value

ASKED_S = 75.0
PAIR = ("red car", "small dog")


def read(asks: AnswerKind, text: str) -> tuple[AnswerKind, Value] | None:
    found = parse_answer(asks, text, ASKED_S, PAIR if "dog" in text and asks == "order" else ())
    return None if found is None else (found.kind, found.value)


@pytest.mark.parametrize(
    ("asks", "text", "value"),
    [
        ("colour", "No, the car was blue.", "blue"),
        ("colour", "It was not red, it was blue.", "blue"),
        ("colour", "Blue, not red.", "blue"),
        ("colour", "It is blue, isn't it?", "blue"),
        ("colour", "It is not moving and it is red.", "red"),
        ("class", "I see no dog, but a car.", "car"),
        ("class", "There is nothing else there than a dog.", "dog"),
        ("class", "None other than a dog.", "dog"),
        ("class", "The thing was not moving: a car.", "car"),
        ("class", "It is no car - it is a truck.", "truck"),
        ("class", "No doubt a truck.", "truck"),
        ("class", "It was not dark, a car stood there.", "car"),
        ("direction", "To the left, never stopping.", "left"),
        ("direction", "It did not turn; it kept going left.", "left"),
        ("direction", "Away, and it did not come back.", "away"),
        ("side", "It is on the left, not in view any more.", "left"),
        ("speed", "Not fast: slow.", "slow"),
        ("sound", "No barking, just a horn.", "honking"),
        ("sound", "Nothing but barking.", "barking"),
        ("duration", "It stood for 5 seconds; it was not moving.", 5.0),
        ("time", "At 0:12, not 0:15.", 12.0),
        ("time", "It did not stop until 0:12.", 12.0),
        ("order", "Before, not after.", "before"),
        ("order", "It was not after, it was before.", "before"),
        ("order", "The dog, not the red car.", "small dog"),
        ("order", "The red car came first and not the dog.", "red car"),
        ("number", "Two, not three.", 2),
        ("number", "Not two but three.", 3),
        ("number", "No, there were three.", 3),
        ("number", "Not a single one.", 0),
        ("number", "None of the three.", 0),
        ("number", "Two in the last 4 seconds.", 2),
        ("number", "I don't see any.", 0),
        ("yes_no", "Yes, there is no doubt.", "yes"),
        ("yes_no", "Yes, but it was not moving.", "yes"),
        ("yes_no", "It was there, not hidden.", "yes"),
        ("yes_no", "I see a dog, not a cat.", "yes"),
        ("yes_no", "True, nothing hid it.", "yes"),
        ("yes_no", "No red car, a blue one.", "no"),
        ("yes_no", "No, I see a blue one.", "no"),
        ("yes_no", "Of course not.", "no"),
        ("yes_no", "I do not see one.", "no"),
        ("list", "No barking, only a horn.", ("honking",)),
        ("list", "Barking but no horn.", ("barking",)),
        ("list", "Nobody came closer.", ()),
    ],
)
def test_what_is_affirmed_is_the_answer(asks: AnswerKind, text: str, value: Value) -> None:
    assert read(asks, text) == (asks, value)


@pytest.mark.parametrize(
    ("asks", "text"),
    [
        ("colour", "Not red."),
        ("colour", "It was never red."),
        ("class", "I see no dog, but a cat."),
        ("class", "It is not a car."),
        ("speed", "Not very fast."),
        ("side", "It is not on the left."),
        ("sound", "No barking."),
        ("list", "No barking."),
        ("order", "Not before."),
        ("order", "The dog did not come before the red car."),
        ("duration", "It did not stop for more than 3 seconds."),
        ("duration", "No longer than 5 seconds."),
        ("time", "Not at 0:12."),
        ("time", "Some time before 0:12."),
        ("number", "At least two."),
        ("number", "Fewer than three."),
        ("number", "No more than two."),
        ("number", "Not three."),
        ("number", "One or no dog."),
        ("yes_no", "Yes and no."),
        ("yes_no", "It left before the bus came."),
        ("yes_no", "Right after the dog."),
    ],
)
def test_to_deny_one_value_or_to_name_a_bound_is_no_answer_and_refutes_nothing(asks: AnswerKind, text: str) -> None:
    assert read(asks, text) is None


@pytest.mark.parametrize(
    ("asks", "text"),
    [
        ("direction", "There was no red car."),
        ("direction", "I saw no car, only a dog."),
        ("direction", "No such thing, it was a truck on the left."),
        ("colour", "No dog was heard; there was no sound."),
        ("class", "Nothing."),
        ("time", "It never stopped."),
        ("time", "That did not happen, it stood there from 0:12 on."),
        ("order", "There was no dog."),
        ("duration", "It was not dark."),
    ],
)
def test_a_premise_is_refuted_where_nothing_is_affirmed_or_it_is_said_outright(asks: AnswerKind, text: str) -> None:
    assert read(asks, text) == ("refuted", "")


@pytest.mark.parametrize(("asks", "value"), [("yes_no", "no"), ("number", 0)])
def test_no_such_thing_says_no_where_no_is_an_answer(asks: AnswerKind, value: Value) -> None:
    question = Question(
        group="exists", text="?", asked_s=ASKED_S, asks=asks, answer=Answer(kind=asks, value=value),
        evidence=Evidence(), age_s=0.0, kind="answerable", stratum="recent",
    )  # fmt: skip
    assert judge(question, "There was no such thing.") == "right"
    assert judge(question, "It was not dark.") == "wrong"


def test_a_text_is_split_into_what_it_affirms_and_what_it_denies() -> None:
    clauses = clauses_of("It wasn't red, it was blue; at 0:05.5 no dog barked but a car honked.")
    assert affirmed(clauses) == "it it was blue at 0:05.5 a car honked"
    assert denied(clauses) == "red dog barked"
    assert [clause.no for clause in clauses] == ["wasnt", "", "no", ""]


@given(st.text(alphabet="no,.;:- notbut adgy0123\u2014", max_size=60))
def test_any_text_has_clauses(text: str) -> None:
    for clause in clauses_of(text):
        assert clause.words == clause.words.strip()
        assert bool(clause.denied) <= bool(clause.no)
