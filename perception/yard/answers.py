"""Says an answer, reads one back from free text with synonyms, and judges it; no model takes part.

Text that holds no value of the wanted kind, or two of them, is outside the grammar: it is unparsed, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from perception.yard.question import Answer, AnswerKind, Question
from perception.yard.words import (
    CLASS_WORDS,
    COLOUR_WORDS,
    DIRECTION_WORDS,
    HAPPENING_WORDS,
    ORDER_WORDS,
    SIDE_WORDS,
    SIZE_WORDS,
    SOUND_WORDS,
    SPEED_WORDS,
    digits,
    found,
    plain,
    read_clock,
    read_span,
)

Judgement: TypeAlias = Literal["right", "wrong", "abstained", "unparsed"]
UNKNOWN_ANSWER, REFUTED_ANSWER = Answer(kind="unknown"), Answer(kind="refuted")
_WORDS: Mapping[AnswerKind, Mapping[str, tuple[str, ...]]] = {
    "class": CLASS_WORDS,
    "colour": COLOUR_WORDS,
    "side": SIDE_WORDS,
    "direction": DIRECTION_WORDS,
    "speed": SPEED_WORDS,
    "sound": SOUND_WORDS,
}
_ABSTAINS = re.compile(
    r"\b(?:do not|dont|can not|cannot|cant|could not|couldnt|unable to|hard to|nobody could|nobody can) "
    r"(?:be )?(?:know|known|tell|told|say|said|see|seen|answer|answered|determine|determined|make out|be sure)\b"
    r"|\bnot (?:sure|clear|certain|known)\b|\bunknown\b|\bunclear\b|\bno idea\b|\bimpossible to\b|\btoo dark\b"
    r"|\bnobody knows\b|\bnot enough (?:information|evidence)\b|\bunanswerable\b"
)
_REFUTES = re.compile(
    r"\b(?:no such|nothing|none|never|no sound|silence|silent|nobody|no one)\b|\b(?:did|does|do|was|is|were|are) not\b"
    r"|\b(?:didnt|doesnt|dont|wasnt|isnt|werent|arent)\b|\bthere (?:is|was|are|were) no\b"
    r"|\bnot (?:there|dark|in view)\b|\bhave not\b|\bhas not\b|\bhavent\b|\bhasnt\b"
)
_FALSE_OF_THE_DARK = re.compile(r"\b(?:never|not|wasnt) (?:got |become )?dark\b|\bno such\b")
_YES = re.compile(
    r"^(?:yes|yeah|yep|yup|correct|true|right|indeed|certainly|sure|of course|it (?:is|was|did|does)\b"
    r"|there (?:is|was|are|were)\b)|\byes\b"
)
_NO = re.compile(r"\b(?:no|not|nope|never|none|nothing|incorrect|false|isnt|wasnt|didnt|doesnt|dont|havent)\b")
_APART = re.compile(r"\b(?:but|rather|instead)\b")


def judge(question: Question, text: str) -> Judgement:
    """Say what an answer in free text is worth. To abstain is its own judgement, whatever was asked."""
    answer = parse_answer(question.asks, text, question.asked_s, question.options)
    if answer is None:
        return "unparsed"
    if answer.kind == "unknown":
        return "abstained"
    return "right" if question.answer.agrees(answer) else "wrong"


def parse_answer(asks: AnswerKind, text: str, asked_s: float, options: tuple[str, ...] = ()) -> Answer | None:
    """Return the answer of the wanted kind that a text gives, refuted or unknown; none where it gives no one answer."""
    words = plain(text[:2000])
    if not words:
        return None
    if _ABSTAINS.search(words):
        return UNKNOWN_ANSWER
    if asks in {"yes_no", "number", "list"}:
        if _FALSE_OF_THE_DARK.search(words):
            return REFUTED_ANSWER
        return _VALUES[asks](words)
    if _REFUTES.search(words):
        apart = _APART.split(words)  # "it is not red but blue"
        return _value(asks, apart[-1], asked_s, options) if len(apart) > 1 else REFUTED_ANSWER
    return _value(asks, words, asked_s, options)


def _value(asks: AnswerKind, words: str, asked_s: float, options: tuple[str, ...]) -> Answer | None:
    if asks in _WORDS:
        values = found(words, _WORDS[asks])
        return Answer(kind=asks, value=values[0]) if len(values) == 1 else None
    match asks:
        case "duration":
            span_s = read_span(words)
            span_s = read_clock(words) if span_s is None else span_s
            return None if span_s is None else Answer(kind=asks, value=span_s)
        case "time":
            at_s = _time(words, asked_s)
            return None if at_s is None else Answer(kind=asks, value=at_s)
        case "order":
            value = _order(words, options)
            return None if value is None else Answer(kind=asks, value=value)
        case _:
            return None


def _time(words: str, asked_s: float) -> float | None:
    """Return a time from the start: a clock time, or a span, which counts back where it says "ago"."""
    if re.search(r"\b(?:just|right) now\b|\ba moment ago\b", words):
        return asked_s
    if re.search(r"\b(?:at|from) the (?:very )?(?:start|beginning)\b", words):
        return 0.0
    at_s = read_clock(words)
    if at_s is not None:
        return at_s
    span_s = read_span(
        re.sub(r"\b(?:second|minute|hour) (\d+)\b", r"\1 second", words) if "second " in words else words
    )
    if span_s is None:
        return None
    return asked_s - span_s if re.search(r"\b(?:ago|before now|back|earlier|since)\b", words) else span_s


def _number(words: str) -> Answer | None:
    values = {int(number) for number in re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", digits(words))}
    if not values and re.search(r"\b(?:no|none|nothing|not any|not one|nobody)\b", words):
        values = {0}
    if not values and re.search(r"\b(?:a|an|single|only)\b", words):
        values = {1}
    return Answer(kind="number", value=values.pop()) if len(values) == 1 else None


def _yes_no(words: str) -> Answer | None:
    if _NO.search(words):
        return Answer(kind="yes_no", value="no")
    return Answer(kind="yes_no", value="yes") if _YES.search(words) else None


def _list(words: str) -> Answer | None:
    values = found(words, HAPPENING_WORDS)
    if values:
        return Answer(kind="list", value=tuple(sorted(values)))
    is_nothing = re.search(r"\b(?:nothing|none|no|silence|quiet)\b", words)
    return Answer(kind="list", value=()) if is_nothing else None


def _order(words: str, options: tuple[str, ...]) -> str | tuple[str, ...] | None:
    if not options:
        values = found(words, ORDER_WORDS)
        return values[0] if len(values) == 1 else None
    named = _named(words, options)
    if named is None:
        return None
    if len(options) == 2:  # which of two came first
        if re.search(r"\bafter\b", words) and len(named) == 2:
            return named[1]
        is_told = len(named) == 1 or re.search(r"\b(?:before|then|first)\b", words)
        return named[0] if is_told else None
    is_sound = len(named) == len(options) and not re.search(r"\b(?:after|before|last)\b", words)
    return tuple(named) if is_sound else None


_NOUNS: Mapping[str, tuple[str, ...]] = {**CLASS_WORDS, "thing": ("thing", "things", "one", "object")}
_RANKS: Mapping[str, tuple[str, ...]] = {rank: (rank,) for rank in ("first", "second", "third", "last")}


def _named(words: str, options: tuple[str, ...]) -> list[str] | None:
    """Return the options that a text names, in its order; none where a name fits none, or several."""
    named: list[str] = []
    for phrase in _names(words):
        fits = [option for option in options if phrase <= _attributes(option)]
        if len(fits) != 1:
            exact = [option for option in options if phrase == _attributes(option)]
            fits = exact if len(exact) == 1 else fits
        if len(fits) != 1:
            return None
        named += fits if fits[0] not in named else []
    return named or None


def _names(words: str) -> list[frozenset[str]]:
    """Return what each noun phrase of a text says: size, colour, class, sound; a sound stands alone."""
    tables = (SIZE_WORDS, COLOUR_WORDS, _NOUNS, SOUND_WORDS)
    phrases: list[frozenset[str]] = []
    open_words: set[str] = set()
    for word in [*words.split(), "."]:
        rank = next((rank for rank in _RANKS if word == rank), None)
        value = next((value for table in tables for value, names in table.items() if word in names), None)
        if value is not None:
            open_words.add(value)
        elif rank is not None and not open_words:
            open_words.add(rank)
            continue
        if open_words and (value is None or value in _NOUNS or value in SOUND_WORDS):
            if open_words - set(_RANKS) - {"thing"} or len(open_words) > 1:
                phrases.append(frozenset(open_words))
            open_words = set()
    return phrases


def _attributes(option: str) -> frozenset[str]:
    return frozenset(option.split())


_VALUES = {"yes_no": _yes_no, "number": _number, "list": _list}
