"""Amounts in words become seconds."""

from __future__ import annotations

import re

import pytest

from reasoning.numbers import LENGTH, to_seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("20 seconds", 20),
        ("twenty seconds", 20),
        ("twenty-five seconds", 25),
        ("a minute", 60),
        ("half a minute", 30),
        ("half an hour", 1800),
        ("a quarter of an hour", 900),
        ("a minute and a half", 90),
        ("two and a half minutes", 150),
        ("one and a half minutes", 90),
        ("a couple of minutes", 120),
        ("1 min 20 s", 80),
        ("1 minute and 20 seconds", 80),
        ("1m20s", 80),
        ("1.5 s", 1.5),
        ("two days", 172_800),
        ("minute", 60),
        ("thirty", 30),
        ("one minute thirty", 90),
        ("", 0),
    ],
)
def test_amounts_are_read(words: str, seconds: float) -> None:
    assert to_seconds(words) == pytest.approx(seconds)


@pytest.mark.parametrize("words", ["ten meters", "440 Hz", "a movement", "seconds", "half"])
def test_other_words_are_no_length(words: str) -> None:
    assert re.fullmatch(LENGTH, words) is None


def test_absurd_amounts_stay_finite() -> None:
    assert to_seconds("9" * 400 + " hours") == 1e9
