"""From moving frames to intervals in pieces."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perception.change import Change
from perception.motion import LONGEST_PIECE_NS, MotionPiece, MotionSegments
from runtime.messages import Box

S = 1_000_000_000
FRAME_NS = S // 10
LEFT: Box = (0.0, 0.0, 0.2, 0.2)
RIGHT: Box = (0.7, 0.7, 1.0, 1.0)


def change(*boxes: Box, is_cut: bool = False, area: float = 0.1) -> Change:
    moved = np.zeros((2, 2), np.bool_)
    return Change(
        novelty=0.0, is_cut=is_cut, moved=moved, boxes=boxes, area=area if boxes else 0.0, luma=0.5, contrast=0.2
    )


def run(moving: list[bool], frame_ns: int = FRAME_NS) -> list[MotionPiece]:
    segments = MotionSegments()
    pieces = []
    for seq, is_moving in enumerate(moving):
        pieces += segments.step(change(LEFT) if is_moving else change(), seq * frame_ns)
    return pieces + segments.flush(len(moving) * frame_ns)


def spans(pieces: list[MotionPiece]) -> list[tuple[float, float]]:
    """Join the pieces that touch, in seconds."""
    joined: list[tuple[float, float]] = []
    for piece in pieces:
        start_s, end_s = piece.start_ns / S, piece.end_ns / S
        if joined and joined[-1][1] == start_s:
            start_s = joined.pop()[0]
        joined.append((start_s, end_s))
    return joined


def test_a_flicker_of_one_frame_is_no_movement() -> None:
    assert run([False, True, False, False, False, False, True, False, False]) == []


def test_movement_lasts_from_its_first_to_its_last_frame() -> None:
    assert spans(run([False] * 5 + [True] * 10 + [False] * 20)) == [(0.5, 1.4)]


def test_a_short_rest_does_not_end_it_and_a_longer_one_does() -> None:
    moving = [True] * 5 + [False] * 7 + [True] * 5 + [False] * 9 + [True] * 5
    assert spans(run(moving)) == [(0.0, 1.6), (2.6, 3.0)]


def test_long_movement_is_told_soon_and_then_in_ever_longer_touching_pieces() -> None:
    segments = MotionSegments()
    known_after: list[float] = []
    for seq in range(76):
        known_after += [seq / 10 for _ in segments.step(change(LEFT), seq * FRAME_NS)]
    assert known_after == [0.6, 1.6, 3.6, 5.6]
    pieces = run([True] * 76)
    assert [piece.end_ns / S for piece in pieces] == [0.5, 1.5, 3.5, 5.5, 7.5]
    assert spans(pieces) == [(0, 7.5)]


def test_a_camera_at_two_frames_a_second_sees_movement_too() -> None:
    assert spans(run([False, True, True, True, False, False], S // 2)) == [(0.5, 1.5)]


def test_a_cut_ends_the_movement_and_is_none_itself() -> None:
    segments = MotionSegments()
    pieces = [piece for seq in range(5) for piece in segments.step(change(LEFT), seq * FRAME_NS)]
    pieces += segments.step(change(RIGHT, is_cut=True, area=1.0), 5 * FRAME_NS)
    assert spans(pieces) == [(0.0, 0.4)]
    assert segments.flush(6 * FRAME_NS) == []


def test_boxes_are_hulls_of_where_each_thing_went() -> None:
    segments = MotionSegments()
    for seq in range(5):
        walker: Box = (0.05 * seq, 0.0, 0.05 * seq + 0.2, 0.2)
        segments.step(change(walker, RIGHT, area=0.01 * seq + 0.05), seq * FRAME_NS)
    (piece,) = segments.flush(S)
    (first, second) = piece.boxes
    assert first == RIGHT or second == RIGHT
    np.testing.assert_allclose(min(piece.boxes), (0.0, 0.0, 0.4, 0.2))
    assert round(piece.area, 6) == 0.09


def test_too_small_a_part_of_the_picture_is_ignored() -> None:
    segments = MotionSegments()
    for seq in range(20):
        assert segments.step(change(LEFT, area=0.001), seq * FRAME_NS) == []
    assert segments.flush(2 * S) == []


@given(st.lists(st.booleans(), max_size=200), st.integers(S // 60, 3 * S))
def test_pieces_are_in_order_short_and_within_the_stream(moving: list[bool], frame_ns: int) -> None:
    pieces = run(moving, frame_ns)
    edge_ns = 0
    for piece in pieces:
        assert edge_ns <= piece.start_ns < piece.end_ns <= len(moving) * frame_ns
        assert piece.end_ns - piece.start_ns <= LONGEST_PIECE_NS
        assert piece.boxes
        edge_ns = piece.end_ns
