"""Lists in an answer stay short: of many the first, the last and where the rest is."""

from __future__ import annotations

import pytest

from reasoning.episodes import gather
from reasoning.phrases import LISTED_MAX, few, shown
from reasoning.timepoints import S_NS
from reasoning.wording import Clock
from tests.test_reasoning_episodes import hit
from tests.test_reasoning_evidence import ask, say

NOON_NS = 1_749_556_800 * S_NS
MOVES = tuple(hit("motion", 5 * i, 5 * i + 1) for i in range(12))
SPOKEN = tuple(hit("utterance", 5 * i + 2, 5 * i + 3, f"word {i}") for i in range(12))


@pytest.mark.parametrize(
    ("items", "limit", "text"),
    [
        ("abcde", 8, "a, b, c, d and e"),
        ("abcdef", 8, "first a and last f (all in the evidence)"),
        ("abcdefghij", 8, "first a and last j (8 of them in the evidence)"),
        ("abcde", 4, "first a and last e (4 of them in the evidence)"),
        ("a", 8, "a"),
    ],
)
def test_more_than_five_are_summed_up(items: str, limit: int, text: str) -> None:
    assert few(list(items), limit) == text


def test_what_memory_did_not_return_may_be_older_than_the_first() -> None:
    assert few(list("abcdef"), at_least=True).startswith("the earliest of these a and last f")


@pytest.mark.parametrize("limit", [1, 2, 4, LISTED_MAX])
def test_evidence_holds_the_first_and_the_last(limit: int) -> None:
    episodes = gather(MOVES, "motion")
    media, live = Clock(75 * S_NS, 0, None), Clock(NOON_NS, NOON_NS, None)
    for clock in (media, live):
        kept = shown(episodes, clock, limit)
        assert len(kept) == limit
        assert kept[-1] is episodes[-1]
        assert limit == 1 or kept[0] is episodes[0]
    assert shown(episodes[:limit], media, limit) == episodes[:limit]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "When did something move?",
            "Something moved 12 times: first from 0:00.0 to 0:01.0 and last from 0:55.0 to 0:56.0"
            " (8 of them in the evidence).",
        ),
        ("How often did something move?", "12 times: first from 0:00.0 to 0:01.0 and last from 0:55.0 to 0:56.0 (8 of"),
        ("How long did something move?", "12.0 s in all, in 12 movements: first from 0:00.0 to 0:01.0 and last from"),
        (
            "What was said?",
            'I heard 12 utterances: first "word 0" from 0:02.0 to 0:03.0 and last "word 11" from 0:57.0 to 0:58.0',
        ),
        ("Was it ever still?", "Yes, nothing moved 12 times: first from 0:01.0 to 0:05.0 and last from 0:56.0 to 1:00"),
        (
            "How often was it still?",
            "12 times: nothing moved, first from 0:01.0 to 0:05.0 and last from 0:56.0 to 1:00",
        ),
        ("How often did something move before 0:21?", "5 times: from 0:00.0 to 0:01.0, from 0:05.0 to 0:06.0, from 0:"),
    ],
)
def test_long_lists_are_summed_up(text: str, said: str) -> None:
    composed = ask(text, records=tuple(sorted((*MOVES, *SPOKEN), key=lambda one: one.start_ns)))
    assert say(composed).startswith(said)


def test_of_two_kinds_each_is_summed_up_with_its_share_of_the_evidence() -> None:
    composed = ask("What happened?", records=tuple(sorted((*MOVES, *SPOKEN), key=lambda one: one.start_ns)))
    assert say(composed).count("4 of them in the evidence") == 2
    assert [row.kind for row in composed.evidence] == ["motion"] * 4 + ["utterance"] * 4
