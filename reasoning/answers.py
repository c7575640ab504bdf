"""What each kind of question gets: when, how long, how often, how much, what was said, what happened, whether, where.

Every function writes into a draft; windows are never named before the facts, so the first time in an answer is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasoning.episodes import Episode, total_ns
from reasoning.phrases import NOUNS, clause, describe, name_all, noun, path, sentence
from reasoning.understand import Question
from reasoning.wording import count, length, ordinal, quote

if TYPE_CHECKING:
    from reasoning.draft import Draft
    from reasoning.understand import Asks


@dataclass(frozen=True, slots=True)
class Found:
    """The episodes that answer a question, at least one."""

    question: Question
    episodes: tuple[Episode, ...]
    at_least: bool  # memory holds more than it returned

    @property
    def which(self) -> str:
        """Return "first", "longest" where the question picks one, else ""."""
        topic = self.question.topic
        extremes = {"strongest": "strongest", "weakest": "weakest"}
        return extremes.get(topic.extreme, topic.extreme) or (ordinal(topic.nth) if topic.nth else "")


def tell(found: Found, draft: Draft) -> None:
    """Answer with what was found."""
    _TELL[found.question.ask](found, draft)


def _when(found: Found, draft: Draft) -> None:
    episodes, clock = found.episodes, draft.clock
    if found.which:
        time = describe(episodes[0], clock, with_words=False)
        words = f": {quote(episodes[0].words)}" if episodes[0].words else ""
        time = time if episodes[0].kind != "sound" else clock.stretch(episodes[0].start_ns, episodes[0].end_ns)
        draft.state(f"The {found.which} {noun(episodes)} was {time}{words}.", draft.rows(episodes))
        return
    tell_happened(found, draft, with_words=bool(found.question.content))


def _how_long(found: Found, draft: Draft) -> None:
    episodes, clock = found.episodes, draft.clock
    times = [clock.stretch(e.start_ns, e.end_ns) for e in episodes[:8]]
    total = length(total_ns(episodes))
    if len(episodes) == 1:
        which = found.which or "only"
        text = f"The {which} {noun(episodes)} lasted {total}, {times[0]}."
    else:
        more = f" and {len(episodes) - len(times)} more" if len(episodes) > len(times) else ""
        text = f"{total} in all, in {count(len(episodes), noun(episodes))}: {', '.join(times)}{more}."
    draft.state(text, draft.rows(episodes))


def _how_often(found: Found, draft: Draft) -> None:
    episodes = found.episodes
    floor = "At least " if found.at_least else ""
    times = "time" if len(episodes) == 1 else "times"
    listed = name_all(episodes, draft.clock, with_words=bool(found.question.content))
    draft.state(f"{floor}{len(episodes)} {times}: {listed}.", draft.rows(episodes))


def _how_much(found: Found, draft: Draft) -> None:
    strongest = max(found.episodes, key=lambda episode: episode.level)
    if strongest.kind == "sound":
        text = f"{describe(strongest, draft.clock)}, {strongest.level:.0f} dB above the background."
    elif strongest.kind == "motion":
        text = f"It covered up to {100 * strongest.level:.0f} % of the picture, {describe(strongest, draft.clock)}."
    else:
        draft.abstain(f"I cannot measure that of {noun([strongest])}s.")
        return
    draft.state(text[:1].upper() + text[1:], draft.rows([strongest]))


def _said(found: Found, draft: Draft) -> None:
    spoken = [episode for episode in found.episodes if episode.kind == "utterance"]
    if not spoken:
        tell_happened(found, draft)
    elif found.which:
        draft.state(f"The {found.which} thing I heard was {describe(spoken[0], draft.clock)}.", draft.rows(spoken))
    else:
        draft.state(sentence(clause(spoken, draft.clock, with_words=True)), draft.rows(spoken))


def tell_happened(found: Found, draft: Draft, *, with_words: bool = True, lead: str = "") -> None:
    """Tell all kinds, the one that began first before the others; `lead` is "Yes, "."""
    kinds = list(dict.fromkeys(episode.kind for episode in found.episodes))
    for kind in kinds:
        episodes = [episode for episode in found.episodes if episode.kind == kind]
        text = clause(episodes, draft.clock, with_words=with_words, at_least=found.at_least)
        draft.state(f"{lead}{text}." if lead else sentence(text), draft.rows(episodes))
        lead = ""


def _whether(found: Found, draft: Draft) -> None:
    with_words = bool(found.question.content) or found.question.about in {"heard", "anything"}
    tell_happened(found, draft, with_words=with_words, lead="Yes, ")


def _where(found: Found, draft: Draft) -> None:
    placed = [episode for episode in found.episodes if path(episode)]
    if not placed:
        draft.abstain(f"I cannot tell where {NOUNS[found.episodes[0].kind]}s come from.")
    elif len(placed) == 1:
        time = draft.clock.stretch(placed[0].start_ns, placed[0].end_ns)
        draft.state(f"Something moved {path(placed[0])}, {time}.", draft.rows(placed))
    else:
        draft.state(sentence(clause(placed, draft.clock, with_words=False)), draft.rows(placed))


_TELL: dict[Asks, Callable[[Found, Draft], None]] = {
    "when": _when,
    "how_long": _how_long,
    "how_often": _how_often,
    "how_much": _how_much,
    "said": _said,
    "happened": tell_happened,
    "whether": _whether,
    "where": _where,
}
