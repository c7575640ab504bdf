"""A question and what memory recalled -> what a language model is told, within a budget of tokens.

What was worked out from the records comes first, then the records that are most like the question, then an overview
of a time that holds too many, then the newest.
Whatever was said, written or heard in the scene stands between quotation marks and fences: it is data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reasoning.backend import Case
from reasoning.draft import Draft
from reasoning.episodes import Episode, gather
from reasoning.evidence import Composed
from reasoning.overview import episode_of, line_of
from reasoning.prompt import Prompt
from reasoning.wording import Clock, plain, quote
from runtime.errors import HeedfulError
from runtime.messages import QUESTION_LENGTH, Evidence, Recalled

INTRO = "\nRecorded:\n<<<\n"
KINDS = ("utterance", "sound", "motion", "detection")


class QuestionTooLong(HeedfulError):
    """A question leaves no room in what a model reads at once."""

    def __init__(self, length: int, room: int, unit: str) -> None:
        """Say how long it is with the words around it, and how long it may be."""
        super().__init__(f"Your question is too long for me: {length} {unit}, and I read {room} at once.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A prompt, and what each of its lines rests on."""

    prompt: Prompt
    evidence: tuple[tuple[Evidence, ...], ...]  # of each line


def brief(
    case: Case,
    found: Composed | None,
    notes: Iterable[str],
    room: int,
    count: Callable[[str], int],
    unit: str = "tokens",
) -> Brief:
    """Return what the model is told, at most `room` tokens, or whatever `count` counts.

    `found` is what the records alone say, `notes` what the sensors missed. Raises QuestionTooLong.
    """
    clock = clock_of(case)
    told = "".join(f"{note}\n" for note in notes)
    closing = f">>>\n{told}It is {clock.at(case.asked_ns)} now.\nQuestion: {_asked(case)}"
    left = room - count(INTRO) - count(closing)
    if left < 0:
        raise QuestionTooLong(room - left, room, unit)
    lines: list[tuple[int, str, tuple[Evidence, ...]]] = []
    for start_ns, text, evidence in _candidates(case, found, clock):
        cost = count(f"[{len(lines) + 1}] {text}\n")
        if cost <= left:
            left -= cost
            lines.append((start_ns, text, evidence))
    lines.sort(key=lambda line: line[0])
    return Brief(
        prompt=Prompt(
            intro=INTRO,
            lines=tuple(f"[{number}] {text}" for number, (_, text, _) in enumerate(lines, start=1)),
            closing=closing,
        ),
        evidence=tuple(evidence for _, _, evidence in lines),
    )


def clock_of(case: Case) -> Clock:
    """Return the clock that writes this case's times."""
    origin_ns = case.recalled.session_start_ns if case.recalled is not None else case.session_start_ns
    return Clock(case.asked_ns, origin_ns, None)


def _asked(case: Case) -> str:
    return _unfenced(plain(case.question.text, QUESTION_LENGTH))


def _unfenced(text: str) -> str:
    """Return text in which no fence ends and no control token of a chat is spelled."""
    return re.sub(r"<{3,}|>{3,}|<\||\|>", " ", text)


def _candidates(case: Case, found: Composed | None, clock: Clock) -> Iterable[tuple[int, str, tuple[Evidence, ...]]]:
    """Yield when, what and on what it rests: first what was worked out, then the relevant, all in short, the newest."""
    if found is not None and not found.abstained:
        worked_out = " ".join(sentence.text for sentence in found.sentences if sentence.supported)
        if worked_out:
            told = _unfenced(plain(worked_out, QUESTION_LENGTH))
            yield -1, f"counted from the records: {told}", found.evidence
    if case.recalled is not None:
        yield from _remembered(case.recalled, clock)


def _remembered(recalled: Recalled, clock: Clock) -> Iterable[tuple[int, str, tuple[Evidence, ...]]]:
    draft = Draft(clock)
    relevant = {hit.record_id for hit in recalled.hits}
    episodes = _episodes(recalled)
    first = [one for one in episodes if relevant & {hit.record_id for hit in one.hits}]
    for episode in first:
        yield episode.start_ns, _unfenced(_line(episode, clock)), tuple(draft.rows([episode]))
    for stretch in recalled.overview:
        text = f"{clock.stretch(stretch.start_ns, stretch.end_ns)} in short: {line_of(stretch)}"
        yield stretch.start_ns, _unfenced(text), tuple(draft.rows([episode_of(stretch)]) if stretch.hits else ())
    for episode in episodes[len(first) :]:
        yield episode.start_ns, _unfenced(_line(episode, clock)), tuple(draft.rows([episode]))


def _episodes(recalled: Recalled) -> list[Episode]:
    """Return what happened, the most relevant first, then the newest."""
    known = {hit.record_id for hit in recalled.timeline}
    hits = [*recalled.timeline, *(hit for hit in recalled.hits if hit.record_id not in known)]
    episodes = [episode for kind in KINDS for episode in gather(hits, kind)]
    ranks = {hit.record_id: rank for rank, hit in enumerate(recalled.hits)}

    def place(episode: Episode) -> tuple[int, int]:
        return min((ranks.get(hit.record_id, len(ranks)) for hit in episode.hits), default=0), -episode.end_ns

    return sorted(episodes, key=place)


def _line(episode: Episode, clock: Clock) -> str:
    what = f"somebody said {quote(episode.words)}" if episode.kind == "utterance" else plain(episode.told, 200)
    if episode.kind == "utterance" and not episode.words:
        what = "somebody spoke, no words recognised"
    return f"{clock.stretch(episode.start_ns, episode.end_ns)} {plain(episode.hits[0].stream)}: {what}"
