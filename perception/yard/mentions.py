"""How questions speak of things, moments and periods: said and read back by the same small grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from perception.yard.kinds import CLASSES, COLOURS, SIZES
from perception.yard.scene import SIDES, Thing
from perception.yard.words import NUMBERS, read_clock, read_span, say_clock, say_span

ORDINALS = ("first", "second", "third", "last")
PLURALS = {
    "thing": "things",
    "person": "people",
    "dog": "dogs",
    "car": "cars",
    "truck": "trucks",
    "bicycle": "bicycles",
}
SIDE_PHRASES = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
_SIZES, _COLOURS, _NOUNS = "|".join(SIZES), "|".join(COLOURS), "|".join(("thing", *CLASSES))
_WHAT = rf"(?:(?P<size>{_SIZES}) )?(?:(?P<colour>{_COLOURS}) )?"
_SPAN = r"(?:(?:half )?an?|[\d.]+|[a-z]+) (?:second|minute|hour)s?(?:(?: and)? [\d.]+ (?:second|minute)s?)*"
MENTION = (
    rf"the (?:(?P<ordinal>{'|'.join(ORDINALS)}) )?(?P<moving>moving )?{_WHAT}(?P<noun>{_NOUNS})"
    rf"(?: (?P<side>{'|'.join(SIDE_PHRASES.values())}))?"
)
ONE = rf"an? {_WHAT}(?P<noun>{_NOUNS})"
MANY = rf"{_WHAT}(?P<noun>{'|'.join(PLURALS.values())})"
COUNTED = rf"(?P<number>{'|'.join(NUMBERS[1:])}) {_WHAT}(?P<noun>{_NOUNS}|{'|'.join(PLURALS.values())})"
POINT = rf"at (?P<at>[\d:.]+)|(?P<ago>{_SPAN}) ago"
PERIOD = rf"so far|in the last (?P<last>{_SPAN})|between (?P<from>[\d:.]+) and (?P<to>[\d:.]+)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a thing must be; none says nothing about it."""

    size: str | None = None
    colour: str | None = None
    kind: str | None = None

    def fits(self, thing: Thing) -> bool:
        """Say whether a thing is so."""
        return (
            self.size in (None, thing.size) and self.colour in (None, thing.colour) and self.kind in (None, thing.kind)
        )

    @property
    def words(self) -> str:
        """Return "small red car"."""
        return " ".join(word for word in (self.size, self.colour, self.kind or "thing") if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One thing as a question names it."""

    what: Description = Description()
    ordinal: str | None = None  # among those it fits, by when they were first seen
    side: str | None = None  # where it is at the moment asked about
    is_moving: bool = False  # it is what moves at the moment asked about, whatever it is

    @property
    def words(self) -> str:
        """Return "first red car"."""
        moving = "moving" if self.is_moving else None
        return " ".join(word for word in (self.ordinal, moving, self.what.words) if word)

    def __str__(self) -> str:
        return f"the {self.words}" + (f" {SIDE_PHRASES[self.side]}" if self.side else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment, as it is said; `ago_s` counts from when it is asked."""

    at_s: float | None = None
    ago_s: float | None = None

    def moment_s(self, asked_s: float) -> float:
        """Return when that is."""
        return self.at_s if self.at_s is not None else asked_s - (self.ago_s or 0.0)

    def __str__(self) -> str:
        if self.at_s is not None:
            return f"at {say_clock(self.at_s)}"
        return f"{say_span(self.ago_s or 0.0)} ago"


NOW = Point(ago_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time, as it is said: so far, the last seconds, or from one clock time to another."""

    last_s: float | None = None
    from_s: float | None = None
    to_s: float | None = None

    def span_s(self, asked_s: float) -> tuple[float, float]:
        """Return from when to when that is."""
        if self.last_s is not None:
            return asked_s - self.last_s, asked_s
        if self.from_s is not None and self.to_s is not None:
            return self.from_s, self.to_s
        return 0.0, asked_s

    def __str__(self) -> str:
        if self.last_s is not None:
            return f"in the last {say_span(self.last_s)}"
        if self.from_s is not None and self.to_s is not None:
            return f"between {say_clock(self.from_s)} and {say_clock(self.to_s)}"
        return "so far"


SO_FAR = Period()


def say_one(what: Description) -> str:
    """Return "a red car"."""
    return f"a {what.words}"


def say_many(what: Description) -> str:
    """Return "small red cars"."""
    return " ".join([*what.words.split()[:-1], PLURALS[what.kind or "thing"]])


def say_counted(number: int, what: Description) -> str:
    """Return "one red car", "two red cars"."""
    return f"{NUMBERS[number]} {what.words if number == 1 else say_many(what)}"


def read_mention(text: str) -> Mention | None:
    """Return what `str` of it was, none where it is no mention."""
    match = re.fullmatch(MENTION, text)
    if match is None:
        return None
    side = next((name for name in SIDES if SIDE_PHRASES[name] == match["side"]), None)
    return Mention(what=_what(match), ordinal=match["ordinal"], side=side, is_moving=match["moving"] is not None)


def read_one(text: str) -> Description | None:
    """Return what "a red car" says."""
    match = re.fullmatch(ONE, text)
    return _what(match) if match else None


def read_many(text: str) -> Description | None:
    """Return what "red cars" says."""
    match = re.fullmatch(MANY, text)
    return _what(match) if match else None


def read_counted(text: str) -> tuple[int, Description] | None:
    """Return what "two red cars" says."""
    match = re.fullmatch(COUNTED, text)
    if match is None:
        return None
    number, what = NUMBERS.index(match["number"]), _what(match)
    return (number, what) if say_counted(number, what) == text else None


def read_point(text: str) -> Point | None:
    """Return a moment."""
    match = re.fullmatch(POINT, text)
    if match is None:
        return None
    at_s = read_clock(match["at"]) if match["at"] else None
    ago_s = read_span(match["ago"]) if match["ago"] else None
    return None if at_s is None and ago_s is None else Point(at_s=at_s, ago_s=ago_s)


def read_period(text: str) -> Period | None:
    """Return a stretch of time."""
    match = re.fullmatch(PERIOD, text)
    if match is None:
        return None
    if match["last"]:
        last_s = read_span(match["last"])
        return None if last_s is None else Period(last_s=last_s)
    if match["from"]:
        from_s, to_s = read_clock(match["from"]), read_clock(match["to"])
        return None if from_s is None or to_s is None or from_s >= to_s else Period(from_s=from_s, to_s=to_s)
    return SO_FAR


def _what(match: re.Match[str]) -> Description:
    noun = match["noun"]
    kind = next((one for one, many in PLURALS.items() if noun in (one, many)), noun)
    return Description(size=match["size"], colour=match["colour"], kind=None if kind == "thing" else kind)
