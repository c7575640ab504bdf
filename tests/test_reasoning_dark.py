"""Darkness is an event: it can be asked for, and other things happen before, while and after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reasoning.dark import Dark, find_dark, is_dark, joined
from reasoning.episodes import gather
from reasoning.evidence import answer
from reasoning.lapses import ENDED
from reasoning.plan import plan
from reasoning.timepoints import S_NS
from reasoning.understand import understand
from runtime.messages import Hit, Sensor
from tests.test_reasoning_coverage import dark
from tests.test_reasoning_episodes import hit, times
from tests.test_reasoning_evidence import LEFT, RIGHT, ask, remember, say

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


RIG: dict[str, Sensor] = {"front": "video", "back": "video", "mic": "audio"}
BESIDES = (
    hit("motion", 3, 5, box=LEFT, stream="front"),
    hit("utterance", 6, 8, "open the door", stream="mic"),
    dark(12, 20, "front"),
    dark(15, 24, "back"),
    hit("utterance", 16, 18, "where is the switch", stream="mic"),
    hit("gap", 40, 45, "no signal", stream="mic", level=0.0),
    hit("gap", 55, 60, "dazzled", stream="back", level=0.0),
    hit("utterance", 80, 82, "good night", stream="mic"),
)
BLIND_NS = {"front": 70 * S_NS, "back": 88 * S_NS}


def ask_rig(text: str, at_s: int = 100) -> str:
    """Ask when the front camera has ended at 70 s and the back one has been in the dark since 88 s."""
    blind = {"front": ENDED, "back": "covered or dark"}
    untold = [
        replace(hit("gap", BLIND_NS[name] / S_NS, at_s, why, stream=name, level=0.0), record_id="")
        for name, why in blind.items()
    ]
    question = understand(text, at_s * S_NS, 0)
    recalled = remember(plan(question, "q", "s", at_s * S_NS), (*BESIDES, *untold))
    return say(answer(question, recalled, at_s * S_NS, blind, RIG, False, blind_ns=BLIND_NS))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Is it dark right now?", "Yes, the picture has been dark since 1:28.0. Camera 'front' ended at 1:10.0."),
        (
            "Since when has it been dark?",
            "The last dark phase has been going on since 1:28.0."
            " Camera 'back' saw nothing from 0:55.0 to 1:00.0 (dazzled). Camera 'front' ended at 1:10.0.",
        ),
        ("Are all cameras working?", "No. Camera 'back' is blind: covered or dark. Camera 'front' ended at 1:10.0."),
        ("Is the front camera still running?", "No. Camera 'front' ended at 1:10.0."),
        ("Was it dark on the front camera at 0:22?", "No, the picture was not dark between 0:21.0 and 0:23.0."),
        ("What was said after the front camera ended?", 'I heard somebody say "good night" from 1:20.0 to 1:22.0.'),
        (
            "Did anything move on the front camera after 1:15?",
            "I cannot tell. Camera 'front' ended at 1:10.0.",
        ),
        ("What moved while the microphone was off?", "Nothing moved between 0:40.0 and 0:45.0."),
        (
            "What is happening now?",
            "It was quiet between 1:37.0 and 1:40.0."
            " Camera 'back' saw nothing from 1:28.0 to 1:40.0 (covered or dark). Camera 'front' ended at 1:10.0.",
        ),
        (
            "Was anything said in the last dark phase?",
            "No, nobody spoke between 1:28.0 and 1:40.0. It was dark from 1:28.0 to 1:40.0.",
        ),
        ("Did it get light before 0:20?", "No, it did not get light up to 0:20.0."),
        ("Did it get light before 0:30?", "Yes, the picture was dark from 0:12.0 to 0:24.0."),
        ("Did it get dark between 0:15 and 0:50?", "No, it did not get dark between 0:15.0 and 0:50.0."),
        ("How many dark phases were there before 0:50?", "1 time: from 0:12.0 to 0:24.0."),
        (
            "How long did it take until it got light again?",
            "The first dark phase lasted 12.0 s, from 0:12.0 to 0:24.0."
            " Camera 'back' saw nothing from 0:55.0 to 1:00.0 (dazzled). Camera 'front' ended at 1:10.0.",
        ),
        (
            "For how long could you not see anything?",
            "47.0 s in all. Camera 'back' saw nothing from 0:15.0 to 0:24.0, from 0:55.0 to 1:00.0 and from 1:28.0 to"
            " 1:40.0 (covered or dark and dazzled). Camera 'front' ended at 1:10.0."
            " Camera 'front' saw nothing from 0:12.0 to 0:20.0 (covered or dark).",
        ),
        ("Was it dark for the whole recording?", 'I do not understand "the whole" here.'),
    ],
)
def test_two_cameras_one_of_which_ends(text: str, said: str) -> None:
    assert ask_rig(text) == said


def test_only_darkness_is_dark() -> None:
    assert is_dark("covered or dark")
    assert not is_dark("dazzled")
    assert not is_dark("the track has ended")
