"""Free wording -> what was understood: one table per question class, each row another way to ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.understand import Question, understand
from runtime.messages import QUESTION_LENGTH

S_NS = 1_000_000_000
ASKED_NS = 75 * S_NS


def ask(text: str) -> Question:
    return understand(text, ASKED_NS, 0)


MOTION = [
    ("When did something move?", "when", 0),
    ("when was there any movement", "when", 0),
    ("At what time did a car pass?", "when", 0),
    ("At which second does the first vehicle appear?", "when", 1),
    ("Tell me when somebody walked in.", "when", 0),
    ("could you please tell me when the last person left the room?", "when", -1),
    ("When did anything go by?", "when", 0),
    ("When did the movement start?", "when", 1),
    ("When did it stop moving?", "when", -1),
    ("I'd like to know at what moment the second car came into view", "when", 2),
    ("How long did the first movement last?", "how_long", 1),
    ("how long was something moving", "how_long", 0),
    ("For how many seconds was there motion?", "how_long", 0),
    ("What is the duration of the last movement?", "how_long", -1),
    ("How often did something move?", "how_often", 0),
    ("how many times did somebody walk through the picture", "how_often", 0),
    ("How many movements were there?", "how_often", 0),
    ("Count the movements.", "how_often", 0),
    ("Number of motion events?", "how_often", 0),
    ("Did anything move?", "whether", 0),
    ("Was there any motion at all", "whether", 0),
    ("has anything moved", "whether", 0),
    ("Is something moving?", "whether", 0),
    ("Anything moving?", "whether", 0),
    ("Did you notice any activity?", "whether", 0),
    ("Where did it move?", "where", 0),
    ("In which part of the picture was the movement?", "where", 0),
    ("On which side did something pass?", "where", 0),
    ("Was the movement on the left or on the right?", "where", 0),
    ("What moved?", "happened", 0),
    ("Describe the movements", "happened", 0),
    ("list all movements", "happened", 0),
    ("Show me the motion", "happened", 0),
]
SPEECH = [
    ("What was said?", "said", "", 0),
    ("what did they say", "said", "", 0),
    ("Tell me what they talked about.", "said", "", 0),
    ("What did you hear them saying?", "said", "", 0),
    ("what was the first thing anyone said", "said", "", 1),
    ("Which words were spoken last?", "said", "", -1),
    ("Give me a transcript.", "said", "", 0),
    ("What is the speaker talking about?", "said", "", 0),
    ("What was the second sentence?", "said", "", 2),
    ("When did somebody speak?", "when", "", 0),
    ("when does the speech begin", "when", "", 1),
    ("When was the last word spoken?", "when", "", -1),
    ("At what point did anyone talk?", "when", "", 0),
    ("How long did they speak?", "how_long", "", 0),
    ("how long was the longest utterance", "how_long", "", 0),
    ("How many utterances were there?", "how_often", "", 0),
    ("how many times did somebody speak?", "how_often", "", 0),
    ("Did anyone speak?", "whether", "", 0),
    ("was anyone talking", "whether", "", 0),
    ("Is there any speech?", "whether", "", 0),
    ("anybody talking?", "whether", "", 0),
    ("Did anybody say go forward?", "whether", "go forward", 0),
    ('Did anybody say "go forward"?', "whether", "go forward", 0),
    ("was the word elephant mentioned", "whether", "elephant", 0),
    ("Did they mention meters at all?", "whether", "meters", 0),
    ("Has anyone talked about money?", "whether", "money", 0),
    ("When did they say 'stop the robot'?", "when", "stop the robot", 0),
    ("when was marriage mentioned?", "when", "marriage", 0),
    ("At what time was go forward said?", "when", "go forward", 0),
    ("How often did someone say go forward?", "how_often", "go forward", 0),
    ("how many times was ten meters mentioned", "how_often", "ten meters", 0),
    ("What did they say about the young man?", "said", "the young man", 0),
    ("anything said about the weather forecast?", "whether", "the weather forecast", 0),
    ("Did someone utter the phrase ill disposed?", "whether", "ill disposed", 0),
    ("When was the word amiable used?", "when", "amiable", 0),
    ("did I hear somebody say hello", "whether", "hello", 0),
]
SOUND = [
    ("Was there a tone?", "whether", "sound", "tone"),
    ("when was the beep", "when", "sound", "tone"),
    ("How many tones were there?", "how_often", "sound", "tone"),
    ("how often did it beep", "how_often", "sound", "tone"),
    ("Was there a loud noise?", "whether", "sound", "noise"),
    ("When did you hear a bang?", "when", "sound", "noise"),
    ("How long did the tone last?", "how_long", "sound", "tone"),
    ("what was the loudest sound", "happened", "sound", ""),
    ("How loud was the noise?", "how_much", "sound", "noise"),
    ("What sounds were there?", "happened", "sound", ""),
    ("Was there a 440 Hz tone?", "whether", "sound", "tone"),
    ("What did you hear?", "happened", "heard", ""),
    ("did you hear anything", "whether", "heard", ""),
    ("Anything to hear?", "whether", "heard", ""),
    ("Was it quiet?", "whether", "heard", ""),
    ("was there silence", "whether", "heard", ""),
    ("When was it quiet?", "when", "heard", ""),
    ("How long was it silent?", "how_long", "heard", ""),
    ("What was the longest pause?", "happened", "heard", ""),
]
OTHER = [
    ("What happened?", "happened", "anything"),
    ("anything going on?", "whether", "anything"),
    ("What's going on?", "happened", "anything"),
    ("Is something happening?", "whether", "anything"),
    ("Summarise the recording", "happened", "anything"),
    ("Give me an overview.", "happened", "anything"),
    ("What did you see?", "happened", "seen"),
    ("Did you see anything?", "whether", "seen"),
    ("Did the scene change?", "whether", "scene"),
    ("How many scene changes were there?", "how_often", "scene"),
    ("When was there a cut?", "when", "scene"),
    ("how often did the picture change completely", "how_often", "scene"),
    ("Were there any cuts in the video?", "whether", "scene"),
    ("Is the camera blind?", "whether", "sensors"),
    ("are you recording sound?", "whether", "sensors"),
    ("Is the microphone working?", "whether", "sensors"),
    ("can you hear me", "whether", "sensors"),
    ("Can you see?", "whether", "sensors"),
    ("Which sensors do you have?", "happened", "sensors"),
    ("Is there a microphone?", "whether", "sensors"),
    ("How long is the recording?", "how_long", "sensors"),
    ("does the recording have sound?", "whether", "sensors"),
    ("Are any sensors broken?", "whether", "sensors"),
]
NONSENSE = [
    "",
    "   ",
    "?!?",
    "What is the capital of France?",
    "asdf jkl",
    "2 + 2",
    "😀",
    "the",
    "Open the pod bay doors.",
]


@pytest.mark.parametrize(("text", "asks", "nth"), MOTION)
def test_movement_is_understood(text: str, asks: str, nth: int) -> None:
    question = ask(text)
    assert (question.about, question.ask, question.topic.nth) == ("motion", asks, nth)
    assert not question.unknowable


@pytest.mark.parametrize(("text", "asks", "content", "nth"), SPEECH)
def test_speech_is_understood(text: str, asks: str, content: str, nth: int) -> None:
    question = ask(text)
    assert (question.about, question.ask, question.content, question.topic.nth) == ("speech", asks, content, nth)
    assert not question.unknowable


@pytest.mark.parametrize(("text", "asks", "about", "label"), SOUND)
def test_sounds_and_silence_are_understood(text: str, asks: str, about: str, label: str) -> None:
    question = ask(text)
    assert (question.about, question.ask, question.topic.label) == (about, asks, label)
    assert not question.unknowable


@pytest.mark.parametrize(("text", "asks", "about"), OTHER)
def test_scenes_sensors_and_open_questions_are_understood(text: str, asks: str, about: str) -> None:
    question = ask(text)
    assert (question.about, question.ask) == (about, asks)
    assert not question.unknowable


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_points_at_no_sense(text: str) -> None:
    assert not ask(text).topic.has_cue


@pytest.mark.parametrize(
    "text", ["Was it quiet?", "Did nothing move?", "Nobody spoke, right?", "There was no sound, was there?"]
)
def test_questions_about_absence_are_negated(text: str) -> None:
    question = ask(text)
    assert question.negated
    assert question.ask == "whether"


@pytest.mark.parametrize(
    ("text", "nth"),
    [
        ("What was said right after the tone?", 1),
        ("What was said just before the tone?", -1),
        ("What was said after the tone?", 0),
        ("How long was it quiet after the tone?", 1),
        ("Since when has nothing moved?", -1),
        ("When did the speech begin?", 1),
        ("When did they stop talking?", -1),
    ],
)
def test_the_one_that_is_meant_is_settled(text: str, nth: int) -> None:
    assert ask(text).topic.nth == nth


def test_the_time_between_two_of_a_kind_is_the_quiet_between_them() -> None:
    question = ask("How many seconds passed between the first and the second movement?")
    assert (question.ask, question.about, question.negated) == ("how_long", "motion", True)


def test_words_in_quotes_are_data() -> None:
    question = ask('Did they say "who moved the red car at 0:12"?')
    assert question.content == "who moved the red car at 0:12"
    assert question.span is None
    assert not question.unknowable


@pytest.mark.parametrize("text", ["And after 1:00?", "what about the last 20 seconds", "between 0:10 and 0:20?"])
def test_a_bare_time_asks_what_happened(text: str) -> None:
    question = ask(text)
    assert question.about == "anything"
    assert question.is_clear


def test_long_questions_are_cut() -> None:
    assert len(ask("why " * 1000).text) <= QUESTION_LENGTH


def test_a_question_is_read_up_to_the_documented_length() -> None:
    question = ask(f"{'well, ' * 300}did anything move at 0:41?")
    assert (question.about, question.span is not None) == ("motion", True)


@pytest.mark.parametrize(
    "part", ["said ", "a second ", "what was ", "is it moving ", "more ", "or ", "twenty five ", "' "]
)
def test_a_long_riddle_is_read_in_time(part: str) -> None:
    assert ask(part * QUESTION_LENGTH).text  # within the limit that every test has


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    understand(text, ASKED_NS, 0)


PARTS = (
    "when did was how long often many what who the a first last something moved said go forward after before while"
    " between and at 0:12 in 20 seconds tone quiet ? , . \" ' left quiet car colour camera blind not nobody"
).split()


@given(st.lists(st.sampled_from(PARTS), max_size=14), st.integers(0, 2**62))
def test_no_salad_of_question_words_raises(words: list[str], asked_ns: int) -> None:
    understand(" ".join(words), asked_ns)
