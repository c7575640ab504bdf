"""The words to search for are cut out of a question, and nothing else is."""

from __future__ import annotations

import pytest

from reasoning.quoted import quoted_words, said_words, take_quotes


@pytest.mark.parametrize(
    ("text", "masked", "quotes"),
    [
        ('did they say "go on"?', "did they say quote0 ?", ["go on"]),
        ("did they say 'go on'?", "did they say quote0 ?", ["go on"]),
        ("“one” or “two”", "quote0 or quote1", ["one", "two"]),
        ("didn't they say it's over?", "didn't they say it's over?", []),
        ('an open " quote', 'an open " quote', []),
    ],
)
def test_quotes_are_masked(text: str, masked: str, quotes: list[str]) -> None:
    assert take_quotes(text) == (masked, quotes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("did anybody say go forward?", "go forward"),
        ("did anybody say anything about the train?", "the train"),
        ("what did they say", ""),
        ("what was said", ""),
        ("was the word elephant mentioned", "elephant"),
        ("when was marriage mentioned?", "marriage"),
        ("when did they mention the young man for the second time", "the young man"),
        ("is the phrase cold hearted ever used?", "cold hearted"),
        ("did somebody give a command to go forward", "go forward"),
        ("did someone mention being married, and when was that", "being married"),
        ("what did he talk about", ""),
        ("what was the first thing anybody said?", ""),
        ("how many words were spoken", ""),
        ("did something move", ""),
    ],
)
def test_words_after_verbs_of_saying(text: str, words: str) -> None:
    assert said_words(text) == words


def test_a_mark_that_the_user_typed_is_no_quote() -> None:
    assert quoted_words("did they say quote7", ["one"]) == ""
