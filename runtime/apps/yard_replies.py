"""What was replied to the questions of the yard, by whomever: text, evidence and confidence, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from perception.yard.answers import Judgement, judge
from perception.yard.question import Group, Question
from runtime.apps import replay as replays
from runtime.apps.yard_worlds import Asked, Purpose, cut
from runtime.config import Config
from runtime.messages import Answer, Box

DESCRIBE = "What happened?"
DESCRIPTION = "describe"  # its id
WINDOW_S = 4.0  # the least that whoever has no memory sees before a question: what a poll is about
SHARED_S = 2.0  # questions so close together share a window, which is longer by this at most

Measured: TypeAlias = Literal["reliance", "score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One piece of evidence."""

    start_s: float
    end_s: float
    box: Box | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer in free text."""

    text: str
    abstained: bool = False
    evidence: tuple[Shown, ...] = ()
    confidence: float | None = None
    measured: Measured | None = None  # by what


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question, what was replied, and what that is worth."""

    world: int
    id: str
    purpose: Purpose
    question: Question
    reply: Reply
    verdict: Judgement

    @property
    def group(self) -> Group:
        """Return what kind of question it is."""
        return self.question.group

    @property
    def is_right(self) -> bool:
        """Say whether it is the answer."""
        return self.verdict == "right"

    @property
    def has_answer(self) -> bool:
        """Say whether somebody could know: a false premise is something to say too."""
        return self.question.kind != "unanswerable"


def rows_of(world: int, asked: Sequence[Asked], replies: Mapping[str, Reply]) -> list[Row]:
    """Return the questions of a world with their replies, judged."""
    return [
        Row(
            world=world,
            id=one.id,
            purpose=one.purpose,
            question=one.question,
            reply=replies[one.id],
            verdict=verdict_of(one.question, replies[one.id]),
        )
        for one in asked
        if one.id in replies
    ]


def verdict_of(question: Question, reply: Reply) -> Judgement:
    """Say what a reply is worth; who says of itself that it abstains does."""
    return "abstained" if reply.abstained else judge(question, reply.text)


def reply_of(answer: Answer) -> Reply:
    """Return what an answer says, how sure it is, and why: by what the model looked at, else by how well it matched."""
    reliances = [one.reliance for one in answer.sentences if one.reliance is not None]
    scores = [one.score for one in answer.evidence]
    return Reply(
        text=answer.answer,
        abstained=answer.abstained,
        evidence=tuple(Shown(start_s=one.start_s, end_s=one.end_s, box=one.box) for one in answer.evidence),
        confidence=sum(reliances) / len(reliances) if reliances else max(scores, default=None),
        measured="reliance" if reliances else "score" if scores else None,
    )


async def replies_to(
    path: Path, config: Config, asked: Sequence[Asked], *, describes: bool = False, start_s: float = 0.0
) -> dict[str, Reply]:
    """Replay a recording from `start_s` on through the configured backend, and return what it replied, by id."""
    questions = [replays.Question(text=one.question.text, at_s=one.question.asked_s, query_id=one.id) for one in asked]
    questions += [replays.Question(text=DESCRIBE, query_id=DESCRIPTION)] if describes else []
    result = await replays.replay([path], config, questions, start_s=start_s)
    return {answer.query_id: reply_of(answer) for answer in result.answers}


async def window_replies(path: Path, config: Config, asked: Sequence[Asked], scratch: Path) -> dict[str, Reply]:
    """Return what the same backend replies that begins to look only a few seconds before it is asked.

    Each stretch is a replay of its own with an empty memory, and ends with the last question that shares it.
    """
    replies: dict[str, Reply] = {}
    for some in stretches(asked):
        first_s, last_s = some[0].question.asked_s, some[-1].question.asked_s
        part = cut(path, scratch / f"{path.stem}-to-{last_s:g}.mcap", last_s)
        replies |= await replies_to(part, config, some, start_s=max(0.0, first_s - WINDOW_S))
        part.unlink()
    return replies


def stretches(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Return questions in the order in which they are asked, those together that share a window."""
    found: list[list[Asked]] = []
    for one in sorted(asked, key=lambda one: (one.question.asked_s, one.id)):
        if found and one.question.asked_s - found[-1][0].question.asked_s <= SHARED_S:
            found[-1].append(one)
        else:
            found.append([one])
    return found
