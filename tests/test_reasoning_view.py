"""What was recalled is narrowed to the windows and episodes that a question means."""

from __future__ import annotations

import pytest

from reasoning.timepoints import S_NS
from reasoning.topics import Topic
from reasoning.understand import understand
from reasoning.view import View, look, pick, relevant, said
from runtime.messages import Hit, Recalled
from tests.test_reasoning_episodes import hit, times

RECORDS = (
    hit("utterance", 2, 3, "hello there"),
    hit("sound", 5, 6),
    hit("utterance", 8, 9, "a hearty"),
    hit("utterance", 9.4, 10, "welcome all"),
    hit("sound", 12, 13, "loud noise"),
    hit("motion", 14, 15, box=(0.0, 0.4, 0.2, 0.6)),
    hit("motion", 20, 24, box=(0.8, 0.4, 1.0, 0.6)),
)


def see(text: str, anchor: Hit | None = None) -> View | None:
    recalled = Recalled(
        session="s",
        query_id="q",
        hits=(),
        timeline=RECORDS,
        total=len(RECORDS),
        anchor=anchor,
        counts={},
        searched=(),
        session_start_ns=0,
        start_ns=0,
        end_ns=30 * S_NS,
    )
    return look(understand(text, 30 * S_NS, 0), recalled, 30 * S_NS)


@pytest.mark.parametrize(
    ("text", "windows", "episodes"),
    [
        ("did anything move", [(0, 30)], [(14, 15), (20, 24)]),
        ("did anything move between 0:10 and 0:22", [(10, 22)], [(14, 15), (20, 22)]),
        ("was anything moving at 0:21", [(20, 22)], [(20, 24)]),
        ("did anything move after the first tone", [(6, 30)], [(14, 15), (20, 24)]),
        ("what was said before the tone", [(0, 5)], [(2, 3)]),
        ("what sounds were there after the first movement", [(15, 30)], []),
        ("was there a sound while something moved", [(14, 15), (20, 24)], []),
        ("what moved between the tone and the noise", [(6, 12)], []),
        ("what was said between the noise and the tone", [(6, 12)], [(8, 10)]),
        ("did anything move on the right", [(0, 30)], [(20, 24)]),
        ("what was said after 0:40", [(30, 30)], []),
    ],
)
def test_windows_and_episodes(text: str, windows: list[tuple[int, int]], episodes: list[tuple[float, float]]) -> None:
    view = see(text)
    assert view is not None
    assert [(a / S_NS, b / S_NS) for a, b in view.windows] == windows
    assert times(view.episodes) == episodes


def test_memory_names_the_moment_of_words() -> None:
    view = see("what moved after they said hello there", RECORDS[0])
    assert view is not None
    assert view.start_ns == 3 * S_NS
    assert view.anchor is not None


@pytest.mark.parametrize("anchor", [None, RECORDS[6], RECORDS[2]])
def test_another_moment_than_the_one_asked_for_is_not_taken(anchor: Hit | None) -> None:
    assert see("what moved after they said hello there", anchor) is None


def test_an_event_that_never_was_has_no_moment() -> None:
    assert see("what moved after the scene change") is None


def test_a_phrase_may_be_cut_by_a_pause() -> None:
    assert times(said("hearty welcome", RECORDS)) == [(8, 10)]


def test_much_worse_matches_are_not_meant() -> None:
    heard = [hit("utterance", 1, 2, "go forward ten meters"), hit("utterance", 5, 6, "go forward now please")]
    assert times(said("go forward ten meters", heard)) == [(1, 2)]


def test_what_memory_finds_by_meaning_counts_without_common_words() -> None:
    assert len(said("wedding", [hit("utterance", 1, 2, "had he married", score=0.9)])) == 1
    assert said("wedding", [hit("utterance", 1, 2, "had he married", score=0.5)]) == []


@pytest.mark.parametrize(("hz", "found"), [(440, 1), (450, 1), (500, 0), (0, 1)])
def test_tones_are_told_apart_by_pitch(hz: float, found: int) -> None:
    assert len(relevant(Topic(about="sound", label="tone", pitch_hz=hz), RECORDS)) == found


@pytest.mark.parametrize(
    ("topic", "picked"),
    [
        (Topic(about="motion"), [(14, 15), (20, 24)]),
        (Topic(about="motion", nth=2), [(20, 24)]),
        (Topic(about="motion", nth=-1), [(20, 24)]),
        (Topic(about="motion", nth=3), []),
        (Topic(about="motion", extreme="shortest"), [(14, 15)]),
    ],
)
def test_one_of_them_is_picked(topic: Topic, picked: list[tuple[float, float]]) -> None:
    assert times(pick(topic, relevant(topic, RECORDS))) == picked
