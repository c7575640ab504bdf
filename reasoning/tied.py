"""What a language model looked at, tied to what can be opened: frames, records, and what hiding them would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reasoning.backend import Case
from reasoning.brief import Brief, clock_of
from reasoning.evidence import Composed
from reasoning.lmm.looking import Shown, Spoken
from reasoning.lmm.stretches import stretches
from reasoning.lmm.watch import Watcher
from reasoning.spoken import Claim, frame_row, strongest
from reasoning.timepoints import S_NS
from runtime.messages import Evidence

LEAST_SHARE = 0.1  # of all that a sentence looked at: less is no evidence,
STANDS_OUT = 2.0  # unless it is so many times what each of many pieces would have if all were looked at alike
STRETCHES = 3  # of frames that one sentence rests on at most: the strongest


def tie(spoken: Sequence[Spoken], lines: Sequence[Sequence[Evidence]], case: Case) -> list[Claim]:
    """Return the sentences with frames and records as evidence; `lines` are what each quoted line rests on."""
    origin_ns = clock_of(case).origin_ns
    return [
        Claim(
            text=sentence.text,
            evidence=tuple(strongest(_evidence(sentence, lines, origin_ns))),
            reliance=sentence.reliance,
        )
        for sentence in spoken
    ]


def measured(composed: Composed, watcher: Watcher, told: Brief, case: Case) -> Composed:
    """Return the answer with the effect of hiding each piece of evidence from it, all frames of a stretch together."""
    lines_of: dict[Evidence, list[int]] = {}  # a record may stand in what was counted and in a line of its own
    for number, rows in enumerate(told.evidence):
        for row in rows:
            lines_of.setdefault(replace(row, score=0.0), []).append(number)
    known = [(row, lines_of.get(replace(row, score=0.0))) for row in composed.evidence]
    lines = {row: places for row, places in known if places}
    frames = [row for row in composed.evidence if row not in lines]
    origin_ns = clock_of(case).origin_ns
    shown = {one for sentence in watcher.spoken for one, _ in sentence.frames}
    hidden = [_records(row, shown, origin_ns) for row in frames]
    of_frames, of_lines = watcher.effects(told.prompt, hidden, list(lines.values()))
    effects = dict(zip([*frames, *lines], [*of_frames, *of_lines], strict=True))
    return replace(composed, evidence=tuple(replace(row, effect=round(effects[row], 3)) for row in composed.evidence))


def _evidence(sentence: Spoken, lines: Sequence[Sequence[Evidence]], origin_ns: int) -> list[Evidence]:
    least = min(LEAST_SHARE, STANDS_OUT / max(1, sentence.pieces))
    frames = [
        frame_row(
            one.strongest.record_id,
            one.strongest.stream,
            _at_s(one.start_ns, origin_ns),
            _at_s(one.end_ns, origin_ns),
            one.box,
            round(one.share, 3),
        )
        for one in stretches(sentence.frames, sentence.unseen, least)[:STRETCHES]
    ]
    quoted = [
        replace(row, score=round(share, 3))
        for share, rows in zip(sentence.lines, lines, strict=False)
        for row in rows
        if share >= least
    ]
    return [*frames, *quoted]


def _records(row: Evidence, shown: Iterable[Shown], origin_ns: int) -> set[str]:
    """Return the records of all frames that a row of evidence is about: none lies between them that is none of it."""
    mine = [one for one in shown if one.stream == row.stream]
    return {one.record_id for one in mine if row.start_s <= _at_s(one.t_ns, origin_ns) <= row.end_s}


def _at_s(t_ns: int, origin_ns: int) -> float:
    return round((t_ns - origin_ns) / S_NS, 3)
