"""How long something has to have lasted, and the breaks between things of one kind."""

from __future__ import annotations

import pytest

from reasoning.lengths import join_breaks, take_lasting
from reasoning.timepoints import S_NS
from tests.test_reasoning_evidence import ask, say


@pytest.mark.parametrize(
    ("text", "least_s", "most_s", "phrase", "rest"),
    [
        ("was it quiet for more than five seconds?", 5, None, "for more than five seconds", "was it quiet ?"),
        ("did it move for at least a minute", 60, None, "for at least a minute", "did it move"),
        ("was there a pause of under 2 s", 0, 2, "for under 2 s", "was there a pause"),
        ("a longer pause than ten seconds", 10, None, "for longer than ten seconds", "a pause"),
        ("did a shorter movement than 3 seconds come", 0, 3, "for shorter than 3 seconds", "did a movement come"),
        ("was it still for 20 seconds or longer", 20, None, "for at least 20 seconds", "was it still"),
        ("did two minutes go by without movement", 120, None, "for at least two minutes", "did without movement"),
    ],
)
def test_a_bound_on_a_length(text: str, least_s: int, most_s: int | None, phrase: str, rest: str) -> None:
    lasting, left = take_lasting(text)
    assert lasting is not None
    assert (lasting.phrase, left) == (phrase, rest)
    assert lasting.holds(least_s * S_NS + 1)
    assert lasting.holds(10**12) is (most_s is None)
    assert not lasting.holds(least_s * S_NS - 1)


def test_more_than_is_more_than() -> None:
    exact_ns = 5 * S_NS
    for text, holds in (("more than", False), ("at least", True), ("less than", False), ("at most", True)):
        lasting, _ = take_lasting(f"was it quiet for {text} 5 seconds")
        assert lasting is not None
        assert lasting.holds(exact_ns) is holds


@pytest.mark.parametrize(
    "text",
    [
        "did it move more than once",
        "were there more than three tones",
        "more than a minute ago",
        "over the last ten seconds",
        "how long did it last",
        "less than five seconds after the tone",
    ],
)
def test_other_amounts_are_no_lengths(text: str) -> None:
    assert take_lasting(text) == (None, text)


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("the shortest break between two movements", "the shortest breaks in movements"),
        ("pauses between the utterances", "breaks in utterances"),
        ("how long are the gaps between tones", "how long are the breaks in tones"),
        ("the gap between the two tones", None),
        ("the gap between tones and speech", None),
        ("a pause between seconds 10 and 20", None),
        ("what was between the first and the second tone", None),
    ],
)
def test_breaks_between_things_of_one_kind(text: str, joined: str | None) -> None:
    assert join_breaks(text) == (joined or text, joined is not None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Was it quiet for more than 15 seconds?",
            "Yes, it was quiet for more than 15 seconds from 0:24.0 to 0:40.0 and",
        ),
        ("Was there a silence of at least a minute?", "No, there was no stretch in which it was quiet for at least a"),
        ("How often did something move for more than two seconds?", "1 time: from 0:03.0 to 0:07.0 on the left."),
        (
            "Did anything move for longer than ten seconds?",
            "No, nothing moved for longer than ten seconds up to 1:00.0.",
        ),
        (
            "Did half a minute go by without any movement?",
            "No, there was no stretch in which nothing moved for at least",
        ),
        ("How long until the first movement?", "Nothing moved for 3.0 s, from 0:00.0 to 0:03.0."),
        ("How long was it until the next movement after 0:30?", "Nothing moved for 15.0 s, from 0:30.0 to 0:45.0."),
        ("How long until they spoke after 0:15?", "Nobody spoke for 6.0 s, from 0:15.0 to 0:21.0."),
        ("How long before the tone did somebody speak?", '3.0 s before that: I heard somebody say "go forward'),
        ("When was the shortest break between two movements?", "Nothing moved for 11.0 s, from 0:07.0 to 0:18.0."),
        ("Was there a longer pause than 20 seconds in which nobody moved?", "Yes, nothing moved for longer than 20"),
    ],
)
def test_lengths_narrow_what_is_told(text: str, said: str) -> None:
    composed = ask(text)
    assert not composed.abstained
    assert say(composed).startswith(said)
