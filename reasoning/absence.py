"""Answers about what did not happen: "was it quiet", "how long did nothing move", and "did anything" when nothing did.

An absence is a fact only where a working stream watched. Its evidence is that stream's watermark over the stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasoning.answers import Found, tell_happened
from reasoning.episodes import OVERLAP_NS, Episode, quiet
from reasoning.phrases import ABSENT, LISTED_MAX, sentence
from reasoning.view import pick
from reasoning.wording import Clock, count, length, listing, quote
from runtime.messages import Sensor

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.senses import About
    from reasoning.understand import Question
    from reasoning.view import View
    from runtime.messages import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What did not happen is vouched for by the senses that watched, through their streams."""

    watched: frozenset[Sensor]
    streams: tuple[str, ...]

    def rows(self, draft: Draft, start_ns: int, end_ns: int, text: str) -> list[Evidence]:
        """Return the evidence that a stretch of time was watched."""
        return draft.watched(self.streams, start_ns, end_ns, text)


def tell_nothing(question: Question, view: View, unseen: Unseen, draft: Draft) -> None:
    """Say that nothing of the kind happened in the windows."""
    text = _nothing(question, unseen)
    when = _windows(view, draft.clock)
    evidence = [row for window in view.windows[:LISTED_MAX] for row in unseen.rows(draft, *window, text)]
    holds = question.topic.times is not None and question.topic.times.holds(0)
    if question.ask == "whether":
        draft.state(f"{'Yes' if question.negated or holds else 'No'}, {text} {when}.", evidence)
    elif question.ask == "how_often":
        draft.state(f"0 times: {text} {when}.", evidence)
    else:
        draft.state(sentence(f"{text} {when}"), evidence)


def tell_contrary(question: Question, view: View, draft: Draft) -> None:
    """Answer "was it quiet" with what was not."""
    found = Found(question, view.episodes, view.is_partial)
    tell_happened(found, draft, with_words=question.about == "heard" or bool(question.content), lead="No, ")


def tell_quiet(question: Question, view: View, unseen: Unseen, draft: Draft) -> None:
    """Say when, how often or how long it was quiet."""
    text = _nothing(question, unseen)
    found = pick(question.topic, stretches(question, view, draft.clock))
    if not found:
        start = "No, there was" if question.ask == "whether" else "There was"
        text = f"{start} no stretch in which {text} {_windows(view, draft.clock)}."
        draft.state(text, draft.rows(view.episodes[:LISTED_MAX]))
        return
    shown = found[:LISTED_MAX]
    times = [draft.clock.stretch(episode.start_ns, episode.end_ns) for episode in shown]
    listed = listing([*times, f"{len(found) - len(shown)} more"] if len(found) > len(shown) else times)
    total = length(sum(episode.length_ns for episode in found))
    if question.ask == "whether":
        line = f"Yes, {text} {listed}."
    elif question.ask == "how_often":
        line = f"{count(len(found), 'time')}: {text} {listed}."
    elif len(found) == 1:
        line = sentence(f"{text} for {total}, {listed}")
    else:
        line = sentence(f"{text} for {total} in all, {len(found)} times: {listed}")
    draft.state(line, [row for e in shown for row in unseen.rows(draft, e.start_ns, e.end_ns, text)])


def stretches(question: Question, view: View, clock: Clock) -> list[Episode]:
    """Return the quiet stretches of the windows; where a moment was named, the whole stretch around it."""
    if question.span is not None and question.span.is_point:
        found = [
            (a, b)
            for a, b in quiet(view.everywhere, clock.origin_ns, clock.asked_ns)
            if any(min(b, end_ns) - max(a, start_ns) >= OVERLAP_NS for start_ns, end_ns in view.windows)
        ]
    else:
        found = [stretch for window in view.windows for stretch in quiet(view.episodes, *window)]
    return [Episode(kind="quiet", start_ns=a, end_ns=b, hits=()) for a, b in found]


def _nothing(question: Question, unseen: Unseen) -> str:
    topic = question.topic
    if question.content:
        return f"I heard nothing like {quote(question.content)}"
    pitch = f" at {topic.pitch_hz:.0f} Hz" if topic.pitch_hz else ""
    named = f"I heard no {topic.label or 'sound'}{pitch}"
    text = named if question.about == "sound" else ABSENT[_vouched(question.about, unseen)]
    return f"{text} in that part of the picture" if topic.side else text


def _vouched(about: About, unseen: Unseen) -> About:
    """Return what can be denied where of two senses only one watched."""
    if about != "anything" or len(unseen.watched) != 1:
        return about
    return "seen" if "video" in unseen.watched else "heard"


def _windows(view: View, clock: Clock) -> str:
    if len(view.windows) == 1:
        return clock.window(view.start_ns, view.end_ns)
    return listing([clock.stretch(*window) for window in view.windows[:LISTED_MAX]])
