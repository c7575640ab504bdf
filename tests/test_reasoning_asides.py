"""The padding of a question is cut, and nothing that is asked is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.asides import core


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("come on, just tell me when the first thing came past", "when the first thing came past"),
        ("Would you be so kind as to tell me whether anything moved?", "whether anything moved?"),
        ("I'd like to know what you heard at 0:46, if you don't mind.", "what you heard at 0:46"),
        ("Confirm: was it quiet between 61 and 65 seconds?", "was it quiet between 61 and 65 seconds?"),
        ("oh no, I wasn't paying attention, what did they say?", "what did they say?"),
        ("how many beeps were there? i want to count them too!", "how many beeps were there?"),
        ("when did the room fill, I mean when did it move?", "when did it move?"),
        ("Sorry to bother you, but who was it?", "who was it?"),
        ("Please tell me is it quiet now", "is it quiet now"),
        ("I am writing a report and need to know how often it beeped.", "how often it beeped."),
        ("I would be glad to learn at which second the beep came", "at which second the beep came"),
        ("do you remember when it moved", "when it moved"),
        ("I was wondering if anything moved.", "if anything moved."),
        ("Is it possible to say whether it was quiet?", "whether it was quiet?"),
        ("what I want to know is when it moved", "when it moved"),
        ("Could you please check whether the scene changed, thank you very much", "whether the scene changed"),
        ("Was there a tone, please?", "Was there a tone"),
        ("Show me the motion", "the motion"),
        ("so what happens at 3:20", "what happens at 3:20"),
    ],
)
def test_padding_is_cut(text: str, asked: str) -> None:
    assert core(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "Did anybody tell her when the train leaves?",
        "did you hear anything",
        "can you hear me",
        "What was said when the tone played?",
        "I heard a tone at 0:19, what was it?",
        "After the movement around 0:07 it was still for a while. How long?",
        "Report activity from second 10 to second 20.",
        "what happened at 3 p.m. yesterday",
        "who",
        "please",
        "No",
        "",
    ],
)
def test_what_is_asked_stays(text: str) -> None:
    assert core(text) == text


@given(st.text(max_size=120))
def test_something_is_always_left(text: str) -> None:
    assert core(text) or not text
