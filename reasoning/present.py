"""What is known at the asking time and in no record: what is still going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.episodes import NO_WORDS
from reasoning.phrases import noun
from reasoning.timepoints import S_NS
from runtime.messages import Hit, Recalled, Sensor

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.understand import Question
    from reasoning.view import View

GOING_ON_NS = S_NS  # what ended so shortly before counts as going on
UNSURE_NS = 2 * S_NS  # the longest piece: one that is not over yet is told of so late


def add_present(
    recalled: Recalled,
    asked_ns: int,
    streams: Mapping[str, Sensor],
    active: Mapping[str, int],
) -> Recalled:
    """Return `recalled` with a hit, without a record id, for each unfinished event."""
    added = [
        _open(stream, streams[stream], since_ns, asked_ns)
        for stream, since_ns in sorted(active.items())
        if since_ns <= asked_ns and stream in streams
    ]
    return replace(recalled, timeline=(*recalled.timeline, *added), total=recalled.total + len(added))


def _open(stream: str, sensor: Sensor, since_ns: int, asked_ns: int) -> Hit:
    kind, text = ("utterance", NO_WORDS) if sensor == "audio" else ("motion", "movement")
    return Hit(
        record_id="", clip_id="", stream=stream, kind=kind, start_ns=since_ns, end_ns=asked_ns, text=text, score=0.0
    )


def going_on(view: View, asked_ns: int) -> View:
    """Return the view without what has ended where something else goes on still."""
    kept = tuple(episode for episode in view.episodes if asked_ns - episode.end_ns <= GOING_ON_NS)
    return replace(view, episodes=kept) if kept else view


def is_over(view: View, asked_ns: int) -> bool:
    """Whether all of it has ended by the time of asking."""
    return all(asked_ns - episode.end_ns > GOING_ON_NS for episode in view.episodes)


def tell_over(question: Question, view: View, unwatched: str, draft: Draft) -> None:
    """Say that it is over and since when; `unwatched` says why nobody knows."""
    last = max(view.episodes, key=lambda episode: episode.end_ns)
    ended = "was" if last.kind == "frame" else "ended"  # a moment has no length
    told = f"the last {noun([last])} {ended} at {draft.clock.at(last.end_ns)}"
    if unwatched:
        draft.abstain(unwatched)
    elif draft.clock.asked_ns - last.end_ns > UNSURE_NS:
        draft.state(f"{'Yes' if question.negated else 'No'}, {told}.", draft.rows([last]))
    else:
        draft.state(f"I know of none now; {told}.", draft.rows([last]))
