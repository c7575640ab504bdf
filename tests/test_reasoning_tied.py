"""What a sentence looked at becomes its evidence where it stands out, however many pieces share the looks."""

from __future__ import annotations

import pytest

from reasoning.lmm.alignment import Seen
from reasoning.lmm.looking import Shown, Spoken
from reasoning.tied import tie
from tests.cases import S, case
from tests.test_reasoning_spoken import row


def looked(pieces: int, *shares: float, lines: tuple[float, ...] = ()) -> Spoken:
    frames = [
        (
            Shown(record_id=f"s/cam/0/frame-{number}", stream="cam", t_ns=number * S),
            Seen(block=number, share=share, box=(0.0, 0.0, 0.5, 0.5)),
        )
        for number, share in enumerate(shares)
    ]
    return Spoken(text="A.", reliances=[1.0], frames=frames, lines=list(lines), pieces=pieces)


@pytest.mark.parametrize(
    ("pieces", "shares", "named"),
    [
        (5, (0.5, 0.11, 0.09), 2),
        (20, (0.5, 0.11, 0.09), 2),
        (80, (0.06, 0.03, 0.02), 2),  # alike would be 0.0125 each
        (80, (0.02, 0.02, 0.02), 0),
        (0, (), 0),
    ],
)
def test_a_frame_is_evidence_where_it_stands_out(pieces: int, shares: tuple[float, ...], named: int) -> None:
    (claim,) = tie([looked(pieces, *shares)], [], case())
    assert [one.score for one in claim.evidence] == list(shares[:named])
    assert [(one.start_s, one.box) for one in claim.evidence] == [(n, (0.0, 0.0, 0.5, 0.5)) for n in range(named)]


def test_lines_among_many_pieces_are_evidence_too() -> None:
    (claim,) = tie([looked(60, 0.02, lines=(0.2, 0.04, 0.01))], [(row(7),), (row(8), row(9)), (row(10),)], case())
    assert [(one.record_id[-1], one.score) for one in claim.evidence] == [("7", 0.2), ("8", 0.04), ("9", 0.04)]
