"""Answers in free text: read back whatever the wording, judged exactly, and never an error."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.yard.answers import judge, parse_answer
from perception.yard.kinds import CLASSES, COLOURS
from perception.yard.question import Answer, AnswerKind, Evidence, Question
from perception.yard.sayings import say_answer, sayings
from perception.yard.words import (
    CLASS_WORDS,
    COLOUR_WORDS,
    HAPPENING_WORDS,
    SOUND_WORDS,
    read_clock,
    read_span,
    say_clock,
    say_span,
)

ASKED_S = 75.0
KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
WANTED = [kind for kind in KINDS if kind not in ("refuted", "unknown")]
OPTIONS = ("red car", "small dog", "last person")
tenths_s = st.integers(0, 99999).map(lambda tenths: tenths / 10)


def answers() -> st.SearchStrategy[tuple[Answer, AnswerKind]]:
    """Return answers with what was asked for."""
    values: dict[AnswerKind, st.SearchStrategy[object]] = {
        "class": st.sampled_from(sorted(CLASSES)),
        "colour": st.sampled_from(sorted(COLOURS)),
        "number": st.integers(0, 60),
        "side": st.sampled_from(["left", "middle", "right"]),
        "direction": st.sampled_from(["left", "right", "towards", "away"]),
        "speed": st.sampled_from(["slow", "fast"]),
        "yes_no": st.sampled_from(["yes", "no"]),
        "sound": st.sampled_from(sorted(SOUND_WORDS)),
        "order": st.sampled_from(["before", "after"]),
        "duration": tenths_s,
        "time": st.integers(0, round(ASKED_S * 10)).map(lambda tenths: tenths / 10),
        "list": st.lists(st.sampled_from(sorted(HAPPENING_WORDS)), unique=True).map(lambda names: tuple(sorted(names))),
    }
    return st.one_of(
        *(
            st.builds(Answer, kind=st.just(kind), value=value).map(lambda one: (one, one.kind))
            for kind, value in values.items()
        ),
        *(st.tuples(st.just(Answer(kind=kind)), st.sampled_from(WANTED)) for kind in ("refuted", "unknown")),
    )


def question(answer: Answer, asks: AnswerKind, options: tuple[str, ...] = ()) -> Question:
    return Question(
        group="what", text="?", asked_s=ASKED_S, asks=asks, answer=answer, evidence=Evidence(), age_s=0.0,
        kind="answerable", stratum="recent", options=options,
    )  # fmt: skip


@given(answers())
@settings(max_examples=400, deadline=None)
def test_every_answer_is_read_back_from_every_wording(pair: tuple[Answer, AnswerKind]) -> None:
    answer, asks = pair
    for text in (*sayings(answer, ASKED_S, asks), say_answer(answer, ASKED_S)):
        for spelling in (text, text.upper(), f"  {text} "):
            found = parse_answer(asks, spelling, ASKED_S)
            assert found is not None, (spelling, asks)
            assert answer.agrees(found), (spelling, found)
            expected = "abstained" if answer.kind == "unknown" else "right"
            assert judge(question(answer, asks), spelling) == expected


@given(st.permutations(OPTIONS), st.sampled_from([2, 3]))
def test_an_order_is_read_back_from_every_wording(names: list[str], count: int) -> None:
    options = tuple(sorted(names[:count]))
    value = names[0] if count == 2 else tuple(names)
    answer = Answer(kind="order", value=value)
    for text in sayings(answer, ASKED_S, "order"):
        assert judge(question(answer, "order", options), text) == "right"


@given(st.text(max_size=200), st.sampled_from(WANTED), st.sampled_from([(), OPTIONS[:2], OPTIONS]))
@settings(deadline=None)
def test_no_text_is_an_error(text: str, asks: AnswerKind, options: tuple[str, ...]) -> None:
    assert judge(question(Answer(kind=asks, value=""), asks, options), text) in ("wrong", "abstained", "unparsed") or (
        asks == "list"
    )


@pytest.mark.parametrize(
    ("asks", "value", "text"),
    [
        ("class", "car", "an auto"),
        ("class", "bicycle", "That's a cyclist!"),
        ("class", "person", "somebody"),
        ("class", "dog", "It is not a car but a dog."),
        ("colour", "red", "The scarlet one"),
        ("number", 2, "two"),
        ("number", 2, "a couple of cars"),
        ("number", 0, "There are no dogs."),
        ("number", 1, "a single truck"),
        ("number", 21, "twenty-one"),
        ("side", "middle", "straight ahead, in the centre"),
        ("direction", "towards", "It's coming closer"),
        ("speed", "slow", "at walking pace"),
        ("yes_no", "no", "There isn't one."),
        ("yes_no", "yes", "There is a red car."),
        ("sound", "honking", "a horn"),
        ("duration", 10.0, "about ten seconds"),
        ("duration", 12.0, "0:12"),
        ("duration", 65.0, "a minute and five seconds"),
        ("duration", 90.0, "a minute and a half"),
        ("duration", 90.0, "1.5 minutes"),
        ("duration", 30.0, "half a minute"),
        ("time", 12.0, "0:12"),
        ("time", 15.0, "a minute ago"),
        ("time", 65.0, "some 10 seconds ago"),
        ("time", 12.0, "at second 12"),
        ("time", 12.0, "12 seconds in"),
        ("time", 75.0, "right now"),
        ("time", 0.0, "at the very beginning"),
        ("time", 65.0, "at 1:05"),
        ("list", ("barking", "honking"), "a horn, then a dog's bark"),
        ("list", ("approach",), "Something came closer."),
        ("order", "after", "It was later."),
    ],
)
def test_synonyms_are_understood(asks: AnswerKind, value: str | float, text: str) -> None:
    found = parse_answer(asks, text, ASKED_S)
    assert found is not None
    assert (found.kind, found.value) == (asks, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("the car", "red car"),
        ("The little puppy came first", "small dog"),
        ("the red one", "red car"),
        ("The dog came after the red car.", "red car"),
        ("The dog, then the car", "small dog"),
        ("First the automobile", "red car"),
    ],
)
def test_things_are_known_by_any_word_that_tells_them_apart(text: str, value: str) -> None:
    assert judge(question(Answer(kind="order", value=value), "order", OPTIONS[:2]), text) == "right"


@pytest.mark.parametrize(
    ("asks", "text"),
    [
        ("class", "a car or a truck"),
        ("class", "a vehicle"),
        ("colour", "colourful"),
        ("colour", "red, or perhaps blue"),
        ("number", "two or three"),
        ("number", "many"),
        ("side", "left of the middle"),
        ("yes_no", "maybe"),
        ("duration", "10 seconds or a minute"),
        ("duration", "long"),
        ("time", "earlier"),
        ("order", "before and after"),
        ("sound", ""),
        ("sound", "\x00???"),
    ],
)
def test_no_value_or_two_is_outside_the_grammar(asks: AnswerKind, text: str) -> None:
    assert judge(question(Answer(kind=asks, value="x"), asks), text) == "unparsed"


@pytest.mark.parametrize(
    "text", ["I don't know.", "I can't tell", "It is not clear.", "It was too dark.", "no idea", "I could not see it"]
)
@pytest.mark.parametrize("asks", WANTED)
def test_to_abstain_is_understood_whatever_was_asked(asks: AnswerKind, text: str) -> None:
    assert judge(question(Answer(kind=asks, value="x"), asks), text) == "abstained"


@pytest.mark.parametrize(
    "text", ["There was no red car.", "It is not moving.", "Nothing was there", "It never stopped"]
)
def test_a_false_premise_is_refuted_and_a_true_one_is_not(text: str) -> None:
    assert judge(question(Answer(kind="refuted"), "direction"), text) == "right"
    assert judge(question(Answer(kind="refuted"), "direction"), "to the left") == "wrong"
    assert judge(question(Answer(kind="direction", value="left"), "direction"), text) == "wrong"


@pytest.mark.parametrize(("said_s", "judgement"), [(12.0, "right"), (13.0, "right"), (13.2, "wrong"), (10.9, "wrong")])
def test_times_are_right_within_their_tolerance(said_s: float, judgement: str) -> None:
    asked = question(Answer(kind="time", value=12.0, tolerance_s=1.0), "time")
    assert judge(asked, say_clock(said_s)) == judgement
    assert judge(asked, f"{say_span(ASKED_S - said_s)} ago") == judgement


@given(tenths_s)
def test_spans_and_clock_times_are_read_back(time_s: float) -> None:
    assert read_span(say_span(time_s)) == pytest.approx(time_s)
    assert read_clock(say_clock(time_s)) == pytest.approx(time_s)


@pytest.mark.parametrize("table", [CLASS_WORDS, COLOUR_WORDS, SOUND_WORDS, HAPPENING_WORDS])
def test_no_word_means_two_things(table: dict[str, tuple[str, ...]]) -> None:
    words = [word for names in table.values() for word in names]
    assert len(words) == len(set(words))
    assert all(value in names for value, names in table.items())
