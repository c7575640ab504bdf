"""Answers about what did not happen: "was it quiet", "how long did nothing move", and "did anything" when nothing did.

An absence is a fact only where a working stream watched. Its evidence is that stream's watermark over the stretch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasoning.answers import Found, tell_happened
from reasoning.episodes import Episode, quiet
from reasoning.phrases import ABSENT, LISTED_MAX, sentence
from reasoning.view import pick
from reasoning.wording import count, length, listing, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasoning.draft import Draft
    from reasoning.understand import Question
    from reasoning.view import View
    from runtime.messages import Sensor


def tell_nothing(question: Question, view: View, sensors: Iterable[Sensor], draft: Draft) -> None:
    """Say that nothing of the kind happened in the window."""
    text = _nothing(question)
    when = draft.clock.window(view.start_ns, view.end_ns)
    evidence = draft.watched(sensors, view.start_ns, view.end_ns, text)
    if question.ask == "whether":
        draft.state(f"{'Yes' if question.negated else 'No'}, {text} {when}.", evidence)
    elif question.ask == "how_often":
        draft.state(f"0 times: {text} {when}.", evidence)
    else:
        draft.state(sentence(f"{text} {when}"), evidence)


def tell_contrary(question: Question, view: View, draft: Draft) -> None:
    """Answer "was it quiet" with what was not."""
    found = Found(question, view.episodes, view.is_partial)
    tell_happened(found, draft, with_words=question.about == "heard", lead="No, ")


def tell_quiet(question: Question, view: View, sensors: Iterable[Sensor], draft: Draft) -> None:
    """Say when, how often or how long it was quiet."""
    text, wanted = _nothing(question), tuple(sensors)
    found = pick(question.topic, stretches(view))
    if not found:
        start = "No, there was" if question.ask == "whether" else "There was"
        when = draft.clock.window(view.start_ns, view.end_ns)
        draft.state(f"{start} no stretch in which {text} {when}.", draft.rows(view.episodes))
        return
    shown = found[:LISTED_MAX]
    times = [draft.clock.stretch(episode.start_ns, episode.end_ns) for episode in shown]
    listed = listing([*times, f"{len(found) - len(shown)} more"] if len(found) > len(shown) else times)
    evidence = [row for e in shown for row in draft.watched(wanted, e.start_ns, e.end_ns, text)]
    total = length(sum(episode.length_ns for episode in found))
    if question.ask == "whether":
        line = f"Yes, {text} {listed}."
    elif question.ask == "how_often":
        line = sentence(f"{count(len(found), 'time')}: {text} {listed}")
    elif len(found) == 1:
        line = sentence(f"{text} for {total}, {listed}")
    else:
        line = sentence(f"{text} for {total} in all, {len(found)} times: {listed}")
    draft.state(line, evidence)


def stretches(view: View) -> list[Episode]:
    """Return the quiet stretches of the windows."""
    return [
        Episode(kind="quiet", start_ns=start_ns, end_ns=end_ns, hits=())
        for window in view.windows
        for start_ns, end_ns in quiet(view.episodes, *window)
    ]


def _nothing(question: Question) -> str:
    topic = question.topic
    if question.content:
        return f"I heard nothing like {quote(question.content)}"
    text = f"I heard no {topic.label}" if topic.label and question.about == "sound" else ABSENT[question.about]
    return f"{text} in that part of the picture" if topic.side else text
