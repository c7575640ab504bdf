"""What a sentence looked at becomes its evidence where it stands out; neighbours are one piece, and hidden as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from reasoning.brief import Brief
from reasoning.evidence import Composed
from reasoning.lmm.alignment import Seen
from reasoning.lmm.cache import Notes
from reasoning.lmm.looking import Shown, Spoken
from reasoning.spoken import compose, frame_row
from reasoning.tied import measured, tie
from tests.cases import S, case
from tests.test_reasoning_lmm_stream import pictures
from tests.test_reasoning_lmm_watch import ASKED, look, shown, watcher
from tests.test_reasoning_spoken import row


def looked(pieces: int, *shares: float, lines: tuple[float, ...] = (), every_s: int = 20) -> Spoken:
    frames = [
        (
            Shown(record_id=f"s/cam/0/frame-{number}", stream="cam", t_ns=every_s * number * S),
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
    assert [(one.start_s, one.box) for one in claim.evidence] == [
        (n, (0.0, 0.0, 0.5, 0.5)) for n in range(0, 20 * named, 20)
    ]


def test_frames_next_to_each_other_are_one_piece_of_evidence() -> None:
    (claim,) = tie([looked(6, 0.15, 0.3, 0.2, 0.05, 0.11, every_s=2)], [], case())
    rows = [(one.record_id[-1], one.start_s, one.end_s, one.score) for one in claim.evidence]
    assert rows == [("1", 0.0, 4.0, 0.65), ("4", 8.0, 8.0, 0.11)]


def test_the_three_strongest_stretches_of_a_sentence_are_evidence() -> None:
    (claim,) = tie([looked(40, 0.1, 0.2, 0.0, 0.15, 0.0, 0.25, 0.0, 0.1, 0.1, every_s=1)], [], case())
    assert [(one.start_s, one.end_s) for one in claim.evidence] == [(0, 1), (5, 5), (7, 8)]


def test_lines_among_many_pieces_are_evidence_too() -> None:
    (claim,) = tie([looked(60, 0.02, lines=(0.2, 0.04, 0.01))], [(row(7),), (row(8), row(9)), (row(10),)], case())
    assert [(one.record_id[-1], one.score) for one in claim.evidence] == [("7", 0.2), ("8", 0.04), ("9", 0.04)]


@pytest.mark.slow
@torch.inference_mode()
def test_all_frames_of_a_stretch_are_hidden_together() -> None:
    """Slow reference: each frame's keys hidden by hand."""
    one = watcher()
    look(one, 4)
    told = Brief(prompt=replace(ASKED, lines=()), evidence=())
    "".join(one.answer(told.prompt, 8))
    asked = case()
    composed = compose(tie(one.spoken, told.evidence, asked), asked, 0.0, [])
    (row,) = measured(composed, one, told, asked).evidence
    assert (row.start_s, row.end_s) == (0.0, 3.0)  # a model that learnt nothing looks at all of them
    ids, _ = one._tokens(told.prompt)

    def hides(notes: Notes) -> list[torch.Tensor]:
        hidden = torch.zeros(len(notes) + len(ids), dtype=torch.bool)
        for key, block in enumerate(notes.block.tolist()):
            hidden[key] = 0 <= block <= 3
        return [hidden]

    whole, without = one.stream.score(ids, one.said, hides)
    assert row.effect == pytest.approx(whole - without, abs=1e-3)
    (of_one,), _ = one.effects(told.prompt, [{row.record_id}], [])
    assert abs(of_one - (whole - without)) > 1e-3


@pytest.mark.slow
@torch.inference_mode()
def test_a_frame_of_another_camera_is_not_hidden_with_a_stretch() -> None:
    one = watcher()
    for number in range(3):
        one.see(pictures(3)[number], shown(number), "")
        one.see(pictures(3)[2 - number], shown(number, "door"), "")
    "".join(one.answer(ASKED, 8))
    asked = case()
    row = frame_row(shown(1).record_id, "cam", 0.0, 1.0, None, 0.5)
    given = Composed(sentences=(), abstained=False, evidence=(row,), blind=(), truncated=False)
    (explained,) = measured(given, one, Brief(prompt=ASKED, evidence=((), ())), asked).evidence
    (effect,), _ = one.effects(ASKED, [{shown(0).record_id, shown(1).record_id}], [])
    assert explained == replace(row, effect=round(effect, 3))
