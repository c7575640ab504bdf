"""Two questions in one, or one about two times: "did it move and was anything said", "at 0:02 and at 0:06"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning import vocabulary as vocab
from reasoning.patterns import either, has, word
from reasoning.timepoints import Now
from reasoning.timewords import parse_time

if TYPE_CHECKING:
    from reasoning.understand import Question

_NEW = either(
    r"(?:is|are|was|were|did|does|has|have|had)(?:n't)?\b",
    r"(?:how|where|what|when|who)\b",
)
_AND = re.compile(rf"\s*,?\s+and\s+(?:also\s+)?(?={_NEW})", re.IGNORECASE)
_AND_SOME = re.compile(r"\s+and\s+(?=(?:some|any)(?:thing|body|one)\s+\w)", re.IGNORECASE)
_FIRST = re.compile(rf"^\W*(?P<word>{either(*sorted(vocab.AUXILIARIES))})\b", re.IGNORECASE)
_TOGETHER = word(r"at\s+(?:the\s+same\s+(?:time|moment)|once)", "simultaneous(?:ly)?", "together")
_REFERS = r"\b(?:after|before|since|during|while)\s+(?:that|it|this|then)\b|\b(?:then|afterwards?)\b"
_BOTH = either(
    r"\b(?:quiet|silent)\s+and\s+(?:still|motionless)\b|\b(?:still|motionless)\s+and\s+(?:quiet|silent)\b",
    r"\bboth\b[^?.!;]*\band\b",
    rf"\b(?:{'|'.join(vocab.SIDES)})\s+and\s+(?:(?:on|at|in)\s+)?(?:the\s+)?(?:{'|'.join(vocab.SIDES)})\b",
)


_ON_BOTH_SIDES = re.compile(
    r"\b(?:(?P<a>before)\s+and\s+after|(?P<b>after)\s+and\s+before)\s+(?P<what>[^?.!;,]+)", re.IGNORECASE
)
_OUTSIDE = re.compile(
    r"\b(?P<a>before\s+(?:(?!\b(?:and|after)\b)[^?.!;,])+?)\s+(?:and|or)\s+(?P<b>after\s+[^?.!;,]+)", re.IGNORECASE
)
_INSIDE = re.compile(
    r"\b(?:after|since)\s+(?P<a>(?:(?!\b(?:and|but|before|until)\b)[^?.!;,])+?)\s+(?:and|but)\s+(?:before|until|till)\s+"
    r"(?P<b>(?!and\b)[^?.!;,]+)",
    re.IGNORECASE,
)


def join_borders(text: str, now: Now) -> str:
    """Return "between the tone and the bang" for "after the tone and before the bang"; times stay borders."""
    match = _INSIDE.search(text)
    if match is None:
        return text
    borders = (f"after {match['a']}", f"before {match['b']}")
    if any(parse_time(border, now.asked_ns, now.start_ns, now.tz) is not None for border in borders):
        return text
    return f"{text[: match.start()]}between {match['a']} and {match['b']}{text[match.end() :]}"


def _both_sides(text: str) -> tuple[str, str] | None:
    """Return one question for before and one for after: the same moment, or "before the first and after the last"."""
    if match := _ON_BOTH_SIDES.search(text):
        sides = [f"{side} {match['what']}" for side in ("before", "after")]
    elif match := _OUTSIDE.search(text):
        sides = [match["a"], match["b"]]
    else:
        return None
    first, second = (f"{text[: match.start()]}{side}{text[match.end() :]}" for side in sides)
    return first, second


def split(text: str, now: Now) -> tuple[str, str] | None:
    """Return two questions for one, or None where there is only one."""
    if parts := _both_sides(text):
        return parts
    for match in _AND.finditer(text):
        if not has(r"\bbetween\b(?:(?!\band\b).)*$", text[: match.start()]):
            return text[: match.start()], text[match.end() :]
    for match in re.finditer(r"\s+and\s+", text, re.IGNORECASE):
        if parts := _two_times(text[: match.start()], text[match.end() :], now):
            return parts
    first, match_some = _FIRST.match(text), _AND_SOME.search(text)
    if first is not None and match_some is not None:
        return text[: match_some.start()], f"{first['word']} {text[match_some.end() :]}"
    return None


def share(parts: list[Question]) -> tuple[Question, ...]:
    """Give the time that only one of the parts names to the others."""
    spans = [part.span for part in parts if part.span is not None]
    if len(spans) != 1:
        return tuple(parts)
    return tuple(part if part.anchor is not None else replace(part, span=spans[0]) for part in parts)


def is_together(text: str) -> bool:
    """Whether two things have to be so at once, or one hangs on the other: "and did it move after that"."""
    return has(_TOGETHER, text) or has(_REFERS, text)


def asks_both(text: str) -> bool:
    """Whether it asks for two things without being two questions: "both a tone and a movement"."""
    return has(_BOTH, text)


def _two_times(left: str, right: str, now: Now) -> tuple[str, str] | None:
    """Return the question for each of two windows; "after 0:10 and before 0:20" is one."""
    a = parse_time(left, now.asked_ns, now.start_ns, now.tz)
    b = parse_time(right, now.asked_ns, now.start_ns, now.tz)
    if a is None or b is None or not left.endswith(a.phrase) or not right.startswith(b.phrase):
        return None
    if None in {a.start_ns, a.end_ns, b.start_ns, b.end_ns}:
        return None
    head = re.sub(r"\s+both\s*$", " ", left.removesuffix(a.phrase), flags=re.IGNORECASE)
    return f"{head}{a.phrase}{right.removeprefix(b.phrase)}", f"{head}{right}"
