"""Two questions in one get two answers, or none: never half of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.evidence import ONE_AT_A_TIME
from reasoning.understand import understand
from tests.test_reasoning_evidence import ask, say


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Did something move both at 2 seconds and at 6 seconds?", "No, nothing moved between", "Yes, something moved"),
        (
            "Did something move between 1 and 3 seconds and between 5 and 6 seconds?",
            "No, nothing moved between 0:01.0 and 0:03.0.",
            "Yes, something moved from 0:05.0 to 0:06.0",
        ),
        (
            "Did anyone speak and did anything move at 5 seconds?",
            "No, nobody spoke between 0:04.0 and 0:06.0.",
            "Yes, something moved from 0:03.0",
        ),
        ("How many times did something move, and was anything said?", "3 times: ", "Yes, somebody spoke 2 times"),
        ("Did anything move and was it quiet?", "Yes, something moved 3 times", "No, I heard somebody say"),
        ("Did somebody speak and something move?", "Yes, somebody spoke 2 times", "Yes, something moved 3 times"),
    ],
)
def test_each_part_is_answered(text: str, first: str, second: str) -> None:
    composed = ask(text)
    assert not composed.abstained
    assert composed.sentences[0].text.startswith(first)
    assert any(sentence.text.startswith(second) for sentence in composed.sentences[1:])
    assert len({row.kind for row in composed.evidence}) > 1


def test_a_part_that_is_not_known_does_not_take_the_other_with_it() -> None:
    composed = ask("What colour was the car and did anybody say elephant?")
    assert not composed.abstained
    assert say(composed).startswith("I cannot tell colours.")
    assert 'No, I heard nothing like "elephant"' in say(composed)


@pytest.mark.parametrize(
    "text",
    [
        "Was there both a tone and a movement?",
        "Did anything move on the left and on the right?",
        "Did somebody speak and did something move at the same time?",
        "Did it move and was it quiet and did anybody speak?",
        "Did anybody speak and did anything move after that?",
        "Was it quiet and still?",
    ],
)
def test_what_cannot_be_taken_apart_is_not_answered(text: str) -> None:
    composed = ask(text)
    assert composed.abstained
    assert say(composed).startswith(ONE_AT_A_TIME)


@pytest.mark.parametrize(
    "text",
    [
        "Did anything move between 0:10 and 0:15?",
        "Did anything move after 0:10 and before 0:20?",
        "When did something move and where was it?",
        "How long was it between the tone and when somebody spoke?",
        'Did anybody say "stop and did it move"?',
        "Did anybody say stop and go?",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    question = understand(text, 60_000_000_000, 0)
    assert not question.parts
    assert not question.is_many


@given(
    st.lists(st.sampled_from("did and it move at 5 seconds was between quiet both said , when".split()), max_size=20)
)
def test_any_text_gets_an_answer(words: list[str]) -> None:
    assert ask(" ".join(words)).sentences
