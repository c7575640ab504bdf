"""How long something has to have lasted, and the breaks between things of one kind."""

from __future__ import annotations

import pytest

from reasoning.lengths import join_breaks, take_lasting
from reasoning.timepoints import S_NS
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

NEGATED = [
    (f"{no} {bound}", True)
    for no in ("no", "not")
    for bound in ("more than", "longer than", "over", "less than", "shorter than", "under")
]


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
    for text, holds in (("more than", False), ("at least", True), ("less than", False), ("at most", True), *NEGATED):
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


MOVED = (
    hit("motion", 5, 8),
    hit("sound", 10, 10.5, "tone at 440 Hz"),
    hit("utterance", 13, 15, "go forward"),
    hit("motion", 20, 21),
    hit("sound", 30, 30.5, "tone at 440 Hz"),
    hit("motion", 40, 48),
)
SHORT = "Something moved 2 times: from 0:05.0 to 0:08.0 and from 0:20.0 to 0:21.0."
LONG = "Something moved 2 times: from 0:05.0 to 0:08.0 and from 0:40.0 to 0:48.0."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Which movements lasted no longer than 5 seconds?", SHORT),
        ("Which movements lasted not more than 5 seconds?", SHORT),
        ("Which movements lasted not over 5 s?", SHORT),
        ("Which movements lasted not less than 3 seconds?", LONG),
        ("Which movements were no shorter than 3 seconds?", LONG),
        ("Which movements lasted not under 5 s?", "Something moved from 0:40.0 to 0:48.0."),
    ],
)
def test_a_negated_bound_is_the_other_one(text: str, said: str) -> None:
    assert say(ask(text, records=MOVED)) == said


@pytest.mark.parametrize(
    "text",
    [
        "Did it move for over 3 seconds after the first tone?",
        "Did it move for at least 5 seconds after the first tone?",
        "Did it move for more than 5 seconds after the first tone?",
        "Did it move for at least 1 minute 20 seconds after the first tone?",
        "Did it move longer than 5 seconds after the first tone?",
        "Did it move for over 3 seconds after 0:10?",
        "Did it move for more than 3 seconds before the end?",
    ],
)
def test_a_length_before_a_moment_is_no_distance_from_it(text: str) -> None:
    is_longer = "minute" in text
    lead = "No, nothing moved for at least 1 minute" if is_longer else "Yes, something moved from 0:40.0 to 0:48.0."
    assert say(ask(text, records=MOVED)).startswith(lead)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What moved 10 seconds after the first tone?", "Something moved from 0:20.0 to 0:21.0."),
        ("What was said less than 4 seconds after the first tone?", 'I heard somebody say "go forward"'),
        ("Did it move no more than 4 seconds after the first tone?", "No, nothing moved between 0:10.5 and 0:14.5."),
        ("When did it move more than 15 seconds after the first tone?", "Something moved from 0:40.0 to 0:48.0."),
        ("When did it move at least 15 seconds before the second tone?", "Something moved from 0:05.0 to 0:08.0."),
    ],
)
def test_a_bound_on_a_distance_is_no_length(text: str, said: str) -> None:
    assert say(ask(text, records=MOVED)).startswith(said)


def test_a_length_is_measured_in_the_window() -> None:
    assert say(ask("Did anything move for more than 5 seconds in the last 15 seconds?", records=MOVED)) == (
        "No, nothing moved for more than 5 seconds between 0:45.0 and 1:00.0."
    )
    assert say(ask("Did anything move for less than 5 seconds in the last 15 seconds?", records=MOVED)).startswith("No")
    assert say(ask("Was anything moving for more than 5 seconds at 0:41?", records=MOVED)).startswith("Yes, ")
