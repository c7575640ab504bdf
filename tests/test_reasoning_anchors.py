"""The moments that questions hang on."""

from __future__ import annotations

import pytest

from reasoning.anchors import take_anchor
from reasoning.timepoints import S_NS, Now

NOW = Now(75 * S_NS, 0, None)


@pytest.mark.parametrize(
    ("text", "relation", "about", "content", "rest"),
    [
        ("what moved after they said go forward?", "after", "speech", "go forward", "what moved ?"),
        ("what was said before the tone", "before", "sound", "", "what was said"),
        ("after they said go forward, what moved?", "after", "speech", "go forward", ", what moved?"),
        ("after they said go forward did anything move?", "after", "speech", "go forward", "did anything move?"),
        ("did anything move while somebody was talking?", "during", "speech", "", "did anything move ?"),
        ("what was said when the tone played", "during", "sound", "", "what was said"),
        ("when the tone played, did anything move?", "during", "sound", "", ", did anything move?"),
        ("what happened at the moment of the beep", "during", "sound", "", "what happened"),
        ("what moved after the first car", "after", "motion", "", "what moved"),
        ("what was said after go forward", "after", "speech", "forward", "what was said"),
        ("was it quiet during the movement", "during", "motion", "", "was it quiet"),
        ("what followed the tone", "after", "sound", "", "what"),
    ],
)
def test_moments_are_taken_out(text: str, relation: str, about: str, content: str, rest: str) -> None:
    anchor, left = take_anchor(text, [], NOW)
    assert anchor is not None
    topic = anchor.topics[0]
    assert (anchor.relation, topic.about, topic.content, left) == (relation, about, content, rest)


@pytest.mark.parametrize(
    "text",
    [
        "what happened after 0:30",
        "what was said before 1:05?",
        "what happened after the first twenty seconds",
        "when did something move",
        "tell me when something moved",
        "since when is it quiet",
        "did it move before?",
        "what happened after that",
        "it was still for a while",
        "what happened between 0:10 and 0:20",
    ],
)
def test_borders_in_time_and_questions_are_no_moments(text: str) -> None:
    anchor, rest = take_anchor(text, [], NOW)
    assert anchor is None
    assert rest == text


def test_a_moment_may_have_a_time_of_its_own() -> None:
    anchor, rest = take_anchor("What was said just before the beep at 0:46?", [], NOW)
    assert anchor is not None
    assert anchor.span is not None
    assert anchor.span.start_ns == 45 * S_NS
    assert anchor.is_near
    assert anchor.speech == ""
    assert "0:46" not in rest


def test_a_sentence_may_go_on_after_the_time_of_the_moment() -> None:
    anchor, rest = take_anchor("After the movement around 0:07 it was still. How long?", [], NOW)
    assert anchor is not None
    assert anchor.topics[0].about == "motion"
    assert rest == "it was still. How long?"


@pytest.mark.parametrize(
    ("text", "nths"),
    [
        ("how long between the first and the third movement", [1, 3]),
        ("what was said between the two tones", [1, 2]),
        ("what happened between the first tone and the second movement", [1, 2]),
    ],
)
def test_between_names_two_moments(text: str, nths: list[int]) -> None:
    anchor, _ = take_anchor(text, [], NOW)
    assert anchor is not None
    assert [topic.nth for topic in anchor.topics] == nths


def test_only_words_that_were_said_are_searched_for() -> None:
    quoted, _ = take_anchor("what moved after quote0", ["go forward"], NOW)
    event, _ = take_anchor("what moved after the tone", [], NOW)
    assert quoted is not None
    assert event is not None
    assert quoted.speech == "go forward"
    assert event.speech == ""


@pytest.mark.parametrize(
    ("text", "nths"),
    [
        ("how long between the first car and the next one", [1, 2]),
        ("how long between the second movement and the next movement", [2, 3]),
        ("what was said between the first tone and the third", [1, 3]),
    ],
)
def test_the_second_moment_takes_its_noun_and_number_from_the_first(text: str, nths: list[int]) -> None:
    anchor, _ = take_anchor(text, [], NOW)
    assert anchor is not None
    assert [topic.nth for topic in anchor.topics] == nths
    assert anchor.topics[0].about == anchor.topics[1].about
