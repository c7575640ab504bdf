"""What is known of the sensors themselves: whether samples come, and when they did not."""

from __future__ import annotations

import pytest

from runtime.messages import Sensor
from tests.test_reasoning_coverage import gap
from tests.test_reasoning_evidence import ask, say

BARE: dict[str, Sensor] = {"bumper": "radar", "body": "imu"}
ALL: dict[str, Sensor] = {"front": "video", "mic": "audio", **BARE}
GAPS = (gap(15, 25, "bumper", "no sample"), gap(10, 30, "front"), gap(40, 42, "front"))
SAMPLES = "1 radar gives samples. 1 inertial sensor gives samples."
RADAR = "Radar 'bumper' gave nothing from 0:15.0 to 0:25.0 (no sample)."
FRONT = "Camera 'front' saw nothing from 0:10.0 to 0:30.0 and from 0:40.0 to 0:42.0 (covered or dark)."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Do all sensors work?", f"Yes. {SAMPLES}"),
        ("Is everything working?", f"Yes. {SAMPLES}"),
        ("Which sensors do you have?", SAMPLES),
        ("How many sensors do you have?", f"2. {SAMPLES}"),
        ("Is any sensor blind?", f"No. {SAMPLES}"),
        ("Is the radar working?", "Yes. 1 radar gives samples."),
        ("Does the inertial sensor give data?", "Yes. 1 inertial sensor gives samples."),
        ("Is the microphone on?", "No. There is no microphone."),
        ("Are you blind?", "Yes. There is no camera."),
        (
            "Which sensor was blind at 0:20?",
            "None. Inertial sensor 'body' and radar 'bumper' worked between 0:19.0 and 0:21.0.",
        ),
        ("Did the radar ever fail?", "No. Radar 'bumper' worked up to 1:00.0."),
    ],
)
def test_of_what_nobody_perceives_it_is_known_whether_samples_come(text: str, said: str) -> None:
    composed = ask(text, records=(), streams=BARE)
    assert say(composed) == said
    assert not composed.abstained


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Do all sensors work?", f"Yes. 1 camera works. 1 microphone works. {SAMPLES}"),
        (
            "Which sensor was blind at 0:20?",
            f"{RADAR} Camera 'front' saw nothing from 0:10.0 to 0:30.0 (covered or dark).",
        ),
        ("Was the radar on at 0:20?", f"No. {RADAR}"),
        ("When did the radar stop giving data?", RADAR),
        ("How often was the camera blind?", f"2 times. {FRONT}"),
        ("How long was the camera blind?", f"22.0 s in all. {FRONT}"),
        ("How often was the microphone blind?", "0 times. Microphone 'mic' worked up to 1:00.0."),
    ],
)
def test_a_sensor_that_gave_nothing_is_told_of_with_times(text: str, said: str) -> None:
    assert say(ask(text, records=GAPS, streams=ALL)) == said


def test_one_of_two_cameras_is_asked_about_by_its_name() -> None:
    two: dict[str, Sensor] = {"front": "video", "back": "video"}
    blind = {"back": "no sample"}
    assert say(ask("Is the front camera working?", records=(), streams=two, blind=blind)) == "Yes. 1 camera works."
    assert say(ask("Is the back camera working?", records=(), streams=two, blind=blind)) == (
        "No. Camera 'back' is blind: no sample."
    )
    assert say(ask("Is the camera working?", records=(), streams=two, blind=blind)) == (
        "No. 1 camera works. Camera 'back' is blind: no sample."
    )


def test_without_any_stream_nothing_works() -> None:
    assert ask("Do all sensors work?", records=(), streams={}).abstained
