"""Words of time -> windows, in recordings and live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.timepoints import S_NS, Now, place
from reasoning.timewords import parse_time, take_time

ASKED_S = 75
MEDIA = [
    ("in the last 20 seconds", 55, 75),
    ("within the last twenty seconds", 55, 75),
    ("the last minute", 15, 75),
    ("in the past minute and a half", -15, 75),
    ("during the final ten seconds of the clip", 65, 75),
    ("between 0:10 and 0:20", 10, 20),
    ("between 0:20 and 0:10", 10, 20),
    ("between 10 and 20 s", 10, 20),
    ("between second 10 and 20", 10, 20),
    ("from 10 to 20 seconds", 10, 20),
    ("from 0:10 until 0:20", 10, 20),
    ("0:10-0:20", 10, 20),
    ("seconds 10 to 20", 10, 20),
    ("between 10 and 20?", 10, 20),
    ("between one minute and one minute ten", 60, 70),
    ("between 20 and 10 seconds ago", 55, 65),
    ("from the start to 0:30", 0, 30),
    ("from minute 1 to 2", 60, 120),
    ("at 0:12", 11, 13),
    ("at 0:12.5", 11.5, 13.5),
    ("at second 12", 11, 13),
    ("at 12 seconds in", 11, 13),
    ("12 seconds into the recording", 11, 13),
    ("at the 12 second mark", 11, 13),
    ("at one minute seven", 66, 68),
    ("around 0:12", 7, 17),
    ("at about half a minute", 25, 35),
    ("after 0:30", 30, None),
    ("since 0:40", 40, None),
    ("from 0:40 on", 40, None),
    ("after the first twenty seconds", 20, None),
    ("before 1:05", None, 65),
    ("until second 30", None, 30),
    ("before the last 10 seconds", None, 65),
    ("in the first 10 seconds", 0, 10),
    ("during the first half minute", 0, 30),
    ("in the opening minute", 0, 60),
    ("in the first half", 0, 37.5),
    ("in the second half of the video", 37.5, 75),
    ("in the second minute", 60, 120),
    ("in the 3rd second", 2, 3),
    ("in the middle of the recording", 25, 50),
    ("at the beginning", 0, 7.5),
    ("at the very start of the video", 0, 7.5),
    ("at the end", 67.5, 75),
    ("20 seconds before the end", 53, 57),
    ("half a minute ago", 37.5, 52.5),
    ("just now", 60, 75),
    ("right now", 72, 75),
    ("currently", 72, 75),
    ("so far", None, None),
    ("in total", None, None),
    ("in the whole recording", None, None),
    ("today", None, None),
]
NO_TIME = [
    "When did something move?",
    "How long did the first movement last?",
    "how many seconds did it move",
    "The second time there was movement",
    "a tone at 440 Hz",
    "go forward ten meters",
    "in the middle of the picture",
    "on the right side",
    "before the end of the tone",
    "it was still for a while",
    "",
]


@pytest.mark.parametrize(("words", "start_s", "end_s"), MEDIA)
@pytest.mark.parametrize("frame", ["what happened {}", "Did anything move {}", "{}, was anybody talking?"])
def test_windows_in_recordings(words: str, start_s: float | None, end_s: float | None, frame: str) -> None:
    if words.endswith("?") and not frame.endswith("{}"):
        pytest.skip("a question mark ends the sentence")
    span = parse_time(frame.format(words), ASKED_S * S_NS, 0)
    assert span is not None
    assert span.is_known
    seconds = [None if t is None else t / S_NS for t in (span.start_ns, span.end_ns)]
    assert seconds == [start_s, end_s]


@pytest.mark.parametrize("text", NO_TIME)
def test_other_words_are_no_time(text: str) -> None:
    assert parse_time(text, ASKED_S * S_NS, 0) is None


@pytest.mark.parametrize("words", ["yesterday", "this morning", "at 3 pm", "last night"])
def test_a_recording_has_no_calendar(words: str) -> None:
    span = parse_time(f"what happened {words}?", ASKED_S * S_NS, 0)
    assert span is not None
    assert not span.is_known


ZONE = timezone(timedelta(hours=2))
NOON = datetime(2025, 6, 10, 12, 0, 30, tzinfo=ZONE)


def live(text: str, start: datetime | None = datetime(2025, 6, 10, 9, tzinfo=ZONE)) -> list[str | None]:
    start_ns = None if start is None else int(start.timestamp()) * S_NS
    span = parse_time(text, int(NOON.timestamp()) * S_NS, start_ns, ZONE)
    assert span is not None
    assert span.is_known
    times = (span.start_ns, span.end_ns)
    return [None if t is None else datetime.fromtimestamp(t / S_NS, tz=ZONE).strftime("%d %H:%M:%S") for t in times]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("at 11:05", ["10 11:05:00", "10 11:06:00"]),
        ("at 11:05:20", ["10 11:05:19", "10 11:05:21"]),
        ("at 14:05", ["09 14:05:00", "09 14:06:00"]),  # today it has not been 14:05 yet
        ("at 9 am", ["10 08:55:00", "10 09:05:00"]),
        ("yesterday at 3 pm", ["09 14:55:00", "09 15:05:00"]),
        ("between 10:00 and 10:30", ["10 10:00:00", "10 10:30:00"]),
        ("between 2 pm and 3 pm yesterday", ["09 14:00:00", "09 15:00:00"]),
        ("after 11:30", ["10 11:30:00", None]),
        ("today", ["10 00:00:00", "11 00:00:00"]),
        ("yesterday", ["09 00:00:00", "10 00:00:00"]),
        ("this morning", ["10 00:00:00", "10 12:00:00"]),
        ("last night", ["09 18:00:00", "10 06:00:00"]),
        ("two days ago", ["08 00:00:00", "09 00:00:00"]),
        ("in the last 20 seconds", ["10 12:00:10", "10 12:00:30"]),
        ("in the first 10 seconds", ["10 09:00:00", "10 09:00:10"]),
    ],
)
def test_windows_on_the_wall_clock(text: str, window: list[str | None]) -> None:
    assert live(f"What happened {text}?") == window


def test_a_start_that_nobody_told_makes_the_first_seconds_unknown() -> None:
    span = parse_time("in the first 10 seconds", int(NOON.timestamp()) * S_NS, None, UTC)
    assert span is not None
    assert not span.is_known


def test_several_words_of_time_mean_their_overlap() -> None:
    span, rest = take_time("what was said in the second minute, at 1:05?", Now(ASKED_S * S_NS, 0, None))
    assert span is not None
    assert (span.start_ns, span.end_ns) == (64 * S_NS, 66 * S_NS)
    assert "minute" not in rest
    assert "1:05" not in rest


def test_of_windows_that_do_not_meet_the_later_words_win() -> None:
    span, _ = take_time("in the first 10 seconds or between 0:20 and 0:30", Now(ASKED_S * S_NS, 0, None))
    assert span is not None
    assert span.start_ns is not None


def test_a_moment_is_a_point_and_a_range_is_not() -> None:
    points = [parse_time(text, ASKED_S * S_NS, 0) for text in ("at 0:12", "right now", "10 seconds ago")]
    ranges = [parse_time(text, ASKED_S * S_NS, 0) for text in ("between 0:10 and 0:20", "in the last minute")]
    assert all(span is not None and span.is_point for span in points)
    assert not any(span is not None and span.is_point for span in ranges)


def test_places_count_from_the_start_of_the_session() -> None:
    assert place("0:12", Now(ASKED_S * S_NS, 5 * S_NS, None)) == 17 * S_NS


@given(st.text(max_size=80), st.integers(0, 2**63 - 1), st.none() | st.integers(0, 2**63 - 1))
def test_no_text_raises(text: str, asked_ns: int, start_ns: int | None) -> None:
    parse_time(text, asked_ns, start_ns, UTC)


WORDS = (
    "last first 20 0:12 99:99 seconds ago between and at the yesterday 3 pm in half end to before of half-way days"
    " 999999999"
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=10), st.integers(0, 2**63 - 1))
def test_no_salad_of_words_of_time_raises(words: list[str], asked_ns: int) -> None:
    take_time(" ".join(words), Now(asked_ns, 0, UTC))
