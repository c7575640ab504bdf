"""What kind of answer a question wants: a time, a length, a number, words, a place, yes or no."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from reasoning.patterns import either, has, word
from reasoning.topics import Topic

Asks: TypeAlias = Literal["when", "how_long", "how_often", "how_much", "said", "happened", "whether", "where", "delay"]

_END = either(
    r"\b(?:until|till|up\s+to)\s+when\b",
    word(r"stop\w*|ends?|ended|finish\w*|ceas\w*|over"),
    r"\bwhen\b(?:(?!\bthe\b)[^?.!;])*(?<!very )\blast\s+(?!ones?\b|time\b|thing\b)\w+",  # "did it last move"
)
_YES_NO = either(
    r"(?:^|[?.!;,]\s*(?:and\s+|or\s+)?)(?:(?:is|are|was|were|did|does|do|has|have|had|can|could)(?:n't)?|whether|if)\b",
    r"\bwhether\b|\bis\s+it\s+true\b|\bor\s+not\b",
)
_YES_NO_SHORT = r"^(?:any(?:thing|body|one)?|some(?:thing|body|one)|nobody|nothing|no\s?one|still|ever)\b"
_EITHER_SIDE = r"\b(?:left|right|top|bottom)\s+(?:side\s+)?or\b.*\b(?:left|right|top|bottom|middle)\b"
_HOW = r"\bhow\s+(?:long|often|many)\b"
_ASKS: dict[Asks, str] = {
    "how_often": either(
        r"\bhow\s+(?:often|frequently|many\s+(?!seconds?\b|secs?\b|minutes?\b|hours?\b))",
        r"\bnumber\s+of\b|^count\b|\bcount\s+(?:of|the|how)\b",
    ),
    "how_long": either(
        r"\bhow\s+long\b(?!\s+ago)",
        r"\bhow\s+many\s+(?:seconds?|secs?|minutes?|hours?)\b(?!\s+(?:in|into|ago)\b)",
        r"\bhow\s+much\s+(?:of\s+the\s+)?time\b|\bduration\b|\blength\s+of\b|\bfor\s+what\s+time\b",
    ),
    "how_much": either(
        r"\bhow\s+(?:loud|strong|big|large|much|intense)\b",
        r"\bwhat\s+(?:level|volume|loudness)\b",
    ),
    "when": either(
        r"\bwhen\b|\btimestamps?\b|\bhow\s+long\s+ago\b|\bhow\s+many\s+(?:seconds|minutes)\s+(?:in|into|ago)\b",
        r"\b(?:what|which)\s+(?:times?|moments?|point|second|minute|instant|timestamp)\b",
        r"\btimes?\s+(?:of|at\s+which|when)\b",
    ),
    "where": either(
        r"\bwhere\b|\b(?:position|location)\s+of\b",
        r"\b(?:which|what)\s+(?:side|part|half|corner|area|region|edge|end|direction|way|place|position|location)\b",
        _EITHER_SIDE,
    ),
}


def find_ask(rest: str, topic: Topic) -> Asks:
    """A yes-no question anywhere wins, because its answer also tells when; else the earliest question word."""
    found = [(match.start(), ask) for ask, pattern in _ASKS.items() if (match := re.search(pattern, rest))]
    if has(_YES_NO, rest) and not has(_HOW, rest) and not has(_EITHER_SIDE, rest):
        return "whether"
    if found:
        return min(found)[1]
    if has(_YES_NO_SHORT, rest) and not has(r"\bwhat\b", rest):  # "anything moving?"
        return "whether"
    return "said" if topic.about == "speech" else "happened"


def asks_end(rest: str) -> bool:
    """Whether "when" asks for the end of something: "until when", "when did it stop", "when did it last move"."""
    return has(_END, rest)
