"""Pieces become episodes, windows cut them, and what is left between them is quiet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.episodes import NO_WORDS, QUIET_NS, Episode, cut, gather, quiet, total_ns, within
from reasoning.timepoints import S_NS
from runtime.messages import Box, Hit

TEXTS = {"motion": "movement", "utterance": "go forward", "sound": "tone at 440 Hz", "frame": "scene change", "gap": ""}
STREAMS = {"motion": "camera", "frame": "camera", "utterance": "microphone", "sound": "microphone", "gap": "camera"}


def hit(
    kind: str,
    start_s: float,
    end_s: float,
    text: str | None = None,
    *,
    box: Box | None = None,
    level: float = 0.1,
    score: float = 0.0,
    stream: str = "",
) -> Hit:
    """Return a record as memory returns it."""
    return Hit(
        record_id=f"s/{stream or STREAMS[kind]}/0/{kind}-{round(start_s * 1000)}",
        clip_id="s/camera/0/clip-0",
        stream=stream or STREAMS[kind],
        kind=kind,
        start_ns=round(start_s * S_NS),
        end_ns=round(end_s * S_NS),
        text=TEXTS[kind] if text is None else text,
        score=score,
        box=box,
        level=level,
    )


def times(episodes: Sequence[Episode]) -> list[tuple[float, float]]:
    """Return their borders in seconds."""
    return [(episode.start_ns / S_NS, episode.end_ns / S_NS) for episode in episodes]


def test_touching_pieces_are_one_movement() -> None:
    pieces = [hit("motion", 3, 5), hit("motion", 5, 7), hit("motion", 7.9, 8.4), hit("motion", 9.5, 10)]
    assert times(gather(pieces, "motion")) == [(3, 8.4), (9.5, 10)]


def test_streams_are_merged_apart() -> None:
    pieces = [hit("motion", 3, 5), hit("motion", 4, 6, stream="other")]
    assert times(gather(pieces, "motion")) == [(3, 5), (4, 6)]


def test_only_cuts_are_scene_changes() -> None:
    frames = [
        hit("frame", 1, 1, "picture"),
        hit("frame", 2, 2),
        hit("frame", 2.5, 2.5, "scene change to a dark picture"),
    ]
    assert times(gather(frames, "frame")) == [(2, 2), (2.5, 2.5)]


def test_different_tones_that_touch_stay_two() -> None:
    tones = [hit("sound", 1, 2, "tone at 440 Hz"), hit("sound", 2, 3, "tone at 880 Hz")]
    assert len(gather(tones, "sound")) == 2


def test_unrecognised_speech_has_no_words() -> None:
    turn = gather([hit("utterance", 1, 2, NO_WORDS), hit("utterance", 2.2, 3, "hello")], "utterance")
    assert [episode.words for episode in turn] == ["hello"]


def test_places_follow_the_movement() -> None:
    left, right = (0.0, 0.4, 0.2, 0.6), (0.8, 0.4, 1.0, 0.6)
    pieces = [hit("motion", 1, 2, box=left), hit("motion", 2, 3, box=left), hit("motion", 3, 4, box=right)]
    assert gather(pieces, "motion")[0].places == ("on the left", "on the right")


def test_windows_cut_and_leave_out_what_only_grazes_them() -> None:
    episodes = gather([hit("motion", 3, 5), hit("motion", 8, 10.1), hit("motion", 19.9, 25)], "motion")
    assert times(within(episodes, 4 * S_NS, 10 * S_NS)) == [(4, 5), (8, 10)]
    assert times(within(episodes, 10 * S_NS, 20 * S_NS)) == []


def test_a_moment_inside_the_window_is_kept() -> None:
    cuts = gather([hit("frame", 5, 5)], "frame")
    assert times(within(cuts, 4 * S_NS, 6 * S_NS)) == [(5, 5)]
    assert times(within(cuts, 6 * S_NS, 8 * S_NS)) == []


def test_quiet_is_what_lies_between() -> None:
    episodes = gather([hit("motion", 3, 5), hit("motion", 5.5, 7), hit("motion", 9, 10)], "motion")
    assert quiet(episodes, 0, 12 * S_NS) == [(0, 3 * S_NS), (7 * S_NS, 9 * S_NS), (10 * S_NS, 12 * S_NS)]


def test_a_short_window_has_short_quiet() -> None:
    breath = gather([hit("sound", 47.4, 47.9)], "sound")
    assert quiet(breath, 47 * S_NS, 48 * S_NS) == [(47 * S_NS, 47_400_000_000)]
    assert quiet(breath, 46_900_000_000, 52 * S_NS) == [(47_900_000_000, 52 * S_NS)]


def test_overlapping_episodes_count_once() -> None:
    both = [*gather([hit("motion", 3, 6)], "motion"), *gather([hit("sound", 5, 8)], "sound")]
    assert total_ns(both) == 5 * S_NS


spans = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30)), max_size=30)


@given(spans, st.integers(0, 60), st.integers(0, 60))
def test_episodes_and_quiet_fill_the_window(pieces: list[tuple[int, int]], start_s: int, length_s: int) -> None:
    hits = [hit("motion", a / 10, (a + b) / 10) for a, b in pieces]
    start_ns, end_ns = start_s * S_NS, (start_s + length_s) * S_NS
    episodes = within(gather(hits, "motion"), start_ns, end_ns)
    assert all(start_ns <= episode.start_ns <= episode.end_ns <= end_ns for episode in episodes)
    still = quiet(episodes, start_ns, end_ns)
    assert all(start_ns <= a < b <= end_ns for a, b in still)
    covered = total_ns(episodes) + sum(b - a for a, b in still)
    assert covered <= length_s * S_NS
    assert covered >= length_s * S_NS - (len(episodes) + 1) * QUIET_NS


@given(spans)
def test_merging_in_pieces_equals_merging_the_whole(pieces: list[tuple[int, int]]) -> None:
    hits = [hit("motion", a / 10, (a + b) / 10) for a, b in pieces]
    assert times(gather(hits, "motion")) == times(gather(reversed(hits), "motion"))


@pytest.mark.parametrize("kind", ["motion", "utterance", "sound", "frame", "gap"])
def test_nothing_gives_nothing(kind: str) -> None:
    assert gather([], kind) == []


def test_a_gap_is_one_as_long_as_its_reason_stays() -> None:
    told = [
        hit("gap", 2, 12, "nothing received for 10.0 s: no signal"),
        hit("gap", 12, 15, "nothing received for 3.0 s: no signal"),
        hit("gap", 15, 20, "nothing received for 5.0 s: not running"),
    ]
    gaps = gather(told, "gap")
    assert times(gaps) == [(2, 15), (15, 20)]
    assert [gap.told for gap in gaps] == ["no signal", "not running"]


def test_text_and_box_of_an_episode_come_from_all_its_pieces() -> None:
    left, right = (0.0, 0.4, 0.2, 0.6), (0.8, 0.3, 1.0, 0.6)
    pieces = [
        hit("motion", 1, 2, "movement on the left", box=left, level=0.1),
        hit("motion", 2, 3, "movement on the right", box=right, level=0.9),
    ]
    (one,) = gather(pieces, "motion")
    assert (one.told, one.box) == ("movement on the left, then on the right", (0.0, 0.3, 1.0, 0.6))
    (alone,) = gather(pieces[1:], "motion")
    assert (alone.told, alone.box) == ("movement on the right", right)


def test_parts_in_the_windows_are_counted_once() -> None:
    assert cut([(0, 5), (3, 8), (20, 30)], [(2, 25)]) == [(2, 8), (20, 25)]


CORNERS = ((0.05, 0.05, 0.2, 0.2), (0.05, 0.4, 0.2, 0.6), (0.4, 0.4, 0.6, 0.6), (0.8, 0.4, 0.9, 0.6))


def test_a_movement_was_in_all_its_places_and_the_first_are_told() -> None:
    pieces = [hit("motion", i, i + 1, f"movement {i}", box=box) for i, box in enumerate(CORNERS)]
    (one,) = gather(pieces, "motion")
    assert one.places == ("at the top left", "on the left", "in the middle", "on the right")
    assert one.told == "movement at the top left, then on the left, then in the middle, then elsewhere"
