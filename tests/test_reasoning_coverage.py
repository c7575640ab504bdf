"""What was not watched is unknown, stream by stream and sense by sense."""

from __future__ import annotations

from reasoning.coverage import UNTOLD_NS, Coverage
from reasoning.episodes import gather
from reasoning.timepoints import S_NS
from reasoning.wording import Clock
from runtime.messages import Hit, Sensor
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

BOTH: dict[str, Sensor] = {"front": "video", "back": "video", "mic": "audio"}


def gap(start_s: float, end_s: float, stream: str, reason: str = "covered or dark", lost: float = 0.0) -> Hit:
    return hit(
        "gap", start_s, end_s, f"nothing received for {end_s - start_s:.1f} s: {reason}", stream=stream, level=lost
    )


def cover(
    *gaps: Hit,
    start_s: float = 0,
    end_s: float = 60,
    streams: dict[str, Sensor] | None = None,
    blind: dict[str, str] | None = None,
) -> Coverage:
    return Coverage(
        streams={"front": "video", "mic": "audio"} if streams is None else streams,
        blind=blind or {},
        clock=Clock(60 * S_NS, 0, None),
        windows=((round(start_s * S_NS), round(end_s * S_NS)),),
        gaps=gather(gaps, "gap"),
    )


def test_a_gap_counts_against_its_own_sense() -> None:
    coverage = cover(gap(0, 60, "mic", "no signal"))
    assert coverage.why_not({"video"}) == ""
    assert coverage.notes({"video"}) == []
    assert (
        coverage.why_not({"audio"})
        == "I cannot tell. Microphone 'mic' could hear nothing from 0:00.0 to 1:00.0 (no signal)."
    )
    assert coverage.watched({"video", "audio"}) == {"video"}


def test_another_stream_of_the_same_sense_still_watches() -> None:
    coverage = cover(gap(10, 50, "front"), streams=BOTH)
    assert coverage.why_not({"video"}) == ""
    assert coverage.notes({"video"}) == ["Camera 'front' saw nothing from 0:10.0 to 0:50.0 (covered or dark)."]
    assert coverage.watching({"video"}) == ["back"]


def test_streams_that_are_blind_by_turns_watch_together() -> None:
    assert cover(gap(0, 30, "front"), gap(30, 60, "back"), streams=BOTH).why_not({"video"}) == ""
    assert cover(gap(0, 50, "front"), gap(10, 60, "back"), streams=BOTH).why_not({"video"})


def test_what_was_lost_is_told_from_what_was_not_seen() -> None:
    coverage = cover(gap(10, 12, "front"), gap(20, 21, "front", "late", lost=5), gap(30, 33, "front", "not running"))
    assert coverage.notes({"video"}) == [
        "Camera 'front' saw nothing from 0:10.0 to 0:12.0 and from 0:30.0 to 0:33.0 (covered or dark and not running).",
        "Camera 'front' gave nothing from 0:20.0 to 0:21.0 (lost on the way in: late).",
    ]


def test_blindness_of_now_says_nothing_about_long_ago() -> None:
    now = {"front": "covered or dark"}
    assert cover(blind=now, end_s=60 - UNTOLD_NS / S_NS).why_not({"video"}) == ""
    assert cover(blind=now, start_s=50).why_not({"video"}) == "I cannot tell. Camera 'front' is blind: covered or dark."


def test_a_moment_in_a_gap_was_not_watched() -> None:
    assert cover(gap(10, 20, "front"), start_s=15, end_s=15).why_not({"video"})
    assert not cover(gap(10, 20, "front"), start_s=25, end_s=25).why_not({"video"})


def test_a_sense_without_streams_is_named() -> None:
    assert "there is no sound here" in cover(streams={"front": "video"}).why_not({"audio"})
    assert "no camera and no microphone" in cover(streams={}).why_not({"audio", "video"})


def test_many_short_gaps_are_summed_up() -> None:
    gaps = [gap(5 * i, 5 * i + 2, "front") for i in range(7)]
    assert cover(*gaps).notes({"video"}) == [
        "Camera 'front' saw nothing 7 times between 0:00.0 and 0:32.0, for 14.0 s in all (covered or dark)."
    ]


def test_gaps_that_nearly_touch_are_told_as_one() -> None:
    gaps = (gap(10, 20, "front"), gap(20.3, 30, "front"), gap(40, 50, "front"))
    assert cover(*gaps).notes({"video"}) == [
        "Camera 'front' saw nothing from 0:10.0 to 0:30.0 and from 0:40.0 to 0:50.0 (covered or dark)."
    ]


def dark(start_s: float, end_s: float, stream: str = "camera") -> Hit:
    return hit("gap", start_s, end_s, "covered or dark", stream=stream, level=0.0)


STILL = (hit("motion", 5, 8), dark(22, 29), dark(31, 39), hit("motion", 40, 48))


def test_stillness_ends_where_nobody_watched() -> None:
    assert say(ask("How long was it still at 0:30?", records=STILL)) == (
        "Nothing moved for 2.0 s, from 0:29.0 to 0:31.0."
        " I was not watching from 0:22.0 to 0:29.0 and from 0:31.0 to 0:39.0."
    )
    assert say(ask("How long was it still between 0:10 and 0:30?", records=STILL)) == (
        "Nothing moved for 13.0 s in all, 2 times: from 0:10.0 to 0:22.0 and from 0:29.0 to 0:30.0."
        " Camera 'camera' saw nothing from 0:22.0 to 0:29.0 (covered or dark)."
    )


def test_stillness_goes_on_where_another_camera_watched() -> None:
    both: dict[str, Sensor] = {"camera": "video", "door": "video"}
    said = "Nothing moved for 32.0 s, from 0:08.0 to 0:40.0."
    assert say(ask("How long was it still at 0:30?", records=STILL, streams=both)) == said
    records = (*STILL, dark(25, 26, "door"))
    assert "from 0:26.0 to 0:40.0." in say(ask("How long was it still at 0:30?", records=records, streams=both))


def test_stillness_of_a_length_that_the_dark_may_hide_is_unknown() -> None:
    composed = ask("Was it still for more than 10 seconds between 0:15 and 0:32?", records=STILL)
    assert composed.abstained
    assert say(composed).startswith("I cannot tell. I was not watching from 0:22.0 to 0:29.0")
    assert ask("Was it still for less than 3 seconds between 0:12 and 0:35?", records=STILL).abstained
    assert say(ask("Was it still for more than 30 seconds?", records=STILL[:1])).startswith("Yes, ")
    assert say(ask("Was it still for more than 30 seconds before 0:36?", records=STILL)).startswith("No, ")


RIG: dict[str, Sensor] = {"front": "video", "body": "imu", "dvs": "events"}


def test_of_a_sensor_that_is_not_understood_the_camera_does_not_speak() -> None:
    for text, told in (
        ("What did the inertial sensor see?", "I do not understand yet what an inertial sensor senses."),
        ("Did the imu see anything move?", "I do not understand yet what an inertial sensor senses."),
    ):
        composed = ask(text, streams=RIG)
        assert composed.abstained
        assert composed.evidence == ()
        assert say(composed).startswith(told)


def test_the_name_of_a_sensor_in_what_was_said_is_data() -> None:
    for text in ("When was radar said?", "What happened when somebody said radar?", "Did anyone mention the radar?"):
        assert "senses" not in say(ask(text, streams=RIG | {"mic": "audio"}))


def test_an_event_camera_is_asked_about_without_the_cameras() -> None:
    composed = ask("Is the event camera blind?", streams=RIG, blind={"dvs": "no sample", "front": "covered or dark"})
    assert say(composed) == "Yes. Event camera 'dvs' is blind: no sample."
    assert composed.blind == ("dvs", "front")  # the answer still names all
