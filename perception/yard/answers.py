"""Says an answer, reads one back from free text with synonyms, and judges it; no model takes part.

Text that holds no value of the wanted kind, or two of them, is outside the grammar: it is unparsed, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from perception.yard.denials import Clause, affirmed, clauses_of, denied
from perception.yard.question import Answer, AnswerKind, Question
from perception.yard.words import (
    CLASS_WORDS,
    CLOCK,
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
_SEES_NONE = re.compile(r"\b(?:do not|dont) (?:see|hear)\b")  # of whether and how many, that is an answer
_NO_SUCH = re.compile(r"\bno such\b")
_NEVER_HAPPENED = re.compile(r"\b(?:never|did not|didnt) happen(?:ed)?\b")
_REFUTES = re.compile(
    r"\b(?:no such|nothing|none|never|no sound|silence|silent|nobody|no one)\b|\b(?:did|does|do|was|is|were|are) not\b"
    r"|\b(?:didnt|doesnt|dont|wasnt|isnt|werent|arent)\b|\b(?:is|was|are|were|see|saw|hear|heard) no\b"
    r"|\bnot (?:there|dark|in view)\b|\bhave not\b|\bhas not\b|\bhavent\b|\bhasnt\b"
)
_FALSE_OF_THE_DARK = re.compile(r"\b(?:never|not|wasnt) (?:got |become )?dark\b|\bno such\b")
_YES = re.compile(
    r"^(?:yes|yeah|yep|yup|correct|indeed|certainly|sure|of course|it (?:is|was|did|does)\b"
    r"|(?:(?:that is|thats) )?(?:right|true)$|there (?:is|was|are|were)\b|i (?:see|saw|hear|heard)\b)|\byes\b"
)
_SAYS_YES = re.compile(r"^(?:yes|yeah|yep|yup)\b")
_FALSE = re.compile(r"^(?:(?:that is|thats|it is|its) )?(?:incorrect|false|wrong)$")
_AT_ODDS = re.compile(r"\bor$")  # "one or no dog" says neither
_BOUND = re.compile(
    r"\b(?:more|less|fewer|longer|shorter|later|earlier|sooner) than\b|\bat (?:least|most)\b|\b(?:up to|over|under)\b"
    r"|\bbefore (?:the )?\d"
)
_NAMED_TIME = re.compile(r"\bin the last \S+ \w+|\b\S+ (?:second|minute|hour)s? ago\b")
_ZERO = re.compile(
    r"\b(?:no|none|nothing|nobody|neither|not any|not one|not a single|no one)\b"
    r"|\b(?:not|dont|didnt) (?:see|hear) any\b"
)


def judge(question: Question, text: str) -> Judgement:
    """Say what an answer in free text is worth. To abstain is its own judgement, whatever was asked."""
    answer = parse_answer(question.asks, text, question.asked_s, question.options)
    if answer is None:
        return "unparsed"
    if answer.kind == "unknown":
        return "abstained"
    if answer.kind == "refuted" and question.answer.kind in _EMPTY and _NO_SUCH.search(plain(text)):
        answer = _EMPTY[question.answer.kind]  # where a "no" is an answer, "there was no such thing" says it
    return "right" if question.answer.agrees(answer) else "wrong"


def parse_answer(asks: AnswerKind, text: str, asked_s: float, options: tuple[str, ...] = ()) -> Answer | None:
    """Return the answer of the wanted kind that a text gives, refuted or unknown; none where it gives no one answer.

    What a clause denies is no answer, and refutes nothing where it only denies one value: "it was not red".
    """
    words = plain(text[:2000])
    if not words:
        return None
    if _ABSTAINS.search(_SEES_NONE.sub(" ", words) if asks in _EMPTY else words):
        return UNKNOWN_ANSWER
    clauses = clauses_of(text[:2000])
    if any(clause.no and _AT_ODDS.search(clause.affirmed) for clause in clauses):
        return None
    if asks in {"yes_no", "number", "list"}:
        return REFUTED_ANSWER if _FALSE_OF_THE_DARK.search(words) else _VALUES[asks](clauses)
    if _NO_SUCH.search(words) or _NEVER_HAPPENED.search(words):
        return REFUTED_ANSWER
    if asks == "order" and options and any(_denies_of(clause, options) for clause in clauses):
        return None
    said = affirmed(clauses)
    value = (
        None if asks in _SPANS and _BOUND.search(digits(_counted(clauses))) else _value(asks, said, asked_s, options)
    )
    if value is not None or not any(_REFUTES.search(clause.words) for clause in clauses):
        return value
    has_value = _has_value(asks, said) or (asks != "order" and _has_value(asks, denied(clauses)))
    return None if has_value else REFUTED_ANSWER


def _counted(clauses: list[Clause]) -> str:
    """Return all words, for a bound may be denied too: "no more than two"."""
    return " ".join(clause.words for clause in clauses)


def _has_value(asks: AnswerKind, words: str) -> bool:
    """Say whether words hold a value of a kind, or several."""
    if asks in _WORDS:
        return bool(found(words, _WORDS[asks]))
    if asks == "order":
        return bool(found(words, ORDER_WORDS))
    return read_clock(words) is not None or bool(re.search(r"\d", digits(words)))


def _denies_of(clause: Clause, options: tuple[str, ...]) -> bool:
    """Say whether a clause denies something of a thing that it names: "the dog did not come first"."""
    is_of_it = clause.no in _OF_IT or (
        clause.no == "not" and re.search(r"\b(?:did|was|is|does|were)$", clause.affirmed)
    )
    return bool(is_of_it) and _named(clause.affirmed, options) is not None


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


def _number(clauses: list[Clause]) -> Answer | None:
    clauses = [clause for clause in clauses if clause.words != "no"] or clauses  # "No, there were three."
    if _BOUND.search(_counted(clauses)):
        return None
    said = _NAMED_TIME.sub(" ", CLOCK.sub(" ", affirmed(clauses)))
    values = {int(number) for number in re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", digits(said))}
    if not values and _ZERO.search(_counted(clauses)):
        values = {0}
    if not values and re.search(r"\b(?:a|an|single|only)\b", said):
        values = {1}
    return Answer(kind="number", value=values.pop()) if len(values) == 1 else None


def _yes_no(clauses: list[Clause]) -> Answer | None:
    """Return what the first clause says that says one of the two; none where another says the other outright."""
    outright = {_outright(clause) for clause in clauses} - {None}
    if len(outright) > 1:
        return None
    said = outright or {_implied(clause) for clause in clauses[:1]} - {None}
    said = said or ({_implied(clause) for clause in clauses} - {None})
    return Answer(kind="yes_no", value=str(said.pop())) if len(said) == 1 else None


def _outright(clause: Clause) -> str | None:
    """Return what a clause says by a word of its own."""
    if _SAYS_YES.search(clause.affirmed):
        return None if clause.no in ("no", "nope") else "yes"
    return "no" if clause.words in ("no", "nope") or _FALSE.search(clause.words) else None


def _implied(clause: Clause) -> str | None:
    if clause.no:
        return None if _SAYS_YES.search(clause.affirmed) else "no"
    return "yes" if _YES.search(clause.affirmed) else None


def _list(clauses: list[Clause]) -> Answer | None:
    values = found(affirmed(clauses), HAPPENING_WORDS)
    if values:
        return Answer(kind="list", value=tuple(sorted(values)))
    is_nothing = any(clause.no in _NOTHING or re.search(r"\bquiet\b", clause.words) for clause in clauses)
    is_one = any(clause.no not in ("nothing", "nobody") for clause in clauses if found(clause.denied, HAPPENING_WORDS))
    return Answer(kind="list", value=()) if is_nothing and not is_one else None


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
    turns = "after|before" if any("last" in option.split() for option in options) else "after|before|last"
    is_in_order = len(named) == len(options) and not re.search(rf"\b(?:{turns})\b", words)
    return tuple(named) if is_in_order else None


_NOUNS: Mapping[str, tuple[str, ...]] = {**CLASS_WORDS, "thing": ("thing", "things", "one", "object")}
_RANKS: Mapping[str, tuple[str, ...]] = {rank: (rank,) for rank in ("first", "second", "third", "last")}


def _named(words: str, options: tuple[str, ...]) -> list[str] | None:
    """Return the options that a text names, in its order; none where a name fits none, or several."""
    named: list[str] = []
    for phrase in _names(words):
        fits = [option for option in options if (phrase - {"thing"} or phrase) <= _attributes(option)]
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


_EMPTY: Mapping[AnswerKind, Answer] = {
    "yes_no": Answer(kind="yes_no", value="no"),
    "number": Answer(kind="number", value=0),
}
_SPANS = frozenset({"duration", "time"})
_NOTHING = frozenset({"nothing", "none", "no", "nobody", "silence", "quiet"})
_OF_IT = frozenset({"didnt", "wasnt", "isnt", "doesnt", "werent", "never"})
_VALUES: Mapping[AnswerKind, Callable[[list[Clause]], Answer | None]] = {
    "yes_no": _yes_no,
    "number": _number,
    "list": _list,
}
