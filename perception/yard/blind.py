"""What one answers who has no sensor: the frequencies of training, by what a question's words say.

A question's words are its form, the things, sounds and happenings that it names, and whether it is about the moment it
is asked. The most frequent answer is that of the training questions with the same words; where they are few, of those
with the same classes and sounds, then of those of the same form. Nothing of the split under test is known: neither how
many things it has, nor what colours they are in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

from perception.yard.forms import Ask
from perception.yard.mentions import NOW, Description
from perception.yard.phrases import parse
from perception.yard.question import Answer, AnswerKind, Question, Value

LEAST = 10  # questions of training from which a frequency is taken
UNKNOWN = Answer(kind="unknown")
Words: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """An answer that fits questions of other moments and other things: a time as "so long ago", an order by rank."""

    kind: AnswerKind
    value: Value = ""
    how: str = "plain"  # ago: before it is asked; part: of the time until it is asked; rank: of what is named

    def answer(self, asked_s: float, options: Sequence[str]) -> Answer:
        """Return what it says to a question."""
        match self.how:
            case "ago":
                return Answer(kind=self.kind, value=max(0.0, asked_s - float(self.value)))  # type: ignore[arg-type]
            case "part":
                return Answer(kind=self.kind, value=asked_s * float(self.value))  # type: ignore[arg-type]
            case "rank":
                ranked = [options[int(number)] for number in self.value]  # type: ignore[union-attr]
                return Answer(kind=self.kind, value=ranked[0] if len(options) == 2 else tuple(ranked))
            case _:
                return Answer(kind=self.kind, value=self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """The most frequent answers of training, by words."""

    by_words: Mapping[Words, Guess]

    def answer(self, question: Question) -> Answer:
        """Return the most frequent answer to what is worded so; to abstain where training has nothing like it."""
        for words in words_of(question):
            if words in self.by_words:
                return self.by_words[words].answer(question.asked_s, question.options)
        return UNKNOWN


def fit(training: Iterable[Question]) -> Blind:
    """Learn what is answered most often; the same questions give the same answers, in whatever order they come."""
    by_words: defaultdict[Words, list[Question]] = defaultdict(list)
    for question in training:
        for words in dict.fromkeys(words_of(question)):
            by_words[words].append(question)
    return Blind(
        by_words={words: _best(some) for words, some in by_words.items() if len(some) >= LEAST or len(words) == 1}
    )


def words_of(question: Question) -> Iterator[Words]:
    """Yield what a question's words say, from all of it to its form alone."""
    ask = parse(question.text)
    if ask is None:
        yield (question.group,)
        return
    when = "now" if ask.at == NOW else "then"
    whats = _whats(ask)
    verbs = [one.verb for one in ask.happenings]
    sounds = [*ask.sounds, *(one.sound for one in ask.happenings if one.sound)]
    ranks = [one.ordinal or "" for one in ask.mentions]
    sides = [ask.side or "", *(one.side or "" for one in ask.mentions)]
    yield (ask.form, when, *(what.words for what in whats), *verbs, *sounds, *ranks, *sides)
    yield (ask.form, "", *(what.kind or "thing" for what in whats), *verbs, *sounds)
    yield (ask.form, *verbs, "")
    yield (ask.form,)


def _whats(ask: Ask) -> list[Description]:
    named = [*ask.mentions, *(one.who for one in ask.happenings if one.who is not None)]
    return [*(mention.what for mention in named), *([ask.what] if ask.what is not None else [])]


def _best(questions: Sequence[Question]) -> Guess:
    """Return the guess that most questions take, tolerances counted."""
    guesses = sorted({guess for question in questions for guess in _guesses(question)}, key=str)
    takes = {guess: sum(_takes(question, guess) for question in questions) for guess in guesses}
    return max(guesses, key=lambda guess: takes[guess])


def _takes(question: Question, guess: Guess) -> bool:
    if guess.how == "rank" and len(guess.value) != len(question.options):  # type: ignore[arg-type]
        return False
    return question.answer.agrees(guess.answer(question.asked_s, question.options))


def _guesses(question: Question) -> Iterator[Guess]:
    """Yield everything that would have been the answer."""
    answer, options = question.answer, question.options
    if answer.kind == "time":
        at_s = float(str(answer.value))
        yield Guess(kind="time", value=round(question.asked_s - at_s), how="ago")
        yield Guess(kind="time", value=round(at_s / max(1.0, question.asked_s), 1), how="part")
        yield Guess(kind="time", value=float(round(at_s)))
    elif answer.kind == "order" and options:
        for ranks in permutations(range(len(options))):
            yield Guess(kind="order", value=tuple(map(str, ranks)), how="rank")
    elif answer.kind == "duration":
        yield Guess(kind="duration", value=round(2 * float(str(answer.value))) / 2)
    else:
        yield Guess(kind=answer.kind, value=answer.value)
