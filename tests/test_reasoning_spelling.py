"""Slips of the finger in the words that questions are made of, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.spelling import is_one_slip, mend
from tests.test_reasoning_evidence import ask, say


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("What hapened?", "What happened?"),
        ("When was something mooving?", "When was something moving?"),
        ("Did sombody move?", "Did somebody move?"),
        ("what moved betwen 0:40 and 0:50", "what moved between 0:40 and 0:50"),
        ("How offen did they speek?", "How often did they speak?"),
        ("was there a loud niose", "was there a loud noise"),
        ("What was said after the secnd tone?", "What was said after the second tone?"),
        ("Is the camra on?", "Is the camera on?"),
        ("Wehn did teh car pass?", "When did the car pass?"),
        ("waht was said?", "what was said?"),
        ("Did somebody speak adn did something move?", "Did somebody speak and did something move?"),
        ("Did anybody menton the palace?", "Did anybody mention the palace?"),
    ],
)
def test_one_slip_is_mended(text: str, read: str) -> None:
    mended, slips = mend(text)
    assert mended == read
    assert all(slip in text and meant in read.lower() for slip, meant in slips.items())


@pytest.mark.parametrize(
    "text",
    [
        "Did anybody say teh?",
        "Hwo moved?",  # who or how
        "Did anybody mention wards?",  # what was said is data
        "When did they say moveed?",
        "was the camera white or charged with three worms",  # English of another meaning
        "what colour was the smoke",
        "did it mvoe",  # too short to be sure of
        "asdfgh",
        "What happened during the elephant?",
        "quote0",
        "",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert mend(text) == (text, {})


@pytest.mark.parametrize(
    ("a", "b", "is_one"),
    [
        ("happned", "happened", True),
        ("happeened", "happened", True),
        ("hoppened", "happened", True),
        ("hapepned", "happened", True),
        ("hapned", "happened", False),
        ("happened", "happened", False),
        ("a", "abc", False),
    ],
)
def test_one_slip_is_one_letter_or_two_swapped(a: str, b: str, is_one: bool) -> None:
    assert is_one_slip(a, b) is is_one_slip(b, a) is is_one


@given(st.text(max_size=200))
def test_any_text_is_read_the_same_way_twice(text: str) -> None:
    mended, _ = mend(text)
    assert mend(text)[0] == mended


def test_an_answer_says_what_it_read() -> None:
    assert say(ask("Where was the longset movment?")) == (
        'Something moved on the left, from 0:03.0 to 0:07.0. I read "longset" as "longest" and "movment" as "movement".'
    )
    assert say(ask("Did anybody say elephant?")).count("I read") == 0
    assert 'I read "somthing" as "something".' in say(ask("What colour was somthing?"))


def test_words_in_quotation_marks_are_not_mended() -> None:
    assert say(ask('Did anybody say "hapened"?')).startswith('No, I heard nothing like "hapened" up to 1:00.0.')
