"""Question words are found in noisy speech text, and others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.match import SAME_TEXT, SAME_WORD, edits, score, similarity, stem, words

HEARD = [
    ("go forward", "go forward ten meters"),
    ("go forward ten meters", "go forward ten meteors"),
    ("go forward ten meters", "go for what ten meters"),
    ("go forward 10 meters", "go forward ten meters"),
    ("the young man", "he was not an ill disposed young man"),
    ("being married", "had he married a more amiable woman"),
    ("getting married", "had he marry a more amiable woman"),
    ("mister dashwood", "and mr john dash wood had then leisure"),
    ("respectable", "made still more respectful than he was"),
    ("cold hearted", "unless to be rather cold hearted"),
    ("no", "he said no"),
]
NOT_HEARD = [
    ("elephant", "he was an elegant young man"),
    ("the train to london", "the rain in spain stays"),
    ("getting married", "go forward ten meters"),
    ("money", "he might even have been made amiable himself"),
    ("twenty meters", "go forward ten meters"),
    ("the", ""),
    ("", "go forward"),
    ("go backward", "he might go on"),
]


@pytest.mark.parametrize(("asked", "heard"), HEARD)
def test_what_was_said_is_found(asked: str, heard: str) -> None:
    assert score(asked, heard) >= SAME_TEXT


@pytest.mark.parametrize(("asked", "heard"), NOT_HEARD)
def test_what_was_not_said_is_not_found(asked: str, heard: str) -> None:
    assert score(asked, heard) < SAME_TEXT


def test_words_in_another_order_count_less() -> None:
    assert score("forward ten meters", "meters ten forward") < score("forward ten meters", "forward ten meters")


@pytest.mark.parametrize(
    ("a", "b"), [("married", "marry"), ("stopped", "stop"), ("meters", "meter"), ("moving", "move")]
)
def test_endings_are_cut(a: str, b: str) -> None:
    assert stem(a) == stem(b)


@pytest.mark.parametrize(("a", "b", "distance"), [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)])
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edits(a, b) == edits(b, a) == distance


def test_numbers_agree_or_do_not() -> None:
    assert words("ten Meters") == ["10", "meters"]
    assert similarity("10", "100") == 0.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_scores_are_shares(a: str, b: str) -> None:
    assert 0.0 <= score(a, b) <= 1.0 + 1e-9


@given(st.text(alphabet=st.characters(categories=["Ll"]), min_size=1, max_size=12))
def test_a_word_is_itself(word: str) -> None:
    assert similarity(word, word) >= SAME_WORD
