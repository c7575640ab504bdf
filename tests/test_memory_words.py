"""What a question is about."""

from __future__ import annotations

import apsw
import pytest

from memory.fulltext import SIMILAR_LETTERS
from memory.words import Stemmer, letter_pairs, likeness, question_terms


def terms(text: str) -> list[str]:
    return [term.match for term in question_terms(text, Stemmer(apsw.Connection(":memory:")))]


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What did they say about getting married?", ['"married"']),
        ('Did anybody say "go forward"?', ['"go forward"']),
        ("when was “ten meters” said, and the word meters?", ['"ten meters"', '"meters"']),
        ("What colour was the car, and were there cars?", ['"colour"', '"car"']),
        ("what happened after that?", []),
        ("Mr. John's leisure", ['"mr"', '"john\'s"', '"leisure"']),
        ("room 12", ['"room"', '"12"']),
        ('NEAR(a b) OR "x" * : - ^', ['"near"']),
        ("", []),
    ],
)
def test_terms_are_phrases_and_content_words_once(question: str, about: list[str]) -> None:
    assert terms(question) == about


def test_words_are_cut_down_as_full_text_does() -> None:
    assert Stemmer(apsw.Connection(":memory:")).stems("Don't stop réal Meters") == ("don", "t", "stop", "real", "meter")


def test_likeness_counts_letter_pairs() -> None:
    def alike(a: str, b: str) -> float:
        return likeness(letter_pairs(a), letter_pairs(b))

    assert alike("meter", "meter") == 1.0
    assert alike("meter", "meteor") > SIMILAR_LETTERS > alike("marri", "harri") > alike("meter", "violin")
