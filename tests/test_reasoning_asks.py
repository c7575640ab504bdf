"""What kind of answer a question wants."""

from __future__ import annotations

import pytest

from reasoning.asks import asks_end, find_ask
from reasoning.topics import find_topic


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("when did it move", "when"),
        ("until when did it move", "when"),
        ("did it move, and when", "whether"),
        ("how long did it move", "how_long"),
        ("how long ago did it move", "when"),
        ("how often did it move", "how_often"),
        ("how loud was it", "how_much"),
        ("which way did it go", "where"),
        ("what did they say", "said"),
        ("what was going on", "happened"),
    ],
)
def test_the_kind_of_answer(text: str, ask: str) -> None:
    assert find_ask(text, find_topic(text)) == ask


@pytest.mark.parametrize(
    "text",
    [
        "until when did it move",
        "till when was it moving",
        "when did it stop",
        "when did it last move",
        "when was it over",
    ],
)
def test_the_end_is_asked_for(text: str) -> None:
    assert asks_end(text)


@pytest.mark.parametrize(
    "text",
    ["when did it move", "when was the last movement", "when was the very last time it moved", "when did it start"],
)
def test_the_whole_is_asked_for(text: str) -> None:
    assert not asks_end(text)
