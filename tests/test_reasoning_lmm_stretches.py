"""Frames next to each other that were looked at become one stretch; what lies between them keeps them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lmm.alignment import Seen
from reasoning.lmm.looking import Shown
from reasoning.lmm.stretches import GAP_NS, Look, Stretch, stretches
from runtime.messages import Box
from tests.cases import S

BOX: Box = (0.25, 0.25, 0.5, 0.5)
LEAST = 0.1


def shown(t_ns: int, stream: str = "cam") -> Shown:
    return Shown(record_id=f"s/{stream}/0/frame-{t_ns}", stream=stream, t_ns=t_ns)


def look(second: float, share: float, stream: str = "cam", box: Box = BOX) -> Look:
    return shown(round(second * S), stream), Seen(block=round(second * S), share=share, box=box)


def spans(found: Sequence[Stretch]) -> list[tuple[str, float, float]]:
    return [(one.strongest.stream, one.start_ns / S, one.end_ns / S) for one in found]


def test_neighbours_are_one_stretch_with_all_their_looks_opened_at_the_strongest() -> None:
    (one,) = stretches(
        [
            look(3, 0.3, box=(0.5, 0.0, 0.75, 0.5)),
            look(2, 0.2, box=(0.25, 0.25, 0.5, 1.0)),
            look(4, 0.1, box=(0.75, 0.25, 1.0, 0.5)),
        ],
        [],
        LEAST,
    )
    assert (one.strongest, one.start_ns, one.end_ns) == (shown(3 * S), 2 * S, 4 * S)
    assert one.share == pytest.approx(0.6)
    assert one.box == (0.25, 0.0, 1.0, 1.0)


def test_a_frame_alone_stays_a_moment_with_its_own_box() -> None:
    (one,) = stretches([look(2, 0.2), look(3, 0.0)], [], LEAST)
    assert (one.start_ns, one.end_ns, one.share, one.box) == (2 * S, 2 * S, 0.2, BOX)


def test_a_frame_that_was_not_looked_at_keeps_its_neighbours_apart_and_the_stronger_come_first() -> None:
    found = stretches([look(1, 0.1), look(2, 0.1), look(3, 0.09), look(4, 0.5)], [], LEAST)
    assert spans(found) == [("cam", 4, 4), ("cam", 1, 2)]


def test_a_frame_that_was_kept_but_did_not_come_back_keeps_its_neighbours_apart() -> None:
    frames = [look(1, 0.3), look(2, 0.2)]
    assert spans(stretches(frames, [shown(round(1.5 * S))], LEAST)) == [("cam", 1, 1), ("cam", 2, 2)]
    assert spans(stretches(frames, [shown(round(1.5 * S), "door"), shown(3 * S)], LEAST)) == [("cam", 1, 2)]


def test_a_long_time_without_pictures_keeps_frames_apart() -> None:
    gap_s = GAP_NS / S
    assert len(stretches([look(1, 0.3), look(1 + gap_s, 0.2)], [], LEAST)) == 1
    assert len(stretches([look(1, 0.3), look(1.001 + gap_s, 0.2)], [], LEAST)) == 2


def test_cameras_have_stretches_of_their_own() -> None:
    found = stretches([look(1, 0.1), look(1, 0.2, "door"), look(2, 0.2), look(2, 0.01, "door")], [], LEAST)
    assert spans(found) == [("cam", 1, 2), ("door", 1, 1)]


def test_a_picture_that_was_shown_twice_is_one_moment() -> None:
    (one,) = stretches([look(2, 0.25), look(2, 0.01), look(3, 0.25)], [shown(2 * S)], LEAST)
    assert (one.start_ns, one.end_ns) == (2 * S, 3 * S)
    assert one.share == pytest.approx(0.51)


frames_of_two_cameras = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["cam", "door"]), st.sampled_from([None, 0.0, 0.05, 0.1, 0.2])),
    max_size=16,
    unique_by=lambda one: one[:2],
)


@given(frames_of_two_cameras)
def test_stretches_are_the_connected_frames(kept: list[tuple[int, str, float | None]]) -> None:
    """Slow reference: two frames are together where each one kept between them is evidence, none far from the next."""
    frames = [look(second, share, stream) for second, stream, share in kept if share is not None]
    unseen = [shown(second * S, stream) for second, stream, share in kept if share is None]
    evidence = {(stream, second) for second, stream, share in kept if share is not None and share >= LEAST}

    def are_one(stream: str, first: int, last: int) -> bool:
        between = sorted(second for second, other, _ in kept if other == stream and first <= second <= last)
        near = all(later - earlier <= GAP_NS // S for earlier, later in pairwise(between))
        return near and all((stream, second) in evidence for second in between)

    expected = set()
    for stream, second in evidence:
        mine = [one for other, one in evidence if other == stream and are_one(stream, *sorted((one, second)))]
        expected.add((stream, min(mine), max(mine)))
    found = stretches(frames, unseen, LEAST)
    assert sorted(spans(found)) == sorted(expected)
    assert sum(one.share for one in found) == pytest.approx(
        sum(share for _, _, share in kept if share is not None and share >= LEAST)
    )
