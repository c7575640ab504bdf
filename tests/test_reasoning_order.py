"""Which of two events came first."""

from __future__ import annotations

import pytest

from tests.test_reasoning_evidence import ask, say


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "What was heard first, the tone or the voice?",
            "The voice came first, from 0:10.0 to 0:12.0, and the tone from 0:15.0 to 0:16.0.",
        ),
        (
            "Was the scene change before or after the tone?",
            "The tone came first, from 0:15.0 to 0:16.0, and the scene change at 0:31.0.",
        ),
        (
            "Which came last, the movement or the voice?",
            "The movement came last, from 0:45.0 to 0:46.0, and the voice from 0:21.0 to 0:24.0.",
        ),
    ],
)
def test_the_earlier_or_later_one_is_named(text: str, said: str) -> None:
    composed = ask(text)
    assert say(composed) == said
    assert len(composed.evidence) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("What came first, the tone or the flickering?", "I cannot tell how things compare."),
        ("Which came first, the tone or the movement?", 'I did not find "the tone", so I cannot compare.'),
    ],
)
def test_without_both_there_is_no_order(text: str, why: str) -> None:
    composed = ask(text, asked_s=12)
    assert composed.abstained
    assert composed.sentences[0].text == why


def test_the_time_between_two_different_events_is_told() -> None:
    said = say(ask("How long was it between the tone and the noise?"))
    assert said == "24.0 s lie between them, from 0:16.0 to 0:40.0."
    assert say(ask("How long between the first and the third movement?")).startswith("38.0 s lie between them")
