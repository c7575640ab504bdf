"""What a language model said -> an answer: each sentence with what stands behind it, or an abstention.

A sentence is supported when it relied on pictures and records more than on nothing at all (`level`). Where none is, the
answer abstains and says so. What the sensors missed is told in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reasoning.backend import Case, from_records
from reasoning.brief import clock_of
from reasoning.coverage import Coverage
from reasoning.draft import EVIDENCE_MAX
from reasoning.episodes import gather
from reasoning.evidence import Composed
from reasoning.prompt import UNKNOWN
from runtime.messages import Box, Evidence, Sentence

UNSUPPORTED = f"{UNKNOWN}: nothing that I saw or heard stands behind what I would say."
SILENT = f"{UNKNOWN}: my language model said nothing."
SENSES = ("video", "audio")
LONGEST = 16_000  # characters of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence as it was said, and what it rests on."""

    text: str
    evidence: tuple[Evidence, ...]  # strongest first
    reliance: float | None = None  # None where nobody measured


def compose(claims: Sequence[Claim], case: Case, level: float, remarks: Iterable[str]) -> Composed:
    """Return the answer that the claims are; those whose reliance is not above `level` have no support."""
    claims, cut = _shortened(claims)
    remarks = list(remarks)
    if remarks and claims and not re.search(r"[.!?…]\W*$", claims[-1].text):  # what they say is why it ends there
        claims[-1] = replace(claims[-1], text=f"{claims[-1].text} …")
    sentences = [
        Sentence(
            text=claim.text,
            supported=bool(claim.evidence) and (claim.reliance is None or claim.reliance > level),
            reliance=None if claim.reliance is None else round(claim.reliance, 4),
        )
        for claim in claims
    ]
    abstains = not claims or claims[0].text.startswith(UNKNOWN) or not any(one.supported for one in sentences)
    evidence: list[Evidence] = []
    if not claims:
        sentences = [Sentence(text=SILENT, supported=False)]
    elif abstains and not claims[0].text.startswith(UNKNOWN):
        sentences = [Sentence(text=UNSUPPORTED, supported=False)]
    elif abstains:
        sentences = [replace(sentence, supported=False) for sentence in sentences]
    else:
        pairs = zip(claims, sentences, strict=True)
        evidence = strongest(_joined(row for claim, one in pairs if one.supported for row in claim.evidence))
        sentences = [
            replace(one, rests_on=_places(claim.evidence, evidence)) if one.supported else one
            for claim, one in zip(claims, sentences, strict=True)
        ]
    notes = [*remarks, *cut, *missed(case)]
    said = {sentence.text for sentence in sentences}
    return Composed(
        sentences=(*sentences, *(Sentence(text=note, supported=False) for note in notes if note not in said)),
        abstained=abstains,
        evidence=tuple(evidence),
        blind=tuple(sorted(case.blind)),
        truncated=case.truncated,
    )


def _shortened(claims: Sequence[Claim]) -> tuple[list[Claim], list[str]]:
    """Return the claims as far as a message has room for them, and a remark where it ends."""
    kept: list[Claim] = []
    room = LONGEST
    for claim in claims:
        if room <= 0:
            break
        kept.append(replace(claim, text=claim.text[:room]))
        room -= len(claim.text)
    is_whole = room >= 0 and len(kept) == len(claims)
    return kept, [] if is_whole else [f"My answer ends here: it was longer than {LONGEST} characters."]


def refusal(reason: str, case: Case) -> Composed:
    """Return an abstention for a reason."""
    return Composed(
        sentences=(Sentence(text=f"{UNKNOWN}. {reason}", supported=False),),
        abstained=True,
        evidence=(),
        blind=tuple(sorted(case.blind)),
        truncated=case.truncated,
    )


def remarked(found: Composed, reason: str) -> Composed:
    """Return what the records say, and why they alone were asked."""
    return replace(found, sentences=(*found.sentences, Sentence(text=reason, supported=False)))


def records_alone(case: Case, reason: str) -> Composed:
    """Return what the records say, and for which reason the model was not asked."""
    return remarked(from_records(case), f"{reason}, so only the records answer.")


def frame_row(record_id: str, stream: str, start_s: float, end_s: float, box: Box | None, score: float) -> Evidence:
    """Return pictures that were looked at as evidence, opened through the record of one; seconds of the session."""
    return Evidence(
        clip_id="",
        record_id=record_id,
        stream=stream,
        kind="frame",
        start_s=start_s,
        end_s=end_s,
        box=box,
        score=score,
        text="",
    )


def strongest(rows: Iterable[Evidence]) -> list[Evidence]:
    """Return each piece of evidence once, by its best score, the strongest first, at most as many as an answer has."""
    best: dict[tuple[str, str, float, float], Evidence] = {}
    for row in rows:
        key = _key(row)
        if key not in best or row.score > best[key].score:
            best[key] = row
    return sorted(best.values(), key=lambda row: -row.score)[:EVIDENCE_MAX]


def _places(rows: Iterable[Evidence], evidence: Sequence[Evidence]) -> tuple[int, ...]:
    """Return where some rows stand in an answer's evidence."""
    rows = list(rows)
    return tuple(place for place, piece in enumerate(evidence) if any(_is_part(row, piece) for row in rows))


def _is_part(row: Evidence, piece: Evidence) -> bool:
    if not (_is_looked_at(row) and _is_looked_at(piece)):
        return _key(row) == _key(piece)
    return row.stream == piece.stream and piece.start_s <= row.start_s and row.end_s <= piece.end_s


def _joined(rows: Iterable[Evidence]) -> list[Evidence]:
    """Return rows with stretches of pictures that share some joined, so that no picture stands in two pieces.

    The score stays the best that one of the sentences gave: what each looked at is a share, and sums would be none.
    Stretches that only stand next to each other are of different sentences, and stay what each of them looked at.
    """
    rows = list(rows)
    pieces: list[Evidence] = []
    for row in sorted(filter(_is_looked_at, rows), key=lambda row: (row.stream, row.start_s, row.end_s)):
        if pieces and pieces[-1].stream == row.stream and row.start_s <= pieces[-1].end_s:
            pieces[-1] = _join(pieces[-1], row)
        else:
            pieces.append(row)
    return [*pieces, *(row for row in rows if not _is_looked_at(row))]


def _join(first: Evidence, second: Evidence) -> Evidence:
    box = first.box or second.box
    if first.box is not None and second.box is not None:
        (left, top, right, bottom), other = first.box, second.box
        box = min(left, other[0]), min(top, other[1]), max(right, other[2]), max(bottom, other[3])
    best = max(first, second, key=lambda row: row.score)
    return replace(best, start_s=first.start_s, end_s=max(first.end_s, second.end_s), box=box)


def _is_looked_at(row: Evidence) -> bool:
    """Whether it is pictures: a record of a cut in the scene is of their kind, and has words."""
    return row.kind == "frame" and not row.text


def _key(row: Evidence) -> tuple[str, str, float, float]:
    return row.record_id, row.kind, row.start_s, row.end_s


def missed(case: Case) -> list[str]:
    """Return a sentence for each stream that saw or heard nothing in the time that was asked about, or now."""
    start_ns, end_ns = window_of(case)
    gaps = gather(case.recalled.timeline, "gap") if case.recalled is not None else []
    coverage = Coverage(
        streams=case.sensors,
        blind=case.blind,
        blind_ns=case.blind_ns,
        clock=clock_of(case),
        windows=((start_ns, end_ns),),
        gaps=gaps,
    )
    return coverage.notes(SENSES)  # type: ignore[arg-type]


def window_of(case: Case) -> tuple[int, int]:
    """Return the time that is asked about: the recalled window, up to the question."""
    if case.recalled is None:
        return case.asked_ns, case.asked_ns
    return max(case.recalled.start_ns, case.recalled.session_start_ns), min(case.recalled.end_ns, case.asked_ns)
