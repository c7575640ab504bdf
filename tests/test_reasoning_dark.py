"""Darkness is an event: it can be asked for, and other things happen before, while and after it."""

from __future__ import annotations

import pytest

from reasoning.dark import Dark, find_dark, is_dark, joined
from reasoning.episodes import gather
from runtime.messages import Hit, Sensor
from tests.test_reasoning_coverage import dark
from tests.test_reasoning_episodes import hit, times
from tests.test_reasoning_evidence import LEFT, RIGHT, ask, say

RECORDS = (
    hit("motion", 3, 5, box=LEFT),
    hit("utterance", 6, 8, "go forward"),
    dark(12, 20),
    hit("utterance", 14, 16, "turn around"),
    hit("motion", 24, 26, box=RIGHT),
    hit("sound", 27, 28, "tone at 440 Hz", level=20.0),
    dark(30, 40),
    dark(40, 44),  # told in pieces
    hit("utterance", 42, 43, "nobody sees it is dark"),
    hit("utterance", 50, 52, "hello again"),
    hit("motion", 53, 54, box=LEFT),
)
BOTH = "from 0:12.0 to 0:20.0 and from 0:30.0 to 0:44.0"
HEARD = 'I heard somebody say "turn around" from 0:14.0 to 0:16.0 and "nobody sees it is dark" from 0:42.0 to 0:43.0.'
FIRST = "There were 2 such moments; I took the first,"
ANSWERS = [
    ("What was said while it was dark?", f"{HEARD} It was dark {BOTH}."),
    ("What happened while it was dark?", f"{HEARD} Camera 'camera' saw nothing {BOTH} (covered or dark)."),
    ("What happened in the dark?", f"{HEARD} Camera 'camera' saw nothing {BOTH} (covered or dark)."),
    ("What was said while you could not see?", f"{HEARD} I saw nothing {BOTH}."),
    ("What was said while the camera was covered?", f"{HEARD} I saw nothing {BOTH}."),
    (
        "What was said during the second dark phase?",
        'I heard somebody say "nobody sees it is dark" from 0:42.0 to 0:43.0. It was dark from 0:30.0 to 0:44.0.',
    ),
    (
        "What was said in the darkness after 0:25?",
        'I heard somebody say "nobody sees it is dark" from 0:42.0 to 0:43.0. It was dark from 0:30.0 to 0:44.0.',
    ),
    (
        "What was said before it got dark?",
        f'I heard somebody say "go forward" from 0:06.0 to 0:08.0. {FIRST} at 0:12.0.',
    ),
    (
        "What was said before it got dark the second time?",
        'I heard somebody say "go forward" from 0:06.0 to 0:08.0 and "turn around" from 0:14.0 to 0:16.0.',
    ),
    (
        "What was said until it got dark?",
        f'I heard somebody say "go forward" from 0:06.0 to 0:08.0. {FIRST} at 0:12.0.',
    ),
    (
        "What was the first thing said after it got dark?",
        f'The first thing I heard was "turn around" from 0:14.0 to 0:16.0. {FIRST} at 0:12.0.',
    ),
    (
        "What was the first thing said after it got light again?",
        f'The first thing I heard was "nobody sees it is dark" from 0:42.0 to 0:43.0. {FIRST} at 0:20.0.',
    ),
    (
        "What was said since it got dark?",
        'I heard somebody say "nobody sees it is dark" from 0:42.0 to 0:43.0 and "hello again" from 0:50.0 to 0:52.0.',
    ),
    ("What was said since the lights came back on?", 'I heard somebody say "hello again" from 0:50.0 to 0:52.0.'),
    (
        "What was said while it was light?",
        'I heard somebody say "go forward" from 0:06.0 to 0:08.0 and "hello again" from 0:50.0 to 0:52.0.'
        " It was light from 0:00.0 to 0:12.0, from 0:20.0 to 0:30.0 and from 0:44.0 to 1:00.0.",
    ),
    ("When did it get dark?", f"The picture was dark 2 times: {BOTH}."),
    ("When did it get light again?", f"The picture was dark 2 times: {BOTH}."),
    ("When did the lights go out?", f"The picture was dark 2 times: {BOTH}."),
    ("When did it first get dark?", "The first dark phase was from 0:12.0 to 0:20.0."),
    ("When was it last dark?", "The last dark phase ended at 0:44.0; it began at 0:30.0."),
    ("How long was it dark?", f"22.0 s in all, in 2 dark phases: {BOTH}."),
    ("How long was it dark before 0:25?", "The only dark phase lasted 8.0 s, from 0:12.0 to 0:20.0."),
    ("How often was it dark?", f"2 times: {BOTH}."),
    ("How long was the longest dark phase?", "The longest dark phase lasted 14.0 s, from 0:30.0 to 0:44.0."),
    ("Was it dark at 0:15?", "Yes, the picture was dark from 0:12.0 to 0:20.0."),
    ("Was it light at 0:15?", "No, the picture was dark from 0:12.0 to 0:20.0."),
    ("Was it dark at 0:25?", "No, the picture was not dark between 0:24.0 and 0:26.0."),
    ("Is it dark?", "No, the picture was not dark between 0:57.0 and 1:00.0."),
    ("Was it never dark?", f"No, the picture was dark 2 times: {BOTH}."),
    ("Was it dark twice?", f"Yes, 2 times: {BOTH}."),
    ("Was it dark for more than ten seconds?", "Yes, the picture was dark from 0:30.0 to 0:44.0."),
    (
        "How long was it light?",
        "The picture was not dark for 38.0 s in all, 3 times:"
        " from 0:00.0 to 0:12.0, from 0:20.0 to 0:30.0 and from 0:44.0 to 1:00.0.",
    ),
    ("How long after the tone did it get dark?", "2.0 s after that: the picture was dark from 0:30.0 to 0:44.0."),
    (
        "What happened between the first and the second dark phase?",
        "Something moved from 0:24.0 to 0:26.0 on the right. I heard a tone at 440 Hz from 0:27.0 to 0:28.0.",
    ),
]


@pytest.mark.parametrize(("text", "said"), ANSWERS)
def test_the_dark_is_asked_about(text: str, said: str) -> None:
    composed = ask(text, records=RECORDS)
    assert say(composed) == said
    assert composed.evidence


@pytest.mark.parametrize(
    "text",
    [
        "Did anything move while it was dark?",
        "How dark was it?",
        "Was it black?",
        "Was it always dark?",
        "What was said while the microphone was muted?",
        "What was the light like?",
    ],
)
def test_what_the_dark_hides_or_nobody_measures_is_unknown(text: str) -> None:
    composed = ask(text, records=RECORDS)
    assert composed.abstained
    assert composed.evidence == ()


def test_darkness_that_goes_on_is_told_of_as_such() -> None:
    untold = Hit(
        record_id="",
        clip_id="",
        stream="camera",
        kind="gap",
        start_ns=55 * 10**9,
        end_ns=60 * 10**9,
        text="covered or dark",
        score=0.0,
    )
    records = (dark(12, 20), untold)
    assert say(ask("Is it dark?", records=records)) == "Yes, the picture has been dark since 0:55.0."
    assert say(ask("How long has it been dark?", records=records)) == (
        "The last dark phase has lasted 5.0 s so far, since 0:55.0."
    )


def test_a_camera_without_a_picture_is_blind_and_not_in_the_dark() -> None:
    lost = hit("gap", 10, 60, "no sample", stream="camera", level=0.0)
    assert ask("Was it dark?", records=(lost,)).abstained
    assert say(ask("Was it dark before 0:09?", records=(lost,))).startswith("No, the picture was not dark up to 0:09.0")


def test_what_is_dark_for_two_cameras_at_once_was_dark_once() -> None:
    both: dict[str, Sensor] = {"camera": "video", "door": "video"}
    records = (dark(12, 20), dark(15, 25, "door"), dark(40, 42, "door"))
    assert say(ask("How often was it dark?", records=records, streams=both)) == (
        "2 times: from 0:12.0 to 0:25.0 and from 0:40.0 to 0:42.0."
    )
    assert times(joined(gather(records, "gap"))) == [(12, 25), (40, 42)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it was pitch dark", Dark(edge="")),
        ("the room went dark", Dark(edge="start")),
        ("somebody switched off the lights", Dark(edge="start", is_switched=True)),
        ("they turned the lights back on", Dark(edge="end", is_switched=True)),
        ("it stopped being dark", Dark(edge="end")),
        ("it became light", Dark(edge="end")),
        ("it was bright", Dark(edge="", is_lit=True)),
        ("a dark car passed", None),
        ("it carried light boxes", None),
        ("the light was red", None),
    ],
)
def test_words_of_the_light(text: str, found: Dark | None) -> None:
    assert find_dark(text) == found


def test_only_darkness_is_dark() -> None:
    assert is_dark("covered or dark")
    assert not is_dark("dazzled")
    assert not is_dark("the track has ended")
