"""Times, lengths, places and quotes as an answer writes them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.timepoints import S_NS
from reasoning.wording import QUOTE_CHARS, Clock, count, length, listing, ordinal, place, plain, quote

MEDIA = Clock(75 * S_NS, 0, None)
NOON_NS = int(datetime(2025, 6, 10, 12, tzinfo=UTC).timestamp()) * S_NS
LIVE = Clock(NOON_NS, NOON_NS - 3600 * S_NS, UTC)


@pytest.mark.parametrize(
    ("t_s", "text"), [(0, "0:00.0"), (12.44, "0:12.4"), (59.96, "1:00.0"), (65.1, "1:05.1"), (3723.45, "1:02:03.4")]
)
def test_media_times(t_s: float, text: str) -> None:
    assert MEDIA.at(round(t_s * S_NS)) == text


def test_live_times_are_the_clock_on_the_wall() -> None:
    assert LIVE.at(NOON_NS - 5 * S_NS) == "11:59:55"
    assert LIVE.at(NOON_NS - 86_400 * S_NS) == "2025-06-09 12:00:00"


def test_moments_and_stretches() -> None:
    assert MEDIA.stretch(3 * S_NS, 3 * S_NS) == "at 0:03.0"
    assert MEDIA.stretch(3 * S_NS, 7 * S_NS) == "from 0:03.0 to 0:07.0"
    assert MEDIA.window(0, 7 * S_NS) == "up to 0:07.0"
    assert MEDIA.window(3 * S_NS, 7 * S_NS) == "between 0:03.0 and 0:07.0"


@pytest.mark.parametrize(
    ("length_s", "text"), [(0, "0.0 s"), (3.24, "3.2 s"), (119, "119.0 s"), (125, "2 min 5 s"), (7380, "2 h 3 min")]
)
def test_lengths(length_s: float, text: str) -> None:
    assert length(round(length_s * S_NS)) == text


def test_scene_text_is_data() -> None:
    assert quote('he said "stop"\nand\x1b[31m left') == "\"he said 'stop' and [31m left\""
    assert quote("word " * 100).endswith('…"')


@given(st.text(max_size=600))
def test_quotes_are_short_printable_and_closed(text: str) -> None:
    quoted = quote(text)
    assert quoted[0] == quoted[-1] == '"'
    assert '"' not in quoted[1:-1]
    assert len(quoted) <= QUOTE_CHARS + 2
    assert not any(unicodedata.category(c).startswith("C") for c in quoted)
    assert len(plain(text)) <= 60


@pytest.mark.parametrize(
    ("x", "y", "where"),
    [
        (0.1, 0.5, "on the left"),
        (0.9, 0.9, "at the bottom right"),
        (0.5, 0.1, "at the top"),
        (0.5, 0.5, "in the middle"),
    ],
)
def test_places_are_thirds(x: float, y: float, where: str) -> None:
    assert place((x - 0.05, y - 0.05, x + 0.05, y + 0.05)) == where


def test_small_words() -> None:
    assert [count(1, "tone"), count(2, "tone")] == ["1 tone", "2 tones"]
    assert [ordinal(n) for n in (1, 6, -1)] == ["first", "6th", "last"]
    assert [listing(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


@given(st.integers(-(2**70), 2**70))
def test_no_time_raises(t_ns: int) -> None:
    assert MEDIA.at(t_ns)
    assert LIVE.at(t_ns)
