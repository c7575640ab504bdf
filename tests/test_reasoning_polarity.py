"""Nothing, ever and never: what is asked for, its absence, or some of that."""

from __future__ import annotations

import pytest

from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Is it true that nothing ever moved?", "No, something moved 3 times"),
        ("Has nothing ever moved?", "No, something moved 3 times"),
        ("Did nothing ever move?", "No, something moved 3 times"),
        ("It never moved, did it?", "No, something moved 3 times"),
        ("Is it true that nothing didn't move at 0:19?", "No, something moved"),
        ("Has nobody ever spoken?", "No, somebody spoke 2 times"),
        ("Did nobody speak at any time?", "No, somebody spoke 2 times"),
        ("Has nobody ever said go forward?", 'No, I heard somebody say "go forward ten meters"'),
        ("Did nothing ever move after 0:50?", "Yes, nothing moved between 0:50.0"),
        ("Was it ever quiet?", "Yes, it was quiet from 0:00.0 to 0:10.0"),
        ("Was it never quiet?", "No, it was quiet from 0:00.0 to 0:10.0"),
        ("Is it true that it was never quiet?", "No, it was quiet from 0:00.0 to 0:10.0"),
        ("Was it never still between 0:03 and 0:07?", "Yes, there was no stretch in which nothing moved"),
        ("Was there ever a moment when nothing moved?", "Yes, nothing moved from 0:00.0 to 0:03.0"),
        ("Did something ever move?", "Yes, something moved 3 times"),
        ('Did anybody say "never"?', 'No, I heard nothing like "never"'),
    ],
)
def test_ever_and_never(text: str, said: str) -> None:
    composed = ask(text)
    assert say(composed).startswith(said)
    assert composed.evidence


@pytest.mark.parametrize(
    "text",
    [
        "When was it never quiet?",
        "Did nobody never move?",
        "Was nobody ever silent?",
        "Is it true that it was not quiet?",
        "What was said while nothing moved?",
    ],
)
def test_riddles_are_not_answered(text: str) -> None:
    assert ask(text).abstained


def test_words_that_are_searched_for_deny_nothing() -> None:
    records = (hit("utterance", 1, 2, "never give up"),)
    assert say(ask("Did anybody say never give up?", records=records)).startswith("Yes, I heard somebody say")
