"""What no percept tells is refused; what merely mentions such things is not."""

from __future__ import annotations

import pytest

from reasoning.understand import understand

S_NS = 1_000_000_000

UNKNOWABLE = [
    "What colour was the car?",
    "Was the first car red?",
    "Who spoke?",
    "who",
    "Who walked in at 0:10?",
    "Whose voice is it?",
    "What is the name of the speaker?",
    "How many cars passed?",
    "how many people were there",
    "Count the people.",
    "How many speakers are there?",
    "What kind of car was it?",
    "Which car was faster?",
    "What brand was the second car?",
    "Was it a man or a woman?",
    "Is the speaker male?",
    "How old was the man?",
    "Did he sound angry?",
    "Was the woman happy?",
    "What does the sign say?",
    "What is written on the wall?",
    "What was the licence plate?",
    "How did it smell?",
    "Was it raining?",
    "How fast was the car?",
    "what speed did it have",
    "How far away was it?",
    "Why did they leave?",
    "What will happen next?",
    "Was there music?",
    "Did a dog bark?",
    "Did anybody laugh?",
    "What was she wearing?",
    "What is the woman holding?",
    "What was the man doing?",
    "Is there a dog?",
    "Did you see a truck?",
    "Was the door open?",
    "How many people were in the room at 0:30?",
    "Was anybody sitting at the table?",
    "What language did they speak?",
    "Was it the same person as before?",
    "Were there any bicycles?",
    "What type of vehicle drove by?",
    "Is the road wet?",
    "Did you hear thunder?",
    "Can you see a cat?",
    "Was the room empty?",
    "How tall was the man?",
    "What does he look like?",
    "Where was the speaker standing?",
    "Which person spoke first?",
    "What instrument was playing?",
    "Was a phone ringing?",
    "How many different voices did you hear?",
    "What was on the table?",
]
ANSWERABLE = [
    "When did a car pass?",
    "When did somebody walk in?",
    "How long was something moving?",
    "How many times did someone walk through?",
    "Was there any sign of movement?",
    "Did anybody say red?",
    "Did somebody mention music?",
    "What did the person who came in last say?",
    "What kind of sound was it?",
    "Did someone read something aloud?",
    "Was it quiet?",
    "What things happened?",
    "How many things happened?",
    "Is the camera dark?",
]


def reason(text: str) -> str:
    return understand(text, 75 * S_NS, 0).unknowable


@pytest.mark.parametrize("text", UNKNOWABLE)
def test_properties_and_classes_are_refused(text: str) -> None:
    assert reason(text)


@pytest.mark.parametrize("text", ANSWERABLE)
def test_movement_speech_and_sounds_are_not_refused(text: str) -> None:
    assert reason(text) == ""


def test_the_reason_names_what_is_missing() -> None:
    assert reason("What colour was the car?") == "colours"
    assert reason("Who spoke?") == "who somebody is"
    assert reason("How many cars passed?") == "how many people or things there are"


def test_searched_words_may_name_a_side() -> None:
    assert understand("When did they say turn to the left?", 60 * S_NS, 0).unknowable == ""
    assert understand("Did anybody speak on the left?", 60 * S_NS, 0).unknowable == "where a sound comes from"
