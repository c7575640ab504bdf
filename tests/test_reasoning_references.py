"""A question may hang on the statement before it."""

from __future__ import annotations

import pytest

from reasoning.references import resolve
from reasoning.timepoints import S_NS, Now
from tests.test_reasoning_evidence import ask, say

NOW = Now(75 * S_NS, 0, None)


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        (
            "Something moved at 93 s. How long was it still after that?",
            "How long was it still after Something moved at 93 s?",
        ),
        ("There was a tone, what was said before that?", "what was said before There was a tone?"),
        (
            "At 0:44 something moved. Did anything move before that?",
            "Did anything move before something moved At 0:44?",
        ),
        ("A car passed. After that, how long was it still?", "After A car passed, how long was it still?"),
        ("There was a beep. And what was said next?", "And what was said right after There was a beep?"),
        ("Somebody spoke; was it quiet afterwards?", "was it quiet after Somebody spoke?"),
    ],
)
def test_that_stands_for_the_statement_before_it(text: str, resolved: str) -> None:
    assert resolve(text, NOW).casefold() == resolved.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "I was away. What happened after that?",
        "When was the tone? What was said after that?",
        "Did something move? How long was it still after that?",
        "Something moved. What was said after that tone?",
        "What happened after that?",
        "Was there a tone, and then?",
        "",
    ],
)
def test_questions_and_what_is_no_event_are_left_alone(text: str) -> None:
    assert resolve(text, NOW) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Something moved at about 5 seconds. How long did it stay still after that?",
            "Nothing moved for 11.0 s, from 0:07.0 to 0:18.0.",
        ),
        (
            "There was a movement at 0:19. How long was nothing moving afterwards?",
            "Nothing moved for 25.0 s, from 0:20.0 to 0:45.0.",
        ),
        (
            "I heard a tone at 15 seconds, how long was it quiet after that?",
            "It was quiet for 5.0 s, from 0:16.0 to 0:21.0.",
        ),
        (
            "There was a tone. What was said before that?",
            'I heard somebody say "go forward ten meters" from 0:10.0 to 0:12.0.',
        ),
        ("How long did it stay still after 0:20?", "Nothing moved for 25.0 s, from 0:20.0 to 0:45.0."),
    ],
)
def test_stillness_and_speech_after_a_moment_told_before(text: str, said: str) -> None:
    assert say(ask(text)) == said


def test_of_several_moments_near_a_time_the_nearest_is_meant() -> None:
    assert (
        say(ask("How long was it still after the movement around 0:21?"))
        == "Nothing moved for 25.0 s, from 0:20.0 to 0:45.0."
    )
    assert say(ask("What was said after the sound around 0:38?", 62)).startswith("Nobody spoke between 0:40.2")


@pytest.mark.parametrize(
    "text",
    [
        "Something moved at 5 s. How long was it until it was still again?",
        "Something moved at 5 s. What was said before it had stopped?",
        "Something moved at 5 s. What was said while this was so?",
    ],
)
def test_the_subject_of_a_clause_is_no_statement(text: str) -> None:
    assert resolve(text, NOW) == text


@pytest.mark.parametrize("text", ["What was said after it?", "After this, what was said?", "After this did it beep?"])
def test_this_and_it_alone_stand_for_a_statement(text: str) -> None:
    assert "after something moved at 5 s" in resolve(f"Something moved at 5 s. {text}", NOW).lower()
