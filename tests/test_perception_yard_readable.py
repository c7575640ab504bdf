"""What the grammar says it can read it reads, and it points from what it cannot read to what is like it."""

from __future__ import annotations

import pytest

from perception.yard.forms import FORMS
from perception.yard.phrases import parse
from perception.yard.readable import NEAREST, examples, nearest, why_unreadable


def test_every_example_is_read() -> None:
    read = [parse(one) for one in examples()]
    assert {one.form for one in read if one is not None} == set(FORMS)
    assert None not in read


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("What color does the red car have?", "Which colour does the red car have?"),
        ("Where is the red car?", "Where is the red car now?"),
        ("how many people do you see", "How many cars do you see right now?"),
    ],
)
def test_what_is_outside_the_grammar_is_pointed_to_what_is_like_it(text: str, near: str) -> None:
    assert near in nearest(text)
    assert near in why_unreadable(text)


@pytest.mark.parametrize("text", ["", "?", "x" * 100_000, "\x00\n", "Quelle heure est-il ?"])
def test_anything_has_something_that_is_nearest(text: str) -> None:
    assert len(nearest(text)) == NEAREST
