"""Answers about what did not happen: "was it quiet", "how long did nothing move", and "did anything" when nothing did.

An absence is a fact only where a working stream watched. Its evidence is that stream's watermark over the stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasoning.answers import Found, tell_happened
from reasoning.episodes import OVERLAP_NS, Episode, cut, quiet
from reasoning.phrases import ABSENT, LISTED_MAX, NAMED_MAX, clause, few, sentence, shown
from reasoning.view import pick
from reasoning.ways import is_across, name_way
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
    unwatched: tuple[tuple[int, int], ...] = ()  # since the session began

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


def tell_other_ways(question: Question, episodes: tuple[Episode, ...], at_least: bool, draft: Draft) -> None:
    """Say that no movement came, or went, as asked, and which other ones there were."""
    topic = question.topic
    way = name_way(topic.begins, topic.ends)
    ends = [(episode.boxes[0], episode.boxes[-1]) for episode in episodes if episode.boxes]
    if any(is_across(first, topic.begins) or is_across(last, topic.ends) for first, last in ends):
        draft.abstain(f"I cannot tell whether a movement {way}: there is one that reached from edge to edge.")
        return
    leads: dict[str, str] = {"whether": "No, I saw no movement", "how_often": "0 times: I saw no movement"}
    lead = leads.get(question.ask, "I saw no movement")
    told = clause(episodes, draft.clock, with_words=False, at_least=at_least)
    draft.state(f"{lead} that {way}; {told}.", draft.rows(shown(episodes, draft.clock)))


def tell_reaching(episodes: tuple[Episode, ...], at_least: bool, draft: Draft) -> None:
    """Say what reached into the part of the picture that was asked about without its middle being there."""
    told = clause(episodes, draft.clock, with_words=False, at_least=at_least)
    text = f"Into that part of the picture only the edge of a movement reached: {told}."
    draft.state(text, draft.rows(shown(episodes, draft.clock)))


def tell_none_since(question: Question, window: tuple[int, int], unseen: Unseen, draft: Draft) -> None:
    """Say that what was told is the last there was, and that there was nothing in the recent time asked about."""
    if unseen.watched:
        text = _nothing(question, unseen)
        when = draft.clock.window(*window)
        draft.state(f"That was the last: {text} {when}.", unseen.rows(draft, *window, text))


def tell_contrary(question: Question, view: View, draft: Draft) -> None:
    """Answer "was it quiet" with what was not."""
    found = Found(question, view.episodes, view.is_partial)
    tell_happened(found, draft, with_words=question.about == "heard" or bool(question.content), lead="No, ")


def tell_quiet(question: Question, view: View, unseen: Unseen, draft: Draft) -> None:
    """Say when, how often or how long it was quiet."""
    text = _nothing(question, unseen)
    found = pick(question.topic, stretches(question, view, draft.clock, unseen.unwatched))
    dark = cut(unseen.unwatched, view.windows)
    if not found and (
        pick(question.topic, stretches(question, view, draft.clock, ())) or (dark and _is_short(question))
    ):
        draft.abstain("I cannot tell.", _blind(unseen, dark or unseen.unwatched, draft.clock))
        return
    if not found:
        start = (
            f"{'Yes' if question.topic.is_denied else 'No'}, there was" if question.ask == "whether" else "There was"
        )
        text = f"{start} no stretch in which {text} {_windows(view, draft.clock)}."
        windows = [row for window in view.windows[:LISTED_MAX] for row in unseen.rows(draft, *window, text)]
        draft.state(text, draft.rows(view.episodes[:LISTED_MAX]) or windows)
        return
    listed = few([draft.clock.stretch(episode.start_ns, episode.end_ns) for episode in found])
    total = length(sum(episode.length_ns for episode in found))
    often = f"{text} {len(found)} times:" if len(found) > NAMED_MAX else text
    if question.ask == "whether":
        line = f"{'No' if question.topic.is_denied else 'Yes'}, {often} {listed}."
    elif question.ask == "how_often":
        line = f"{count(len(found), 'time')}: {text}{',' if len(found) > NAMED_MAX else ''} {listed}."
    elif len(found) == 1:
        line = sentence(f"{text} for {total}, {listed}")
    else:
        line = sentence(f"{text} for {total} in all, {len(found)} times: {listed}")
    draft.state(
        line, [row for e in shown(found, draft.clock) for row in unseen.rows(draft, e.start_ns, e.end_ns, text)]
    )
    ends = {t_ns for episode in found for t_ns in (episode.start_ns, episode.end_ns)}
    beside = [gap for gap in unseen.unwatched if ends & set(gap) and not cut([gap], view.windows)]
    draft.remark(_blind(unseen, beside, draft.clock))
    span, asked_ns = question.span, draft.clock.asked_ns
    is_now = question.topic.nth == -1 if span is None else span.end_ns == asked_ns
    if is_now and (open_now := [episode for episode in view.episodes if episode.is_open]):  # it is over
        draft.state(sentence(clause(open_now, draft.clock, with_words=True)), draft.rows(open_now))


def stretches(question: Question, view: View, clock: Clock, unwatched: Sequence[tuple[int, int]]) -> list[Episode]:
    """Return the stretches of the windows known to be quiet; where a moment was named, the whole one around it."""
    lasting = question.topic.lasting
    found = _quiet(question, view, clock, unwatched)
    if _is_short(question):
        whole = _quiet(question, view, clock, ())
        found = [stretch for stretch in found if stretch in whole]  # one that ends in the dark may have been longer
    if lasting is not None:
        found = [(a, b) for a, b in found if lasting.holds(b - a)]
    return [Episode(kind="quiet", start_ns=a, end_ns=b, hits=()) for a, b in found]


def _is_short(question: Question) -> bool:
    lasting = question.topic.lasting
    return question.topic.extreme == "shortest" or (lasting is not None and lasting.most_ns is not None)


def _quiet(question: Question, view: View, clock: Clock, unwatched: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    if question.span is not None and question.span.is_point:
        found = [
            (a, b)
            for a, b in quiet([*view.everywhere, *_dark(unwatched)], clock.origin_ns, clock.asked_ns)
            if any(min(b, end_ns) - max(a, start_ns) >= OVERLAP_NS for start_ns, end_ns in view.windows)
        ]
    else:
        found = [
            stretch
            for window in view.windows
            for stretch in quiet([*view.episodes, *_dark(cut(unwatched, [window]))], *window)
        ]
    if question.topic.is_inner and view.episodes:
        first_ns, last_ns = view.episodes[0].end_ns, view.episodes[-1].start_ns
        found = [(a, b) for a, b in found if first_ns <= a and b <= last_ns]
    return found


def _dark(unwatched: Sequence[tuple[int, int]]) -> list[Episode]:
    return [Episode(kind="gap", start_ns=a, end_ns=b, hits=()) for a, b in unwatched]


def _blind(unseen: Unseen, gaps: Sequence[tuple[int, int]], clock: Clock) -> str:
    """Return when nobody watched, "" where that was never."""
    verb = "listening" if unseen.watched == {"audio"} else "watching"
    return f"I was not {verb} {few([clock.stretch(*gap) for gap in gaps])}." if gaps else ""


def _nothing(question: Question, unseen: Unseen) -> str:
    text = _absent(question, unseen)
    return f"{text} {question.topic.lasting.phrase}" if question.topic.lasting is not None else text


def _absent(question: Question, unseen: Unseen) -> str:
    topic = question.topic
    if topic.edge:
        return f"it did not get {'dark' if topic.edge == 'start' else 'light'}"
    if question.content:
        return f"I heard nothing like {quote(question.content)}"
    pitch = f" at {topic.pitch_hz:.0f} Hz" if topic.pitch_hz else ""
    named = f"I heard no {topic.label or 'sound'}{pitch}"
    text = named if question.about == "sound" else ABSENT[_vouched(question.about, unseen)]
    if way := name_way(topic.begins, topic.ends):
        return f"{text} that {way}"
    return f"{text} in that part of the picture" if topic.side else text


def _vouched(about: About, unseen: Unseen) -> About:
    """Return what can be denied where of two senses only one watched."""
    if about != "anything" or len(unseen.watched) != 1:
        return about
    return "seen" if {"video", "events"} & unseen.watched else "heard"


def _windows(view: View, clock: Clock) -> str:
    if len(view.windows) == 1:
        return clock.window(view.start_ns, view.end_ns)
    return listing([clock.stretch(*window) for window in view.windows[:LISTED_MAX]])
