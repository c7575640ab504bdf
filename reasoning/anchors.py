"""The moment that a question hangs on: "after they said go forward", "while something moved", "before the tone"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from reasoning.timewords import Now, TimeSpan, parse_time, take_time
from reasoning.topics import Topic, find_topic, residue

Relation: TypeAlias = Literal["before", "after", "during", "between"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A moment named by what was said or what happened then."""

    relation: Relation
    topics: tuple[Topic, ...]  # two for between, else one
    span: TimeSpan | None  # "before the beep at 0:46"
    is_near: bool  # "right after": only what comes next
    phrase: str

    @property
    def speech(self) -> str:
        """The words that memory can search for; "" where the moment is an event, or has a time, or there are two."""
        is_words = len(self.topics) == 1 and self.topics[0].about == "speech" and self.span is None
        return self.topics[0].content if is_words and self.topics[0].nth == 0 else ""


_AUX = r"(?:is|are|was|were|did|does|do|has|have|had|can|could|isn't|wasn't|didn't|exactly|precisely|approximately|about|will|would|should)\b"
_SUBJECT = r"(?=(?:they|he|she|it|the|a|an|some\w*|any\w*|no\w*|people|quote\d|we|i|you|this|that|his|her|their)\b)"
_RELATION = re.compile(
    r"\b(?P<near>(?:right|just|immediately|shortly|directly|soon|straight)\s+)?"
    rf"(?:(?P<after>after|following|since|as\s+soon\s+as|once\s+{_SUBJECT})"
    r"|(?P<before>before|until|till|prior\s+to|up\s+to|ahead\s+of|leading\s+up\s+to)"
    r"|(?P<during>during|(?<!a )while|whilst|at\s+the\s+(?:same\s+)?(?:moment|time|instant|point)\s+(?:of|when|that|where|as)|(?P<when>when))"
    r"|(?P<between>between))\s+(?P<clause>[^?.!;]+)",
    re.IGNORECASE,
)
_MAIN_CLAUSE = re.compile(r"\b(?:did|how|what|where|who|which|does|do|anything|anyone|anybody)\b", re.IGNORECASE)
_ASKING = re.compile(
    r"\b(?:what|did|was|were|how|is|are|where|who|which|anything|anyone|anybody|does|do|has|have)\b", re.IGNORECASE
)
_EMPTY = re.compile(r"^(?:that|this|it|then|now|the)?\W*$", re.IGNORECASE)


def take_anchor(text: str, quotes: Sequence[str], now: Now) -> tuple[Anchor | None, str]:
    """Return the first moment of this kind and `text` without it; borders in clock time are left where they are."""
    for match in _RELATION.finditer(text):
        if match["when"] and _is_interrogative(text, match):
            continue
        start = match.start()
        span = parse_time(text[start:], now.asked_ns, now.start_ns, now.tz)
        if span is not None and text[start:].lower().lstrip().startswith(span.phrase.lower()):
            continue  # "after 0:30" is a border in time
        clause, end = _clause(text, match, now)
        anchor = _read(match, clause, quotes, now)
        if anchor is not None:
            return anchor, " ".join((text[:start] + " " + text[end:]).split())
    return None, text


def _is_interrogative(text: str, match: re.Match[str]) -> bool:
    """Tell "when did it move" from "what moved when the tone played"."""
    clause = match["clause"]
    if re.match(_AUX, clause, re.IGNORECASE):
        return True
    before = re.split(r"[?.!;]", text[: match.start()])[-1]
    if before.strip(" ,"):
        return _ASKING.search(before) is None
    return re.search(rf",\s*(?:{_ASKING.pattern})", clause, re.IGNORECASE) is None


def _clause(text: str, match: re.Match[str], now: Now) -> tuple[str, int]:
    """Return the words of the moment and where they end: at a comma, after their time, or where the question begins."""
    start, clause = match.start("clause"), match["clause"]
    clause = clause.split(",")[0] if not match["between"] else clause
    span = parse_time(clause, now.asked_ns, now.start_ns, now.tz)
    if span is not None:
        clause = clause[: clause.find(span.phrase) + len(span.phrase)]
    is_fronted = not re.split(r"[?.!;]", text[: match.start()])[-1].strip(" ,")
    if is_fronted and (main := _MAIN_CLAUSE.search(clause)) and main.start() > 0:
        clause = clause[: main.start()]
    return clause.strip(), start + len(clause)


def _read(match: re.Match[str], clause: str, quotes: Sequence[str], now: Now) -> Anchor | None:
    relation: Relation = (
        "after" if match["after"] else "before" if match["before"] else "between" if match["between"] else "during"
    )
    span, rest = take_time(clause, now)
    if _EMPTY.match(rest):
        return None
    parts = re.split(r"\band\b", rest, maxsplit=1) if relation == "between" else [rest]
    if relation == "between" and (len(parts) < 2 or not all(part.strip() for part in parts)):
        return None
    return Anchor(
        relation=relation,
        topics=tuple(_moment(part, quotes) for part in parts),
        span=span,
        is_near=bool(match["near"]),
        phrase=rest,
    )


def _moment(clause: str, quotes: Sequence[str]) -> Topic:
    """Words that point at no sense are taken for what was said: "after go forward"."""
    topic = find_topic(clause, quotes)
    if not topic.has_cue or (topic.about == "anything" and not topic.content):
        return replace(topic, about="speech", content=residue(clause) or clause)
    return topic
