"""An understood question -> the one recall that brings everything its answer needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.rangewords import KIND as RANGED
from reasoning.rangewords import asks_range
from runtime.messages import Recall

if TYPE_CHECKING:
    from reasoning.senses import About
    from reasoning.topics import Topic
    from reasoning.understand import Question

KINDS: dict[About, tuple[str, ...]] = {
    "speech": ("utterance",),
    "sound": ("sound",),
    "motion": ("motion",),
    "scene": ("frame",),
    "heard": ("utterance", "sound"),
    "seen": ("motion", "frame"),
    "anything": ("utterance", "sound", "motion", "frame"),
    "sensors": (),
    "dark": ("gap",),
    "blind": ("gap",),
}
INVENTORY = ("utterance", "sound", "motion")  # what an abstention tells that there is
CUT_TEXT = "scene change"  # how memory describes the first picture of another scene
K = 16
OVERVIEW_LINES = 8  # an answer carries no more evidence
TIMELINE_LIMIT = 2048  # kept frames come twice a second; as JSON this many hits fit into one reply
POINT_REACH_NS = 120_000_000_000
FAR_NS = 2**62  # times on the wire are 64-bit


def plan(question: Question, query_id: str, session: str, as_of_ns: int) -> Recall:
    """Return the recall for `question`; an anchor that is an event is placed later, from the unmoved window."""
    if question.parts:
        recalls = [plan(part, query_id, session, as_of_ns) for part in question.parts]
        kept = sorted({kind for recall in recalls for kind in recall.kinds})
        text = next((recall.text for recall in recalls if recall.text), "")
        return replace(recalls[0], text=text, kinds=tuple(kept), start_ns=None, end_ns=None)
    kinds = asked_kinds(question)
    anchor, span = question.anchor, question.span
    if span is not None and span.is_point:  # what was going on then may have begun long before
        reach_ns = FAR_NS if question.negated else POINT_REACH_NS
        span = replace(span, start_ns=_shift(span.start_ns, -reach_ns), end_ns=_shift(span.end_ns, reach_ns))
    if span is not None and question.may_widen:
        span = replace(span, start_ns=None)
    is_local = anchor is not None and not anchor.speech
    if anchor is not None and is_local:
        kinds.update(kind for topic in anchor.topics for kind in anchor_kinds(topic))
    if question.unknowable or question.is_many or not question.is_clear or not kinds:
        kinds, anchor, span = set(INVENTORY), None, None
    if asks_range(question):
        kinds.add(RANGED)
    return Recall(
        session=session,
        query_id=query_id,
        as_of_ns=as_of_ns,
        text="" if question.rivals else question.content or (CUT_TEXT if question.about == "scene" else ""),
        anchor=anchor.speech if anchor is not None else "",
        relation=anchor.relation if anchor is not None and anchor.speech and anchor.relation != "between" else "",
        kinds=(*sorted(kinds - {"gap"}), "gap"),
        start_ns=None if span is None or is_local else _within(span.start_ns, as_of_ns),
        end_ns=None if span is None or is_local else _within(span.end_ns, as_of_ns),
        k=K,
        timeline_limit=TIMELINE_LIMIT,
        overview_limit=OVERVIEW_LINES,
    )


def asked_kinds(question: Question) -> set[str]:
    """Return the kinds of record that the question is about."""
    topics = question.rivals.topics if question.rivals is not None else (question.topic,)
    return {kind for topic in topics for kind in KINDS[topic.about]}


def anchor_kinds(topic: Topic) -> tuple[str, ...]:
    """Return the kinds of record among which the moment is looked for."""
    return KINDS[topic.about]


def _shift(t_ns: int | None, by_ns: int) -> int | None:
    return None if t_ns is None else t_ns + by_ns


def _within(t_ns: int | None, as_of_ns: int) -> int | None:
    return None if t_ns is None else max(-FAR_NS, min(t_ns, as_of_ns))
