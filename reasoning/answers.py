"""What each kind of question gets: when, how long, how often, how much, what was said, what happened, whether, where.

Every function writes into a draft; windows are never named before the facts, so the first time in an answer is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasoning.episodes import PITCH_SHARE, Episode, total_ns
from reasoning.phrases import LISTED_MAX, clause, describe, few, name_all, noun, path, sentence, shown, when
from reasoning.understand import Question
from reasoning.wording import count, length, ordinal, quote

if TYPE_CHECKING:
    from reasoning.asks import Asks
    from reasoning.draft import Draft


@dataclass(frozen=True, slots=True)
class Found:
    """The episodes that answer a question, at least one."""

    question: Question
    episodes: tuple[Episode, ...]
    at_least: bool  # memory holds more than it returned
    anchor: Episode | None = None  # the moment that the question hangs on

    @property
    def which(self) -> str:
        """Return "first", "longest" where the question picks one, else ""."""
        topic = self.question.topic
        return topic.extreme or (ordinal(topic.nth) if topic.nth else "")


def tell_found(found: Found, draft: Draft) -> None:
    """Answer with what was found."""
    _TELL[found.question.ask](found, draft)


def tell_happened(found: Found, draft: Draft, *, with_words: bool = True, lead: str = "") -> None:
    """Tell all kinds, the one that began first before the others; `lead` is "Yes, "."""
    kinds = list(dict.fromkeys(episode.kind for episode in found.episodes))
    limit = LISTED_MAX // len(kinds)
    for kind in kinds:
        episodes = [episode for episode in found.episodes if episode.kind == kind]
        text = clause(episodes, draft.clock, with_words=with_words, at_least=found.at_least, limit=limit)
        draft.state(f"{lead}{text}." if lead else sentence(text), draft.rows(shown(episodes, draft.clock, limit)))
        lead = ""


def _when(found: Found, draft: Draft) -> None:
    first = found.episodes[0]
    if not found.which:
        tell_happened(found, draft, with_words=bool(found.question.content))
        return
    place, words = f" {path(first)}" if path(first) else "", f": {quote(first.words)}" if first.words else ""
    time = when(first, draft.clock)
    ago = f", {length(draft.clock.asked_ns - first.end_ns)} ago" if found.question.wants_ago else ""
    if time.startswith("since"):
        told = f"has been going on {time}{place}"
    elif found.question.wants_end and time.startswith("from"):
        told = f"ended at {draft.clock.at(first.end_ns)}; it began at {draft.clock.at(first.start_ns)}{place}"
    else:
        told = f"was {time}{place}{ago}"
    draft.state(f"The {found.which} {noun([first])} {told}{words}.", draft.rows([first]))


def _how_long(found: Found, draft: Draft) -> None:
    episodes = shown(found.episodes, draft.clock)
    times = [when(episode, draft.clock) for episode in found.episodes]
    listed = few(times, at_least=found.at_least)
    total = length(total_ns(found.episodes))
    if len(found.episodes) == 1:
        lasted = f"has lasted {total} so far" if times[0].startswith("since") else f"lasted {total}"
        text = f"The {found.which or 'only'} {noun(episodes)} {lasted}, {listed}."
    else:
        text = f"{total} in all, in {count(len(found.episodes), noun(found.episodes))}: {listed}."
    draft.state(text, draft.rows(episodes))


def _how_often(found: Found, draft: Draft) -> None:
    episodes = found.episodes
    if found.question.topic.is_distinct:
        _how_many_pitches(found, draft)
        return
    floor = "At least " if found.at_least else ""
    listed = name_all(episodes, draft.clock, with_words=bool(found.question.content), at_least=found.at_least)
    draft.state(f"{floor}{count(len(episodes), 'time')}: {listed}.", draft.rows(shown(episodes, draft.clock)))


def _how_many_pitches(found: Found, draft: Draft) -> None:
    """Count tones that differ by more than a semitone."""
    heard: list[Episode] = []
    for episode in sorted(found.episodes, key=lambda episode: episode.pitch_hz):
        if not heard or episode.pitch_hz > heard[-1].pitch_hz * (1 + PITCH_SHARE):
            heard.append(episode)
    if not all(episode.pitch_hz for episode in found.episodes):
        draft.abstain("I cannot tell which sounds are the same.")
        return
    heard.sort(key=lambda episode: episode.start_ns)
    listed = name_all(heard, draft.clock)
    draft.state(
        f"{'At least ' if found.at_least else ''}{len(heard)} different: {listed}.",
        draft.rows(shown(heard, draft.clock)),
    )


def _delay(found: Found, draft: Draft) -> None:
    """Say how long after, or before, the moment it was."""
    first, anchor = found.episodes[0], found.anchor
    assert anchor is not None
    is_after = first.start_ns >= anchor.end_ns
    apart_ns = first.start_ns - anchor.end_ns if is_after else anchor.start_ns - first.end_ns
    told = clause([first], draft.clock, with_words=True)
    draft.state(f"{length(max(0, apart_ns))} {'after' if is_after else 'before'} that: {told}.", draft.rows([first]))


def _how_much(found: Found, draft: Draft) -> None:
    """Say how strong it was; of several the strongest, when that was, and how far down the others reach."""
    kind = "sound" if any(episode.kind == "sound" for episode in found.episodes) else found.episodes[0].kind
    measured = [episode for episode in found.episodes if episode.kind == kind and episode.level]
    if not measured or kind not in {"sound", "motion"}:
        draft.abstain(f"I do not measure how strong {noun(found.episodes)}s are.")
        return
    weakest, *_, strongest = sorted([measured[0], *measured], key=lambda episode: episode.level)
    scale, unit = (100, "%") if kind == "motion" else (1, "dB")
    most, least = f"{scale * strongest.level:.0f}", f"{scale * weakest.level:.0f}"
    named = describe(strongest, draft.clock)
    is_motion = kind == "motion"
    text = f"up to {most} % of the picture moved, {named}" if is_motion else f"{named}, {most} dB above the background"
    if len(measured) > 1:
        several = f"{'at least ' if found.at_least else ''}{count(len(measured), noun(measured))}"
        text += f"; that was the {'largest' if is_motion else 'loudest'} of {several}, from {least} to {most} {unit}"
    kept = [episode for episode in shown(measured, draft.clock) if episode != strongest]
    draft.state(sentence(text), draft.rows([strongest, *kept[: LISTED_MAX - 1]]))


def _said(found: Found, draft: Draft) -> None:
    first = found.episodes[0]
    if found.which and first.kind == "utterance":
        draft.state(f"The {found.which} thing I heard was {describe(first, draft.clock)}.", draft.rows([first]))
    else:
        tell_happened(found, draft)


def _whether(found: Found, draft: Draft) -> None:
    with_words = bool(found.question.content) or found.question.about in {"heard", "anything"}
    times, n = found.question.topic.times, len(found.episodes)
    if times is None:
        is_unsure = found.question.topic.has_thing and found.question.about == "motion"  # a movement is no car yet
        tell_happened(found, draft, with_words=with_words, lead="Perhaps: " if is_unsure else "Yes, ")
    elif found.at_least and not times.holds(10**9):
        draft.abstain(f"I know of at least {n}, perhaps more.")
    else:
        listed = name_all(found.episodes, draft.clock, with_words=with_words)
        lead = "Yes" if times.holds(n) else "No"
        draft.state(f"{lead}, {count(n, 'time')}: {listed}.", draft.rows(shown(found.episodes, draft.clock)))


def _where(found: Found, draft: Draft) -> None:
    placed = tuple(episode for episode in found.episodes if path(episode))
    if not placed:
        draft.abstain("I do not know where that was.")
    elif len(placed) == 1:
        time = draft.clock.stretch(placed[0].start_ns, placed[0].end_ns)
        draft.state(f"Something moved {path(placed[0])}, {time}.", draft.rows(placed))
    else:
        tell_happened(Found(found.question, placed, found.at_least), draft)


_TELL: dict[Asks, Callable[[Found, Draft], None]] = {
    "when": _when,
    "how_long": _how_long,
    "how_often": _how_often,
    "how_much": _how_much,
    "said": _said,
    "happened": tell_happened,
    "whether": _whether,
    "where": _where,
    "delay": _delay,
}
