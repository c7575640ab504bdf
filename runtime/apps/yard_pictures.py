"""Pictures of hits and misses from the recordings, with what was asked, said and true, and the boxes of both."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from perception.yard.lens import Lens
from perception.yard.sayings import say_answer
from runtime.apps.page import text
from runtime.apps.present import clock
from runtime.apps.yard_recording import picture_at, pictures_in
from runtime.apps.yard_replies import Row
from runtime.apps.yard_trust import NEAR_S
from runtime.messages import Box

SHOWN = 6  # of hits, and of misses


def pictures(rows: Iterable[Row], paths: Mapping[int, Path]) -> Iterator[str]:
    """Yield a figure for some hits and some misses among the questions that have a place in the picture."""
    placed = [row for row in rows if row.question.evidence.boxes]
    for name, verdicts in (("Hits", ("right",)), ("Misses", ("wrong", "unparsed", "abstained"))):
        some = chosen([row for row in placed if row.verdict in verdicts], verdicts)
        boxes = '<b class="new">truth</b>, <b class="second">evidence</b>'
        yield f"<h2>{name} <small>{len(some)} of those that have a place in the picture; {boxes}</small></h2>"
        if not some:
            yield "<p class=soft>none</p>"
        yield f'<div class="pictures">{"".join(_figure(row, paths[row.world]) for row in some)}</div>'


def chosen(rows: Sequence[Row], verdicts: Sequence[str]) -> list[Row]:
    """Return some rows: those with a box of their own first, then by verdict, each group once before any twice."""
    ordered = sorted(
        rows,
        key=lambda row: (
            not any(one.box for one in row.reply.evidence),
            verdicts.index(row.verdict),
            row.world,
            row.id,
        ),
    )
    firsts = {row.group: row for row in reversed(ordered)}
    once = [row for row in ordered if firsts[row.group] is row]
    return [*once, *(row for row in ordered if firsts[row.group] is not row)][:SHOWN]


def moment_of(row: Row) -> float:
    """Return the moment to show: of a true box that is nearest to evidence with a box, else the middle one."""
    times = sorted({at_s for at_s, _, _ in row.question.evidence.boxes})
    boxed = [one for one in row.reply.evidence if one.box is not None]
    if not boxed:
        return times[len(times) // 2]
    return min(times, key=lambda at_s: min(max(one.start_s - at_s, at_s - one.end_s, 0.0) for one in boxed))


def _figure(row: Row, path: Path) -> str:
    at_s = moment_of(row)
    true = [box for when_s, _, box in row.question.evidence.boxes if abs(when_s - at_s) < NEAR_S / 2]
    given = [
        one.box
        for one in row.reply.evidence
        if one.box is not None and one.start_s - NEAR_S <= at_s <= one.end_s + NEAR_S
    ]
    lens = Lens()
    data = base64.b64encode(picture_at(pictures_in(path), at_s)).decode()
    size = f'width="{lens.width_px}" height="{lens.height_px}"'
    image = f'<image href="data:image/jpeg;base64,{data}" {size}/>'
    boxes = "".join(_rect(box, "new", lens) for box in true[:1]) + "".join(_rect(box, "second", lens) for box in given)
    answer = say_answer(row.question.answer, row.question.asked_s)
    when = f"picture at {clock(at_s)}, asked at {clock(row.question.asked_s)}, world {row.world}"
    return (
        f'<figure><svg viewBox="0 0 {lens.width_px} {lens.height_px}" role="img">{image}{boxes}</svg>'
        f"<figcaption><b>{text(row.question.text)}</b><br>{text(row.reply.text)}<br>"
        f'<span class="new">{text(answer)}</span> <span class=soft>{text(row.verdict)}; {text(when)}</span>'
        "</figcaption></figure>"
    )


def _rect(box: Box, name: str, lens: Lens) -> str:
    x0, x1 = (edge * lens.width_px for edge in (box[0], box[2]))
    y0, y1 = (edge * lens.height_px for edge in (box[1], box[3]))
    place = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
    return f'<rect class="box {name}" {place}/>'
