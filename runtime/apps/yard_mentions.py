"""What a free description says, by the closed vocabulary: things and sounds, and what it claims of them.

Read from the left to the right. Size, colour and number belong to the class that they stand before; where, which way
and when belong to what was named last, or at the beginning of a sentence to what is named next; "it" is what was named
last in the sentence before. A sentence that denies something mentions nothing, up to a "but".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from perception.yard.denials import clauses_of
from perception.yard.mentions import Description
from perception.yard.words import CLASS_WORDS, CLOCK, COLOUR_WORDS, NUMBERS, SIZE_WORDS, SOUND_WORDS, plain, read_span

ClaimKind: TypeAlias = Literal["where", "way", "beside", "meets", "order", "when"]
_ENDS = re.compile(r"(?<!\d)[.!?;]|[.!?;](?!\d)")
_IT = re.compile(r"^(?:it|they|he|she|this|then it)\b")
_CLOCK = CLOCK.pattern.replace("(?:(\\d+):)?(\\d+):([0-5]\\d(?:\\.\\d+)?)", "(?:\\d+:)?\\d+:[0-5]\\d(?:\\.\\d+)?")
_MOVES = r"(?:mov|go|went|driv|drove|walk|ran|run|head|turn|rid|rode|cross|travel|roll)\w*"
_SIDE = r"left|middle|centre|center|right"
_NUMBER = "|".join(NUMBERS[1:])
_TOKENS: Mapping[str, str] = {
    "range": rf"(?:from|between) (?P<from>{_CLOCK}) (?:to|and|until|till) (?P<to>{_CLOCK})",
    "clock": rf"{_CLOCK}",
    "ago": rf"(?:(?:\d+(?:\.\d+)?|an?|{_NUMBER}) (?:second|minute|hour)s?(?: and)? ?)+ago",
    "beside": r"(?:(?:to|on) the )?(?P<beside>left|right) of",
    "from": r"from the (?P<from_side>left|right)",
    "moves": rf"{_MOVES}(?: (?:off|over|along|out))? (?:(?:to|towards|toward) the )?(?P<way>left|right)(?:wards?)?",
    "away": r"away|reced\w+|retreat\w*|leftwards?|rightwards?",
    "towards": r"towards|toward|closer|nearer|approach\w*",
    "where": rf"(?:on|in|at|to) the (?:far )?(?P<where>{_SIDE})(?: hand)?(?: side)?",
    "meets": r"met|meets?|meeting|next to|beside|close to",
    "leaves": r"(?:went|goes|going|gone|moved) out of (?:view|sight)|left(?: the \w+)?|leaves?|disappear\w*|vanish\w*",
    "enters": r"(?:came|comes|coming|come) (?:into|in) (?:view|sight)|enter\w*|appear\w*|arriv\w*",
    "starts": r"(?:start|began|begin)\w* (?:to move|moving)|set off",
    "stops": r"stop\w*|halt\w*",
    "turns": r"turn\w*",
    "after": r"after",
    "before": r"before|then|followed by",
    "word": r"[a-z0-9]+",
}
_TOKEN = re.compile("|".join(rf"(?P<{name}_>\b(?:{pattern})(?![\w:]))" for name, pattern in _TOKENS.items()))
_VERBS = ("leaves", "enters", "starts", "stops", "turns")
_OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A thing or a sound as a text names it."""

    what: Description = field(default_factory=Description)
    count: int | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a text says of something that it names."""

    kind: ClaimKind
    of: Named
    other: Named | None = None
    value: str = ""  # a side, a way; of an order which of the two came first
    verb: str | None = None  # what happened then
    other_verb: str | None = None  # to the other, in an order
    from_s: float = 0.0
    to_s: float = 0.0
    counts_back: bool = False  # from when the text was said


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """What a text mentions, in its order."""

    named: tuple[Named, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def things(self) -> tuple[Description, ...]:
        """Return the classes with what stands before them."""
        return tuple(one.what for one in self.named if one.sound is None)

    @property
    def sounds(self) -> tuple[str, ...]:
        """Return the sounds."""
        return tuple(one.sound for one in self.named if one.sound is not None)


def mentioned(text: str) -> Mentioned:
    """Return what a text mentions and claims."""
    reader = Reader()
    for sentence in _ENDS.split(text):
        for part in re.split(r"\bbut\b", sentence):
            if not any(clause.no for clause in clauses_of(part)):
                reader.read(plain(part))
    return Mentioned(named=tuple(reader.named), claims=tuple(reader.claims))


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads sentences one after the other."""

    named: list[Named] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    current: Named | None = None
    verb: str | None = None
    waits: list[dict[str, object]] = field(default_factory=list)  # what is said of what is named next
    between: tuple[Named, str, str] | None = None  # what was named, and how the next thing stands to it

    def read(self, words: str) -> None:
        """Read one sentence in plain words."""
        last, self.verb, self.waits, self.between = self.current, None, [], None
        self.current = last if _IT.match(words) else None
        if words.startswith("then ") and last is not None:
            self.between = (last, "order", "first")
        before: list[str] = []  # number, size and colour that wait for their class
        for token in _TOKEN.finditer(words):
            name = str(token.lastgroup).rstrip("_")
            if name == "word" or (name in ("leaves",) and self.current is None):
                self._word(token[0], before)
            else:
                before.clear()
                self._said(name, token)
        self.current = self.current or last

    def _word(self, word: str, before: list[str]) -> None:
        kind, sound = _value(word, CLASS_WORDS), _value(word, SOUND_WORDS)
        if kind is not None:
            self._name(_named(kind, before))
        elif sound is not None and (self.current is None or self.current.sound != sound):  # "a horn honked" is one
            self._name(Named(sound=sound))
        elif word in NUMBERS or word.isdigit() or _value(word, SIZE_WORDS) or _value(word, COLOUR_WORDS):
            before.append(word)
            return
        before.clear()

    def _name(self, one: Named) -> None:
        self.named.append(one)
        if self.between is not None:
            other, kind, value = self.between
            self.claims.append(Claim(kind=kind, of=other, other=one, value=value, verb=self.verb))  # type: ignore[arg-type]
        self.claims += [Claim(of=one, **fields) for fields in self.waits]  # type: ignore[arg-type]
        self.current, self.verb, self.waits, self.between = one, None, [], None

    def _said(self, name: str, token: re.Match[str]) -> None:
        """Note what a token says of what was named last, or of what comes next."""
        if name in _VERBS:
            self.verb = name
            self._happened(name)
        elif name in ("before", "after", "beside", "meets"):
            kind = "order" if name in ("before", "after") else name
            value = {"before": "first", "after": "second", "beside": str(token["beside"])}.get(name, "")
            if self.current is not None:
                self.between = (self.current, kind, value)
        else:
            self.between = None if name in ("clock", "ago", "range") else self.between
            fields = _fields(name, token)
            if self.current is None:
                self.waits.append(fields)
            else:
                verb = self.verb if fields["kind"] == "when" else None
                self.claims.append(Claim(of=self.current, verb=verb, **fields))  # type: ignore[arg-type]

    def _happened(self, verb: str) -> None:
        """Give the verb to what was said before it: "At 0:05 a car came into view", "before the car left"."""
        for number, claim in enumerate(self.claims):
            if claim.of is self.current and claim.kind == "when" and claim.verb is None:
                self.claims[number] = replace(claim, verb=verb)
            elif claim.other is self.current and claim.kind == "order" and claim.other_verb is None:
                self.claims[number] = replace(claim, other_verb=verb)


def _fields(name: str, token: re.Match[str]) -> dict[str, object]:
    match name:
        case "range":
            return {"kind": "when", "from_s": _seconds(token["from"]), "to_s": _seconds(token["to"])}
        case "clock":
            at_s = _seconds(token[0])
            return {"kind": "when", "from_s": at_s, "to_s": at_s}
        case "ago":
            span_s = read_span(token[0]) or 0.0
            return {"kind": "when", "from_s": span_s, "to_s": span_s, "counts_back": True}
        case "where":
            side = token["where"]
            return {"kind": "where", "value": "middle" if side in ("centre", "center") else side}
        case "from":
            return {"kind": "way", "value": _OTHER[token["from_side"]]}
        case "moves":
            return {"kind": "way", "value": token["way"]}
        case "away":
            way = token[0]
            return {"kind": "way", "value": next((side for side in _OTHER if way.startswith(side)), "away")}
        case _:
            return {"kind": "way", "value": "towards"}


def _named(kind: str, before: list[str]) -> Named:
    """Return a class with what stands before it."""
    size = colour = count = None
    for word in before:
        size = _value(word, SIZE_WORDS) or size
        colour = _value(word, COLOUR_WORDS) or colour
        count = int(word) if word.isdigit() else NUMBERS.index(word) if word in NUMBERS else count
    return Named(what=Description(size=size, colour=colour, kind=kind), count=count)


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _value(word: str, table: Mapping[str, tuple[str, ...]]) -> str | None:
    return next((value for value, names in table.items() if word in names), None)
