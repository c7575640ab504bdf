"""What happened in more time than can be told record by record: memory's own lines, each with a record it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reasoning.episodes import Episode
from reasoning.phrases import sentence
from reasoning.wording import plain

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.understand import Question
    from runtime.messages import Stretch

LINE_CHARACTERS = 600


def asks_for_all(question: Question) -> bool:
    """Say whether the question asks for whatever happened, or was said, and for nothing in particular."""
    topic = question.topic
    is_narrow = topic.content or topic.label or topic.pitch_hz or topic.side or topic.begins or topic.ends or topic.nth
    is_plain = not (is_narrow or topic.extreme or topic.times or topic.lasting or topic.is_absence)
    return question.ask in {"happened", "said"} and question.anchor is None and is_plain


def tell_overview(stretches: Sequence[Stretch], draft: Draft) -> None:
    """Tell each stretch in a sentence; what it rests on is the first record that it names."""
    for stretch in stretches:
        text = sentence(f"{draft.clock.stretch(stretch.start_ns, stretch.end_ns)}: {line_of(stretch)}")
        draft.state(text, draft.rows([episode_of(stretch)]) if stretch.hits else ())
    if any(not stretch.hits for stretch in stretches):
        draft.remark("Where I name no evidence its records are no longer kept.")


def line_of(stretch: Stretch) -> str:
    """Return its line, without anything that could end it."""
    return plain(stretch.text, LINE_CHARACTERS)


def episode_of(stretch: Stretch) -> Episode:
    """Return the first record that a stretch names; it names at least one."""
    first = stretch.hits[0]
    return Episode(
        kind=first.kind, start_ns=first.start_ns, end_ns=max(first.start_ns, first.end_ns), hits=(first,), score=0.0
    )
