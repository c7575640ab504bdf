"""What one can score without looking: the most frequent answer, and what the world's own priors say.

A question group that either of them passes measures nothing; `balance` says so for each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from perception.yard.answers import judge
from perception.yard.forms import Ask
from perception.yard.kinds import CLASSES
from perception.yard.mentions import Description
from perception.yard.momentrules import SLOW_MPS
from perception.yard.phrases import parse
from perception.yard.question import Answer, Question
from perception.yard.questions import answer_key
from perception.yard.script import CALLS_S, colour_weights, kind_weights
from perception.yard.settings import WorldSettings

USUAL_ENTITIES = 3.5  # of a world with the default settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How well one answers a group without looking."""

    group: str
    count: int
    majority: float
    wording: float  # the majority among questions that are worded alike
    blind: float


def group_of(question: Question) -> str:
    """Return what `majority` tells apart."""
    return question.group


def wording_of(question: Question) -> str:
    """Return form and class: what a text alone lets guess an answer from."""
    ask = parse(question.text)
    if ask is None:
        return question.group
    named = [mention.what.kind or "thing" for mention in ask.mentions] + [ask.what.kind or "thing" if ask.what else ""]
    return f"{ask.form} {' '.join(named)}"


def majority(training: Iterable[Question], key: Callable[[Question], str] = group_of) -> dict[str, Answer]:
    """Return the most frequent answer of each group in training; to abstain is an answer too."""
    by_key: defaultdict[str, list[Question]] = defaultdict(list)
    for question in training:
        by_key[key(question)].append(question)
    return {name: _most_frequent(questions) for name, questions in by_key.items()}


def blind(text: str, asked_s: float, settings: WorldSettings | None = None) -> Answer:
    """Return what the priors say to a question whose sensors nobody looked at."""
    ask = parse(text)
    settings = settings or WorldSettings()
    if ask is None:
        return Answer(kind="unknown")
    what = ask.what or next((mention.what for mention in ask.mentions), Description())
    match ask.form:
        case "what_side" | "what_is" | "sound_who":
            return Answer(kind="class", value=_likeliest(_kinds(what, settings)))
        case "colour_of" | "colour_side" | "colour_heard" | "dark_colour":
            return Answer(kind="colour", value=_likeliest(_colours(ask, what, settings)))
        case "sound_at":
            return Answer(kind="sound", value=CLASSES[_likeliest(_kinds(what, settings))].voice.name)
        case "many_now" | "many_seen" | "many_moving" | "dark_moved":
            return Answer(kind="number", value=round(USUAL_ENTITIES * _share(what, settings)))
        case "exists":
            return Answer(kind="yes_no", value="yes" if USUAL_ENTITIES * _share(what, settings) >= 0.5 else "no")
        case "fast":
            return Answer(kind="speed", value="slow" if _slow(_kinds(what, settings)) >= 0.5 else "fast")
        case "dark_heard" | "dark_happened":
            return Answer(kind="list", value=(CLASSES[_likeliest(_kinds(what, settings))].voice.name,))
        case "order_two" | "order_three" | "order_sounds" | "before":
            return _first_named(ask)
        case "long_view" | "long_still" | "long_sound" | "long_dark":
            return Answer(kind="duration", value=sum(CALLS_S) / 2)
        case "when" | "ago":
            return Answer(kind="time", value=asked_s / 2)
        case form:
            return _no_prior(form)


def balance(questions: Sequence[Question], training: Iterable[Question], settings: WorldSettings) -> list[Balance]:
    """Return for each group how often one is right without looking; to abstain where nobody could know is right."""
    training = list(training)
    by_group, by_wording = majority(training), majority(training, wording_of)
    rows = []
    for group in sorted({question.group for question in questions}):
        own = [question for question in questions if question.group == group]
        fallback = by_group.get(group, Answer(kind="unknown"))
        scores = (
            _score(own, [fallback for _ in own]),
            _score(own, [by_wording.get(wording_of(question), fallback) for question in own]),
            _score(own, [blind(question.text, question.asked_s, settings) for question in own]),
        )
        rows.append(Balance(group=group, count=len(own), majority=scores[0], wording=scores[1], blind=scores[2]))
    return rows


def is_right(question: Question, text: str) -> bool:
    """Say whether a text is the best that one can say: the answer, or to abstain where nobody could know."""
    judgement = judge(question, text)
    return judgement == ("abstained" if question.kind == "unanswerable" else "right")


def _score(questions: Sequence[Question], answers: Sequence[Answer]) -> float:
    return sum(one.answer.agrees(answer) for one, answer in zip(questions, answers, strict=True)) / len(questions)


def _most_frequent(questions: Sequence[Question]) -> Answer:
    """Return the answer that most of them take, tolerances counted."""
    counts = Counter(answer_key(question.answer) for question in questions)
    firsts = {answer_key(question.answer): question.answer for question in reversed(questions)}
    best = {key: sum(question.answer.agrees(firsts[key]) for question in questions) for key in counts}
    return firsts[max(best, key=lambda key: (best[key], str(key)))]


def _likeliest(weights: Mapping[str, float]) -> str:
    return max(weights, key=lambda name: weights[name])


def _kinds(what: Description, settings: WorldSettings) -> dict[str, float]:
    """Return P(class | what is said of it)."""
    if what.kind is not None:
        return {what.kind: 1.0}
    weights = kind_weights(())
    if what.colour is not None:
        weights = {
            kind: share * colour_weights(kind, settings).get(what.colour, 0.0) for kind, share in weights.items()
        }
    total = sum(weights.values())
    return {kind: share / total for kind, share in weights.items()}


def _colours(ask: Ask, what: Description, settings: WorldSettings) -> dict[str, float]:
    """Return P(colour | what is said of it)."""
    kinds = _kinds(what, settings)
    if ask.sounds:
        kinds = {kind: 1.0 for kind in CLASSES if CLASSES[kind].voice.name == ask.sounds[0]}
    weights: defaultdict[str, float] = defaultdict(float)
    for kind, share in kinds.items():
        for colour, of_kind in colour_weights(kind, settings).items():
            weights[colour] += share * of_kind
    return dict(weights)


def _share(what: Description, settings: WorldSettings) -> float:
    """Return how likely a thing is what is said."""
    shares = kind_weights(())
    kinds = [what.kind] if what.kind else list(shares)
    of_size = 0.5 if what.size else 1.0
    return of_size * sum(
        shares[kind] * (colour_weights(kind, settings).get(what.colour, 0.0) if what.colour else 1.0) for kind in kinds
    )


def _slow(kinds: Mapping[str, float]) -> float:
    """Return how likely a thing is slow."""
    total = 0.0
    for kind, share in kinds.items():
        least, most = CLASSES[kind].speeds_mps
        total += share * min(1.0, max(0.0, (SLOW_MPS - least) / (most - least)))
    return total


def _first_named(ask: Ask) -> Answer:
    names = tuple(mention.words for mention in ask.mentions) or ask.sounds
    if ask.form == "before":
        return Answer(kind="order", value="before")
    return Answer(kind="order", value=names if ask.form == "order_three" else names[0])


def _no_prior(form: str) -> Answer:
    """Return an answer where no prior says anything."""
    match form:
        case "where_is":
            return Answer(kind="side", value="middle")
        case "way":
            return Answer(kind="direction", value="left")
        case _:
            return Answer(kind="yes_no", value="no")
