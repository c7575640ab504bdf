"""A question and what memory recalled -> a short answer in which every fact rests on evidence.

No language model: sentences are templates over episodes. Where nothing supports an answer it abstains, and says what
there is instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from reasoning.absence import (
    Unseen,
    tell_contrary,
    tell_none_since,
    tell_nothing,
    tell_other_ways,
    tell_quiet,
    tell_reaching,
)
from reasoning.answers import Found, tell_found
from reasoning.coverage import Coverage
from reasoning.dark import seeing
from reasoning.doubts import caveats, how_to_ask, why_not
from reasoning.draft import EVIDENCE_MAX, SENSORS, Draft
from reasoning.episodes import Episode, gather
from reasoning.named import named_streams, only, without_names
from reasoning.order import tell_apart, tell_order
from reasoning.overview import asks_for_all, tell_overview
from reasoning.phrases import noun
from reasoning.plan import asked_kinds
from reasoning.present import add_present, going_on, is_over, tell_over
from reasoning.ranged import tell_ranged
from reasoning.seers import find_eye, name_seers, seen_by
from reasoning.sensors import not_understood, tell_sensors
from reasoning.view import View, look, pick
from reasoning.ways import reaches
from reasoning.wording import Clock, count, listing, quote
from runtime.messages import Evidence, Recalled, Sensor, Sentence

if TYPE_CHECKING:
    from datetime import tzinfo

    from reasoning.understand import Question

ONE_AT_A_TIME = "Please ask one thing at a time."
MEMORY_SILENT = "My memory did not answer in time, so I cannot say."


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An answer without its envelope."""

    sentences: tuple[Sentence, ...]
    abstained: bool
    evidence: tuple[Evidence, ...]
    blind: tuple[str, ...]
    truncated: bool
    is_from_records: bool = False  # no language model had a part in it


def answer(
    question: Question,
    recalled: Recalled | None,
    asked_ns: int,
    blind: Mapping[str, str],
    streams: Mapping[str, Sensor],
    truncated: bool,
    tz: tzinfo | None = None,
    *,
    active: Mapping[str, int] | None = None,
    blind_ns: Mapping[str, int] | None = None,
) -> Composed:
    """Return the answer; `blind` says why a stream sees or hears nothing, `truncated` that parts of it are missing.

    `active` says since when something is going on that no record tells of yet, `blind_ns` since when one is blind.
    """
    if question.parts and recalled is not None:
        return _join(
            [
                answer(part, recalled, asked_ns, blind, streams, truncated, tz, active=active, blind_ns=blind_ns)
                for part in question.parts
            ]
        )
    named, unnamed = named_streams(question.text, streams) if question.about != "sensors" else (set(), "")
    if named and recalled is not None:
        question, (recalled, streams) = without_names(question, named), only(recalled, named, streams)
    eye = find_eye(question.text, streams)
    if recalled is not None:
        recalled = seen_by(eye, recalled, streams)
    origin_ns = recalled.session_start_ns if recalled is not None else 0
    draft = Draft(Clock(asked_ns, origin_ns, tz))
    coverage = Coverage(streams=streams, blind=blind, blind_ns=blind_ns or {}, clock=draft.clock)
    if recalled is None:
        if question.about == "sensors" and question.span is None:
            tell_sensors(question, asked_ns, coverage, draft)
        else:
            draft.abstain(MEMORY_SILENT)
    elif question.about != "sensors" and tell_ranged(question, recalled, coverage, draft):
        pass  # a radar knew
    elif refusal := unnamed or _refusal(question, recalled, streams, draft.clock, truncated=truncated):
        draft.abstain(refusal, _inventory(recalled, asked_ns, draft.clock))
    else:
        present = seen_by(eye, add_present(recalled, asked_ns, streams, active or {}), streams)
        _answer(question, present, coverage, draft)
    if question.mended:
        read = [f"{quote(slip)} as {quote(meant)}" for slip, meant in question.mended.items()]
        draft.remark(f"I read {listing(read)}.")
    if draft.abstained:
        draft.evidence.clear()
    return Composed(
        sentences=tuple(draft.sentences),
        abstained=draft.abstained,
        evidence=tuple(draft.evidence),
        blind=tuple(sorted(blind)),
        truncated=truncated,
    )


def _join(parts: list[Composed]) -> Composed:
    """Return one answer for several; of a part that was not answered the sentences stay, and no evidence."""
    return Composed(
        sentences=tuple(dict.fromkeys(sentence for part in parts for sentence in part.sentences)),
        abstained=all(part.abstained for part in parts),
        evidence=tuple(
            dict.fromkeys(row for rows in zip_longest(*(part.evidence for part in parts)) for row in rows if row)
        )[:EVIDENCE_MAX],
        blind=parts[0].blind,
        truncated=parts[0].truncated,
    )


def _refusal(
    question: Question, recalled: Recalled, streams: Mapping[str, Sensor], clock: Clock, *, truncated: bool
) -> str:
    """Return why the question cannot be answered whatever memory holds, "" where it may be."""
    span, asked_ns = question.span, clock.asked_ns
    if question.is_many:
        return ONE_AT_A_TIME
    if question.unknowable:
        return f"I cannot tell {question.unknowable}."
    if not question.is_clear:
        return f"I did not understand. {how_to_ask(question, streams)}"
    if sensor := not_understood(question):
        return f"I do not understand yet what {'an' if sensor[0] in 'aeiou' else 'a'} {sensor} senses."
    if asked_ns < recalled.session_start_ns:
        return f"What I remember begins at {clock.at(recalled.session_start_ns)}."
    if span is None:
        return ""
    if not span.is_known:
        return f"I cannot place {quote(span.phrase)} in time here."
    if span.start_ns is not None and span.start_ns >= asked_ns:
        broken = "; parts of the recording are missing" if truncated else ""
        return f"I have seen and heard only up to {clock.at(asked_ns)}{broken}."
    if span.end_ns is not None and span.end_ns <= recalled.session_start_ns:
        return f"What I remember begins at {clock.at(recalled.session_start_ns)}."
    return ""


def _answer(question: Question, recalled: Recalled, coverage: Coverage, draft: Draft) -> None:
    """Answer from the part of memory that the question looks at, or abstain where that holds nothing to rest on."""
    asked_ns, inventory = draft.clock.asked_ns, _inventory(recalled, draft.clock.asked_ns, draft.clock)
    eye = find_eye(question.text, coverage.streams)
    sensors = {eye if SENSORS[kind] == "video" else SENSORS[kind] for kind in asked_kinds(question)}
    view = look(question, recalled, asked_ns, coverage.streams)
    if view is not None and question.asks_now:
        view = going_on(view, asked_ns)
    coverage = replace(
        coverage,
        windows=_windows(view) or ((recalled.session_start_ns, asked_ns),),
        gaps=view.gaps if view is not None else gather(recalled.timeline, "gap"),
    )
    if question.about == "dark":
        coverage = seeing(coverage)
    if question.about == "sensors":
        tell_sensors(question, asked_ns, coverage, draft)
        return
    if question.rivals is not None:
        tell_order(question, recalled, draft)
    elif view is None:
        phrase = question.anchor.phrase if question.anchor is not None else ""
        draft.abstain(coverage.why_not(sensors) or f"I did not find the moment {quote(phrase)}.")
    elif reason := why_not(question, view, coverage, sensors):
        draft.abstain(reason)
    else:
        if not question.is_point:  # of a moment whole episodes are told
            draft.start_ns, draft.end_ns = view.start_ns, view.end_ns
        _tell(question, view, recalled, coverage, sensors, draft)
        for caveat in caveats(question, view, recalled, draft):
            draft.remark(caveat)
    if draft.abstained:
        draft.remark(inventory)
    else:
        name_seers(coverage.streams, draft)
        for note in coverage.notes(sensors):
            draft.remark(note)


def _tell(
    question: Question, view: View, recalled: Recalled, coverage: Coverage, sensors: set[Sensor], draft: Draft
) -> None:
    watched = coverage.watched(sensors)
    session = (recalled.session_start_ns, draft.clock.asked_ns)
    whole = replace(coverage, windows=(session,), gaps=gather(recalled.timeline, "gap"))
    whole = seeing(whole) if question.about == "dark" else whole
    unseen = Unseen(
        watched=frozenset(watched),
        streams=tuple(coverage.watching(sensors)),
        unwatched=tuple(whole.unwatched(watched)),
    )
    if question.ask == "delay" and view.anchor is not None and view.anchor_end is not None:
        tell_apart(view.anchor, view.anchor_end, draft)
    elif not view.episodes and (reaching := _reaching(question, recalled, draft.clock.asked_ns)):
        tell_reaching(reaching, view.is_partial, draft)
    elif question.asks_now and view.episodes and is_over(view, draft.clock.asked_ns):
        tell_over(question, view, coverage.why_not(sensors), draft)
    elif question.negated and question.asks_throughout and view.episodes:
        tell_contrary(question, view, draft)
    elif question.negated and not question.asks_throughout:
        tell_quiet(question, view, unseen, draft)
    elif view.is_partial and recalled.overview and asks_for_all(question):
        tell_overview(recalled.overview, draft)
    elif view.episodes:
        episodes = tuple(pick(question.topic, view.episodes))
        tell_found(Found(question, episodes, view.is_partial, view.anchor), draft)
        if view.empty is not None and not draft.abstained:
            tell_none_since(question, view.empty, unseen, draft)
    elif others := _other_ways(question, recalled, draft.clock.asked_ns):
        tell_other_ways(question, others, view.is_partial, draft)
    else:
        tell_nothing(question, view, unseen, draft)


def _other_ways(question: Question, recalled: Recalled, asked_ns: int) -> tuple[Episode, ...]:
    """Return the movements that began or ended elsewhere than was asked."""
    if question.negated or not (question.topic.begins or question.topic.ends):
        return ()
    wider = look(replace(question, topic=replace(question.topic, begins="", ends="")), recalled, asked_ns)
    return wider.episodes if wider is not None else ()


def _reaching(question: Question, recalled: Recalled, asked_ns: int) -> tuple[Episode, ...]:
    """Return the movements of which at least an edge was in the part of the picture that was asked about."""
    side = question.topic.side
    wider = look(replace(question, topic=replace(question.topic, side="")), recalled, asked_ns) if side else None
    episodes = wider.episodes if wider is not None and wider.empty is None else ()
    return tuple(episode for episode in episodes if any(reaches(box, side) for box in episode.boxes))


def _windows(view: View | None) -> tuple[tuple[int, int], ...]:
    """Return what has to have been watched."""
    if view is None:
        return ()
    return view.windows if view.empty is None else (view.empty,)


def _inventory(recalled: Recalled, asked_ns: int, clock: Clock) -> str:
    """Return what there is instead: "I heard 3 utterances, the last from 0:41.0 to 0:44.2."."""
    hits = [hit for hit in recalled.timeline if hit.end_ns <= asked_ns]
    parts = []
    for verb, kind in (("I heard", "utterance"), ("I heard", "sound"), ("I saw", "motion")):
        if episodes := gather(hits, kind):
            last = clock.stretch(episodes[-1].start_ns, episodes[-1].end_ns)
            parts.append(f"{verb} {count(len(episodes), noun(episodes))}, {'the last ' if episodes[1:] else ''}{last}")
    is_part = recalled.start_ns > recalled.session_start_ns or recalled.end_ns < asked_ns
    return f"{'In that time ' if is_part else ''}{'; '.join(parts)}." if parts else ""
