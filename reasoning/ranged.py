"""Answers from what radars followed: did something come nearer, how fast, how far away, when, on which side.

A radar speaks where it is named, and where a distance, a speed or an approach is asked for, which nothing else knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reasoning.episodes import Episode, gather
from reasoning.patterns import has
from reasoning.rangewords import AWAY, CLOSEST, FAR, FAST, KIND, NEARER, RADAR, asks_range
from reasoning.timepoints import S_NS
from reasoning.wording import count, length, listing, plain
from runtime.messages import Hit

if TYPE_CHECKING:
    from reasoning.coverage import Coverage
    from reasoning.draft import Draft
    from reasoning.understand import Question
    from runtime.messages import Recalled

TOLD_MAX = 3
AROUND_NS = 3 * S_NS  # a moment: what is followed is told of every two seconds
ALSO_NS = S_NS
NEARER_M = 0.5

_TEXT = re.compile(
    r"track (?P<track>\d+): .*?(?:from (?P<from>[\d.]+) m to (?P<to>[\d.]+) m|moved at (?P<at>[\d.]+) m)"
    r", (?P<speed>[\d.]+) m/s fast, (?P<side>[a-z ]+)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One track, put together from its pieces."""

    hits: tuple[Hit, ...]  # oldest first
    from_m: float
    to_m: float
    nearest_m: float
    speed_mps: float
    sides: tuple[str, ...]

    @property
    def start_ns(self) -> int:
        """When it was first followed."""
        return self.hits[0].start_ns

    @property
    def end_ns(self) -> int:
        """Until when."""
        return max(hit.end_ns for hit in self.hits)

    @property
    def came_nearer(self) -> bool:
        """Whether it came nearer at least for a while."""
        return self.from_m - self.nearest_m >= NEARER_M

    @property
    def went_away(self) -> bool:
        """Whether it went away in the end."""
        return self.to_m - self.nearest_m >= NEARER_M


def tell_ranged(question: Question, recalled: Recalled, coverage: Coverage, draft: Draft) -> bool:
    """Answer from radars; False where the question is none for them."""
    radars = sorted(name for name, sensor in coverage.streams.items() if sensor == "radar")
    is_named = has(RADAR, question.text.lower())
    if question.is_many or not asks_range(question) or not (radars or is_named):
        return False
    if question.anchor is not None or question.rivals is not None:
        if is_named:
            draft.abstain("I cannot place yet what a radar followed beside other events.")
        return is_named
    start_ns, end_ns = _window(question, recalled, draft.clock.asked_ns)
    coverage = replace(coverage, windows=((start_ns, end_ns),), gaps=gather(recalled.timeline, "gap"))
    if why_not := coverage.why_not({"radar"}):
        draft.abstain(why_not)
        return True
    hits = [hit for hit in recalled.timeline if hit.kind == KIND and hit.stream in radars]
    tracks = [one for one in follow(hits) if one.start_ns <= end_ns and one.end_ns >= start_ns]
    tracks = [one for one in tracks if _is_meant(question, one)]
    if tracks:
        _tell(question, tracks, draft)
    else:
        rows = draft.watched(radars, start_ns, end_ns, "nothing followed")
        text = f"{_titles(radars)} followed nothing{_way(question)} {draft.clock.window(start_ns, end_ns)}."
        draft.state(("Yes. " if question.negated else "No. ") * (question.ask == "whether") + text, rows)
    if question.topic.has_thing:
        draft.remark("A radar cannot tell what it is.")
    for note in coverage.notes({"radar"}):
        draft.remark(note)
    return True


def follow(hits: Iterable[Hit]) -> list[Followed]:
    """Return the tracks that hits tell of, in the order of their beginning."""
    pieces: dict[tuple[str, int], list[tuple[Hit, re.Match[str]]]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start_ns, hit.end_ns, hit.record_id)):
        if match := _TEXT.match(hit.text):
            pieces.setdefault((hit.stream, int(match["track"])), []).append((hit, match))
    return sorted(map(_followed, pieces.values()), key=lambda one: one.start_ns)


def _followed(pieces: Sequence[tuple[Hit, re.Match[str]]]) -> Followed:
    ranges = [float(match[name]) for _, match in pieces for name in ("from", "to", "at") if match[name]]
    lengths = [max(1, hit.end_ns - hit.start_ns) for hit, _ in pieces]
    speeds = [float(match["speed"]) for _, match in pieces]
    return Followed(
        hits=tuple(hit for hit, _ in pieces),
        from_m=ranges[0],
        to_m=ranges[-1],
        nearest_m=min(ranges),
        speed_mps=sum(map(float.__mul__, speeds, map(float, lengths))) / sum(lengths),
        sides=tuple(dict.fromkeys(match["side"] for _, match in pieces)),
    )


def _window(question: Question, recalled: Recalled, asked_ns: int) -> tuple[int, int]:
    """Return the time that is asked about; of a moment also what is told of a little later."""
    span = question.span
    start_ns, end_ns = recalled.session_start_ns, asked_ns
    if span is None:
        return start_ns, end_ns
    if span.start_ns is not None:
        start_ns = max(start_ns, span.start_ns - (AROUND_NS if span.is_point else 0))
    if span.end_ns is not None:
        end_ns = min(end_ns, span.end_ns + (ALSO_NS if span.is_point else 0))
    return min(start_ns, end_ns), end_ns


def _is_meant(question: Question, one: Followed) -> bool:
    text, side = question.text.lower(), question.topic.side
    if has(NEARER, text) and not one.came_nearer:
        return False
    if has(AWAY, text) and not one.went_away:
        return False
    return not side or any(word in told.split() for told in one.sides for word in side.split())


def _tell(question: Question, tracks: Sequence[Followed], draft: Draft) -> None:
    text = question.text.lower()
    if has(FAST, text) or has(FAR, text):  # of one
        one = min(tracks, key=lambda one: one.nearest_m) if has(CLOSEST, text) else tracks[-1]
        where_m = one.nearest_m if has(CLOSEST, text) else one.to_m
        lead = f"{one.speed_mps:.1f} m/s." if has(FAST, text) else f"{where_m:.1f} m."
        which = f" Of {count(len(tracks), 'thing')} {'the nearest' if has(CLOSEST, text) else 'the last'}:"
        draft.state(f"{lead}{which if tracks[1:] else ''} {_told(one, draft)}", draft.rows([_episode(one)]))
        return
    told = tracks[-TOLD_MAX:]
    lead = _lead(question, tracks)
    for place, one in enumerate(told):
        first = f"{lead} " if lead and not place else ""
        draft.state(f"{first}{_told(one, draft)}", draft.rows([_episode(one)]))
    if len(tracks) > len(told):
        draft.remark(f"Before that there were {len(tracks) - len(told)} more.")


def _lead(question: Question, tracks: Sequence[Followed]) -> str:
    match question.ask:
        case "whether":
            return "No." if question.negated else "Yes."
        case "how_often":
            return f"{count(len(tracks), 'thing')}."
        case "how_long":
            return f"{length(sum(one.end_ns - one.start_ns for one in tracks))} in all."
        case "where":
            return f"{listing(list(dict.fromkeys(side for one in tracks for side in one.sides))).capitalize()}."
        case _:
            return ""


def _told(one: Followed, draft: Draft) -> str:
    """Return "Something came nearer from 35.8 m to 8.6 m at 5.9 m/s, on the left, from 0:01.6 to 0:06.0."."""
    if one.came_nearer and one.went_away:
        way = f"came nearer from {one.from_m:.1f} m to {one.nearest_m:.1f} m, then went away to {one.to_m:.1f} m,"
    elif one.came_nearer:
        way = f"came nearer from {one.from_m:.1f} m to {one.to_m:.1f} m"
    elif one.went_away:
        way = f"went away from {one.from_m:.1f} m to {one.to_m:.1f} m"
    else:
        way = f"moved {one.to_m:.1f} m away"
    when = draft.clock.stretch(one.start_ns, one.end_ns)
    return f"Something {way} at {one.speed_mps:.1f} m/s, {', then '.join(one.sides)}, {when}."


def _episode(one: Followed) -> Episode:
    score = max(hit.score for hit in one.hits)
    return Episode(kind=KIND, start_ns=one.start_ns, end_ns=one.end_ns, hits=one.hits, score=score)


def _way(question: Question) -> str:
    text = question.text.lower()
    return " that came nearer" if has(NEARER, text) else " that went away" if has(AWAY, text) else ""


def _titles(radars: Sequence[str]) -> str:
    named = listing([repr(plain(name)) for name in radars])
    return f"{'Radars' if radars[1:] else 'Radar'} {named}"
