"""Answers about two events: which came first, or last, and how far apart they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.phrases import sentence
from reasoning.phrases import when as time_of
from reasoning.view import look
from reasoning.wording import length, quote

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.episodes import Episode
    from reasoning.understand import Question
    from runtime.messages import Recalled


def tell_order(question: Question, recalled: Recalled, draft: Draft) -> None:
    """Compare where two kinds of event begin: their first ones, or their last."""
    assert question.rivals is not None
    rivals = question.rivals
    at = 0 if rivals.wants == "first" else -1
    found: list[tuple[Episode, str]] = []
    for topic, phrase in zip(rivals.topics, rivals.phrases, strict=True):
        view = look(replace(question, topic=topic), recalled, draft.clock.asked_ns)
        if view is None or not view.episodes or view.is_partial:
            draft.abstain(f"I did not find {quote(phrase)}, so I cannot compare.")
            return
        draft.start_ns, draft.end_ns = view.start_ns, view.end_ns
        found.append((view.episodes[at], phrase))
    found.sort(key=lambda pair: pair[0].start_ns, reverse=rivals.wants == "last")
    (first, name), (second, other) = found
    if first.start_ns == second.start_ns:
        text = f"{name} and {other} began together, {time_of(first, draft.clock)}"
    else:
        text = f"{name} came {rivals.wants}, {time_of(first, draft.clock)}, and {other} {time_of(second, draft.clock)}"
    draft.state(sentence(text), draft.rows([first, second]))


def tell_apart(a: Episode, b: Episode, draft: Draft) -> None:
    """Say how much time lies between the end of one and the beginning of the other."""
    first, second = sorted((a, b), key=lambda episode: episode.start_ns)
    between_ns = max(0, second.start_ns - first.end_ns)
    stretch = draft.clock.stretch(first.end_ns, max(first.end_ns, second.start_ns))
    draft.state(f"{length(between_ns)} lie between them, {stretch}.", draft.rows([first, second]))
