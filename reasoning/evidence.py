"""A question and what memory recalled -> a short answer in which every fact rests on evidence.

No language model: sentences are templates over episodes. Where nothing supports an answer it abstains, and says what
there is instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from reasoning.absence import tell_contrary, tell_nothing, tell_quiet, why_unwatched
from reasoning.answers import Found, tell_found
from reasoning.draft import SENSORS, Draft
from reasoning.episodes import gather
from reasoning.phrases import noun
from reasoning.plan import KINDS
from reasoning.sensors import tell_sensors
from reasoning.view import View, look, pick
from reasoning.wording import Clock, count, listing, quote
from runtime.messages import Evidence, Recalled, Sensor, Sentence

if TYPE_CHECKING:
    from datetime import tzinfo

    from reasoning.understand import Question

CAPABILITIES = (
    "I can be asked when, how often, how long or where something moved, what was said and when, which sounds there"
    " were, when the scene changed, and whether the sensors work."
)
MEASURED = frozenset({"motion", "sound"})  # kinds whose level says how strong they were
MEMORY_SILENT = "My memory did not answer in time, so I cannot say."


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An answer without its envelope."""

    sentences: tuple[Sentence, ...]
    abstained: bool
    evidence: tuple[Evidence, ...]
    blind: tuple[str, ...]
    truncated: bool


def answer(
    question: Question,
    recalled: Recalled | None,
    asked_ns: int,
    blind: Mapping[str, str],
    streams: Mapping[str, Literal["video", "audio"]],
    truncated: bool,
    tz: tzinfo | None = None,
    active: Mapping[str, int] = MappingProxyType({}),
) -> Composed:
    """Return the answer; `blind` says why a stream sees or hears nothing, `truncated` that a recording broke off."""
    origin_ns = recalled.session_start_ns if recalled is not None else 0
    draft = Draft(Clock(asked_ns, origin_ns, tz), streams, blind)
    sensors = {SENSORS[kind] for kind in KINDS[question.about]}
    if question.about == "sensors":
        tell_sensors(question, asked_ns, draft)
    elif recalled is None:
        draft.abstain(MEMORY_SILENT)
    elif refusal := _refusal(question, recalled, asked_ns, draft.clock, truncated=truncated):
        draft.abstain(refusal, _inventory(recalled, asked_ns, draft.clock))
    else:
        _answer(question, recalled, asked_ns, sensors, draft)
        draft.remark(_caveat(question, draft))
        draft.remark(draft.blindness(sensors))
    if draft.abstained:
        draft.evidence.clear()
    return Composed(
        sentences=tuple(draft.sentences),
        abstained=draft.abstained,
        evidence=tuple(draft.evidence),
        blind=tuple(sorted(blind)),
        truncated=truncated,
    )


def _refusal(question: Question, recalled: Recalled, asked_ns: int, clock: Clock, *, truncated: bool) -> str:
    """Return why the question cannot be answered whatever memory holds, "" where it may be."""
    span = question.span
    if question.unknowable:
        return f"I cannot tell {question.unknowable}."
    if not question.is_clear:
        return f"I did not understand. {CAPABILITIES}"
    if span is None:
        return ""
    if not span.is_known:
        return f"I cannot place {quote(span.phrase)} in time here."
    if span.start_ns is not None and span.start_ns >= asked_ns:
        broken = ", where the recording breaks off" if truncated else ""
        return f"I have seen and heard only up to {clock.at(asked_ns)}{broken}."
    if span.end_ns is not None and span.end_ns <= recalled.session_start_ns:
        return f"What I remember begins at {clock.at(recalled.session_start_ns)}."
    return ""


def _answer(question: Question, recalled: Recalled, asked_ns: int, sensors: set[Sensor], draft: Draft) -> None:
    """Answer from the part of memory that the question looks at, or abstain where that holds nothing to rest on."""
    inventory = _inventory(recalled, asked_ns, draft.clock)
    view = look(question, recalled, asked_ns)
    if view is None:
        phrase = question.anchor.phrase if question.anchor is not None else ""
        draft.abstain(draft.why_senseless(sensors) or f"I did not find the moment {quote(phrase)}.", inventory)
        return
    draft.start_ns, draft.end_ns = view.start_ns, view.end_ns
    if reason := _why_not(question, view, sensors, draft):
        draft.abstain(reason, inventory)
    elif question.negated and _asks_throughout(question):
        tell = tell_contrary if view.episodes else tell_nothing
        tell(question, view, sensors, draft)
    elif question.negated:
        tell_quiet(question, view, sensors, draft)
    elif view.episodes:
        tell_found(Found(question, tuple(pick(question.topic, view.episodes)), view.is_partial), draft)
    else:
        tell_nothing(question, view, sensors, draft)


def _asks_throughout(question: Question) -> bool:
    """Tell "was it quiet" from "was there a quiet moment": one counter-example answers the first."""
    return question.ask == "whether" and not question.topic.is_moment


def _why_not(question: Question, view: View, sensors: set[Sensor], draft: Draft) -> str:
    """Return why what was recalled does not carry an answer, "" where it does."""
    topic, episodes = question.topic, view.episodes
    if question.negated:
        is_refuted = _asks_throughout(question) and bool(episodes)
        return "" if is_refuted else why_unwatched(view, sensors, draft)
    if not episodes:
        if question.content and (question.about != "speech" or question.ask not in {"whether", "how_often"}):
            # Recognised words are too unsure to say that something was never said, unless just that is asked.
            return f"I heard nothing like {quote(question.content)}.{'' if topic.has_cue else f' {CAPABILITIES}'}"
        return why_unwatched(view, sensors, draft)
    if topic.has_rare_thing and question.ask in {"whether", "how_often"}:
        return "I cannot tell what kind of thing moves."
    if topic.extreme in {"strongest", "weakest"} and not any(e.level for e in episodes if e.kind in MEASURED):
        return f"I do not measure how strong {noun(episodes)}s are."
    if not pick(topic, episodes):
        return f"I know of only {count(len(episodes), noun(episodes))}."
    return ""


def _caveat(question: Question, draft: Draft) -> str:
    """Return what a movement is not evidence of."""
    has_fact = any(item.kind == "motion" for item in draft.evidence)
    return "I see that something moves, not what it is." if question.topic.has_thing and has_fact else ""


def _inventory(recalled: Recalled, asked_ns: int, clock: Clock) -> str:
    """Return what there is instead: "I heard 3 utterances, the last at 0:41.0, and saw 5 movements."."""
    hits = [hit for hit in recalled.timeline if hit.end_ns <= asked_ns]
    parts = []
    for verb, kind in (("I heard", "utterance"), ("I heard", "sound"), ("I saw", "motion")):
        if episodes := gather(hits, kind):
            last = clock.at(episodes[-1].start_ns)
            parts.append(f"{verb} {count(len(episodes), noun(episodes))}, the last at {last}")
    is_part = recalled.start_ns > recalled.session_start_ns or recalled.end_ns < asked_ns
    return f"{'In that time ' if is_part else ''}{listing(parts)}." if parts else ""
