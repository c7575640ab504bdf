"""Words that no rule understood are never ignored in silence, nor is what nobody watched."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from reasoning.doubts import CAPABILITIES
from reasoning.evidence import Composed, answer
from reasoning.plan import plan
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.messages import Hit, Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import RECORDS, STREAMS, ask, remember, say

TZ = timezone(timedelta(hours=2))
START_NS = int(datetime(2025, 6, 10, 14, 5, 12, tzinfo=TZ).timestamp()) * S_NS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("How long did nothing move in the town scene?", 'I do not understand "town" here.'),
        ("Did something huge move?", 'I do not understand "huge" here.'),
        ("When was the first purposeful movement?", 'I do not understand "purposeful" here.'),
        ("What happened after the library was mentioned?", 'I did not find the moment "the library was mentioned".'),
        (
            "What was said after the flickering movement?",
            'I do not understand "flickering" in "the flickering movement".',
        ),
        ("What was said after the truck passed?", 'I do not recognise what is meant by "the truck passed".'),
        ("Did the woman speak?", "I cannot tell who speaks."),
        ("Does it say the same thing twice?", "I cannot tell how things compare."),
        ("Which tone was higher?", "I know of no two tones that differ in pitch."),
        ("Did it get louder?", 'I do not understand "louder" here.'),
        ("Did everybody stop talking?", 'I do not understand "stop" here.'),
        ("Was there a tone on the left?", "I cannot tell where a sound comes from."),
    ],
)
def test_what_is_not_understood_is_no_ground_for_an_answer(text: str, why: str) -> None:
    composed = ask(text)
    assert composed.abstained
    assert composed.sentences[0].text == why


@pytest.mark.parametrize(
    ("text", "caveat"),
    [
        ("When did something weird move?", 'I did not understand "weird" and left it out.'),
        ("From which side did the ball come?", "I see that something moves, not what it is."),
        ("What did the woman say?", "I hear that somebody speaks, not who it is."),
        ("What moved after somebody spoke?", "There were 2 such moments; I took the first, from 0:10.0 to 0:12.0."),
    ],
)
def test_a_list_says_what_it_does_not_know(text: str, caveat: str) -> None:
    composed = ask(text)
    assert not composed.abstained
    assert caveat in [sentence.text for sentence in composed.sentences]


def test_where_nothing_happened_nothing_more_particular_did() -> None:
    assert say(ask("Did something huge move after 0:50?")).startswith("No, nothing moved between 0:50.0 and 1:00.0.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Did they say meters or kilometers?", 'Yes, I heard somebody say "go forward ten meters"'),
        ("Was it ever completely silent?", "Yes, it was quiet from 0:00.0 to 0:10.0"),
        ("Would you say it was quiet after 0:45?", "Yes, it was quiet between"),
        ("Could somebody have walked by around 0:19?", "Perhaps: something moved from 0:18.0"),
        ("Did the left side or the right side move first?", "Something moved on the left, from 0:03.0"),
        ("Did it beep twice?", "No, 1 time: a tone at 440 Hz from 0:15.0 to 0:16.0."),
        ("Did anything move more than once?", "Yes, 3 times: "),
        ("Were there two movements?", "No, 3 times: "),
        ("Was anything moving 5 seconds after the tone?", "No, nothing moved between 0:20.0 and 0:22.0."),
        ("What was said within ten seconds after the tone?", 'I heard somebody say "he was not'),
        ("How long after the tone did somebody speak?", "5.0 s after that: I heard somebody say"),
        ("What happened right before the scene changed?", 'I heard somebody say "he was not'),
    ],
)
def test_numbers_and_distances_are_not_ignored(text: str, said: str) -> None:
    composed = ask(text)
    assert not composed.abstained
    assert say(composed).startswith(said)


def test_different_tones_are_told_by_pitch() -> None:
    tones = tuple(hit("sound", 3 * i, 3 * i + 1, f"tone at {hz} Hz") for i, hz in enumerate((440, 1000, 445)))
    assert say(ask("How many different tones were there?", records=tones)).startswith("2 different: ")
    assert say(ask("How many tones were there?", records=tones)).startswith("3 times: ")
    assert "1000 Hz" in say(ask("Which tone was higher?", records=tones))
    assert "440 Hz" in say(ask("What was the lowest tone?", records=tones))


def test_a_steady_noise_is_heard_and_is_no_quiet() -> None:
    pieces = tuple(hit("sound", a, a + 10, "steady noise", level=0.0) for a in (10, 20, 30.5))
    assert say(ask("Was it quiet?", records=pieces)) == "No, I heard a steady noise from 0:10.0 to 0:40.5."
    assert say(ask("What did you hear?", records=pieces)) == "I heard a steady noise from 0:10.0 to 0:40.5."
    assert "background" not in say(ask("How loud was the noise?", records=pieces))


def test_blindness_of_another_sense_does_not_matter() -> None:
    gaps = (hit("gap", 2, 60, "no signal", stream="microphone", level=0.0),)
    assert say(ask("Did anything move after 0:50?", records=gaps)) == "No, nothing moved between 0:50.0 and 1:00.0."
    composed = ask("Was it quiet?", records=gaps)
    assert composed.abstained
    assert (
        say(composed) == "I cannot tell. Microphone 'microphone' could hear nothing from 0:02.0 to 1:00.0 (no signal)."
    )


def test_what_one_sense_missed_the_other_does_not_vouch_for() -> None:
    gaps = (hit("gap", 2, 60, "no signal", stream="microphone", level=0.0),)
    assert say(ask("Did anything happen after 0:50?", records=gaps)) == (
        "No, nothing moved and the scene did not change between 0:50.0 and 1:00.0."
        " Microphone 'microphone' could hear nothing from 0:50.0 to 1:00.0 (no signal)."
    )


def test_sensors_of_the_past_are_told_from_gaps() -> None:
    gaps = (hit("gap", 20, 32, "covered or dark", level=0.0),)
    assert say(ask("When was the camera covered?", records=gaps)) == (
        "Camera 'camera' saw nothing from 0:20.0 to 0:32.0 (covered or dark)."
    )
    assert say(ask("Was the camera covered at 0:25?", records=gaps)).startswith(
        "Yes. Camera 'camera' saw nothing from 0:20.0 to 0:32.0"
    )
    assert say(ask("Was the camera covered at 0:45?", records=gaps)).startswith("No. Camera 'camera' worked")


def live(text: str, *, asked_s: float = 1488, gaps: tuple[Hit, ...] = ()) -> Composed:
    """Ask at 14:30:00, or later, in a session that began at 14:05:12."""
    asked_ns = START_NS + round(asked_s * S_NS)
    records = tuple(
        replace(one, start_ns=START_NS + one.start_ns, end_ns=START_NS + one.end_ns) for one in (*RECORDS, *gaps)
    )
    question = understand(text, asked_ns, START_NS, TZ)
    recalled = replace(remember(plan(question, "q", "s", asked_ns), records), session_start_ns=START_NS)
    return answer(question, recalled, asked_ns, {}, STREAMS, False, TZ)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How often did something move today?", "3 times: "),
        ("What was said in the first 20 seconds?", 'I heard somebody say "go forward ten meters" from 14:05:22'),
        ("Was it quiet at 14:20?", "Yes, it was quiet between 14:20:00 and 14:21:00."),
        ("Did anything move between 14:05:30 and 14:05:40?", "Yes, something moved from 14:05:30 to 14:05:32"),
        ("Is anything moving?", "No, nothing moved between 14:29:57 and 14:30:00."),
        ("Did anybody say elephant?", 'No, I heard nothing like "elephant" since I began watching at 14:05:12.'),
        (
            "Did anything move between 14:00 and 14:05:14?",
            "No, nothing moved between 14:05:12, when I began watching, and 14:05:14. I began watching at 14:05:12.",
        ),
    ],
)
def test_a_live_session_understands_the_clock_on_the_wall(text: str, said: str) -> None:
    assert say(live(text)).startswith(said)


@pytest.mark.parametrize(
    "text", ["Did anybody speak this morning?", "Was it quiet before 14:00?", "What moved yesterday?"]
)
def test_nothing_is_stated_of_the_time_before_the_session(text: str) -> None:
    composed = live(text)
    assert composed.abstained
    assert composed.sentences[0].text == "What I remember begins at 14:05:12."


def test_a_time_that_begins_before_the_session_is_restricted() -> None:
    assert say(live("How often did something move today?")).endswith("I began watching at 14:05:12.")


def test_a_stream_that_did_not_run_saw_no_stillness() -> None:
    text = "Did anything move between 14:06 and 14:10?"
    gap = hit("gap", 50, 290, "nothing received for 240.0 s: not running", level=0.0)
    assert say(live(text)).startswith("No, nothing moved")
    assert "(not running)" in say(live(text, gaps=(gap,)))
    assert live(text, gaps=(gap,)).abstained
    assert not live("Was it quiet between 14:06 and 14:10?", gaps=(gap,)).abstained


@pytest.mark.parametrize(
    ("text", "streams", "why"),
    [
        (
            "hello",
            {"camera": "video"},
            'I did not understand. I need a question, for example "When did something move?".',
        ),
        ("good morning", {"mic": "audio"}, 'I did not understand. I need a question, for example "What was said?".'),
        (
            "elephant",
            {"camera": "video"},
            'I do not understand "elephant", and there is no sound here in which it could have been said.'
            ' I need a question, for example "When did something move?".',
        ),
        (
            "elephant",
            {"mic": "audio"},
            'I heard nothing like "elephant". I need a question, for example "What was said?".',
        ),
        ("elephant?", {"mic": "audio"}, f'I heard nothing like "elephant". {CAPABILITIES}'),
    ],
)
def test_what_is_no_question_is_told_how_to_ask(text: str, streams: dict[str, Sensor], why: str) -> None:
    composed = ask(text, streams=streams)
    assert composed.abstained
    assert composed.sentences[0].text == why


def test_a_greeting_is_not_looked_for_in_what_was_said() -> None:
    heard = (hit("utterance", 3, 4, "hello there"),)
    assert ask("hello", records=heard).abstained
    assert not ask("Did anybody say hello?", records=heard).abstained


def test_tones_are_told_apart_by_kilohertz_too() -> None:
    tones = (hit("sound", 5, 6, "tone at 1000 Hz"), hit("sound", 8, 9, "tone at 440 Hz"))
    said = say(ask("Was the 440 Hz tone before or after the 1 kHz one?", records=tones))
    assert said == "The 1 kHz came first, from 0:05.0 to 0:06.0, and the 440 Hz tone from 0:08.0 to 0:09.0."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What have I missed since 0:42?", "Something moved from 0:45.0 to 0:46.0 on the left."),
        ("Has anybody used the word meters, and if so when?", 'Yes, I heard somebody say "go forward ten meters"'),
        ("Till when did somebody speak?", "The last utterance ended at 0:24.0"),
        ("Was there a pause in which nobody moved?", "Yes, nothing moved"),
        ("Did anybody stop talking for over eight seconds?", "Yes, nobody spoke for over eight seconds from 0:00.0 to"),
        ("Did it ever stop moving for more than a minute?", "No, there was no stretch in which nothing moved for more"),
        ("Has it gone quiet?", "Yes, it was quiet between 0:57.0 and 1:00.0."),
        ("Is there any picture?", "Yes. 1 camera works."),
    ],
)
def test_plain_words_of_questions_are_understood(text: str, said: str) -> None:
    assert say(ask(text)).startswith(said)
