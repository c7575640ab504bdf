"""The moment that a question hangs on: "after they said go forward", "while something moved", "before the tone"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from reasoning import vocabulary as vocab
from reasoning.dark import Edge
from reasoning.lengths import BEYOND, WITHIN
from reasoning.match import words as split_words
from reasoning.numbers import LENGTH
from reasoning.patterns import has, word
from reasoning.sensors import find_blind, find_end
from reasoning.timepoints import Now, to_ns
from reasoning.timewords import TimeSpan, parse_time, take_time
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
    offset_ns: int = 0  # "ten seconds after": so far away from it
    is_within: bool = False  # "within ten seconds after": up to so far
    is_beyond: bool = False  # "more than ten seconds after": from there on

    @property
    def is_point(self) -> bool:
        """Whether it names a moment of its own, "ten seconds after", rather than all that came after it."""
        return bool(self.offset_ns) and not self.is_within and not self.is_beyond

    @property
    def unused(self) -> str:
        """The words that were not understood; what was said is searched for and needs no understanding."""
        return " ".join(topic.unused for topic in self.topics if topic.unused)

    @property
    def speech(self) -> str:
        """The words that memory can search for; "" where the moment is an event, or has a time, or there are two."""
        is_words = len(self.topics) == 1 and self.topics[0].about == "speech" and self.span is None
        return self.topics[0].content if is_words and self.topics[0].nth == 0 else ""


_SUBJECT = r"(?:they|he|she|it|the|an?|some\w*|any\w*|no\w*|people|quote\d|we|i|you|this|that|his|her|their)\b"
_OFFSET = (
    rf"(?:(?:(?P<within>{WITHIN})|(?P<beyond>{BEYOND}))\s+)?(?:the\s+)?(?:first\s+|last\s+|next\s+)?"
    rf"(?:about\s+|around\s+|exactly\s+)?(?P<offset>{LENGTH})\s+(?:later\s+)?"
)
_RELATION = re.compile(
    rf"\b(?:{_OFFSET})?"
    r"(?P<near>(?:(?<!the )right|just|immediately|shortly|directly|soon|straight)\s+)?"
    rf"(?P<word>(?P<after>after|follow(?:ing|ed|s)|since(?!\s+when)|as\s+soon\s+as|once(?=\s+{_SUBJECT}))"
    r"|(?P<before>before(?!\s+or\s+after)|(?:until|till|up\s+to)(?!\s+when\b)|prior\s+to|ahead\s+of|leading\s+up\s+to)"
    r"|(?P<during>during(?!\s+(?:which|what)\b)|(?<!a )while|whilst"
    r"|at\s+the\s+(?:same\s+)?(?:moment|time|instant|point)\s+(?:of|when|that|where|as)|(?P<when>when))"
    r"|(?P<between>between))\s+(?P<clause>[^?.!;]+)",
    re.IGNORECASE,
)
_AUXILIARY = (
    r"(?:is|are|was|were|did|does|do|has|have|had|can|could|isn't|wasn't|didn't|will|would|should|exactly|precisely"
    r"|approximately|about)\b"
)
_MAIN_CLAUSE = word("did|how|what|where|who|which|does|do|anything|anyone|anybody")
_ASKING = word("what|did|was|were|how|is|are|where|who|which|anything|anyone|anybody|does|do|has|have")
_UNTIL = re.compile(r"\s+(?:(?:was|is|did)\s+it\s+(?:take\s+)?)?(?:until|till)\s", re.IGNORECASE)
_HOW_LONG = r"\bhow\s+(?:long|many\s+\w+)$"
_THE_WORD = re.compile(r"the\s+(?:words?|phrase|term)\s+(?!was\b|is\b|that\b)(?P<words>\w[^?.!;,]*)$", re.IGNORECASE)
_EMPTY = r"^(?:that|this|it|then|now|the)?\W*$"


def take_anchor(text: str, quotes: Sequence[str], now: Now) -> tuple[Anchor | None, str]:
    """Return the first moment of this kind and `text` without it; borders in clock time are left where they are."""
    at = 0
    while match := _RELATION.search(text, at):
        start, at = match.start(), match.start("clause")
        if match["when"] and _is_interrogative(text, match):
            continue
        border = text[match.start("word") :]
        span = parse_time(border, now.asked_ns, now.start_ns, now.tz)
        if span is not None and border.lower().startswith(span.phrase.lower()):
            continue  # "after 0:30" is a border in time
        clause = _cut_clause(text, match, now)
        anchor = _read(match, clause, quotes, now)
        if anchor is not None:
            end = match.start("clause") + len(clause)
            return anchor, " ".join(f"{text[:start]} {text[end:]}".split())
    return None, text


def _sentence_before(text: str, match: re.Match[str]) -> str:
    return re.split(r"[?.!;]", text[: match.start()])[-1].strip(" ,")


def _is_interrogative(text: str, match: re.Match[str]) -> bool:
    """Tell "when did it move" from "what moved when the tone played"."""
    clause = match["clause"]
    if re.match(_AUXILIARY, clause, re.IGNORECASE):
        return True
    if before := _sentence_before(text, match):
        return not has(_ASKING, before)
    return not has(rf",\s*{_ASKING}", clause)


def _cut_clause(text: str, match: re.Match[str], now: Now) -> str:
    """Return the words of the moment: up to a comma, the end of their time, or the question that follows them."""
    clause = match["clause"] if match["between"] else match["clause"].split(",")[0]
    if match["after"] and (end := _UNTIL.search(clause)):  # "how long after the tone was it until something moved"
        clause = clause[: end.start()]
    span = parse_time(clause, now.asked_ns, now.start_ns, now.tz)
    if span is not None:
        clause = clause[: clause.find(span.phrase) + len(span.phrase)]
    main = re.search(_MAIN_CLAUSE, clause, re.IGNORECASE)
    before = _sentence_before(text, match)
    if main and main.start() > 0 and (not before or has(_HOW_LONG, before)):
        clause = clause[: main.start()]
    return clause


def _read(match: re.Match[str], clause: str, quotes: Sequence[str], now: Now) -> Anchor | None:
    names: tuple[Relation, ...] = ("after", "before", "during", "between")
    relation = next(name for name in names if match[name])
    span, rest = take_time(clause, now)
    if has(_EMPTY, rest):
        return None
    parts = [rest]
    if relation == "between":
        parts = [part.strip() for part in re.split(r"\band\b", rest, maxsplit=1)]
        if len(parts) < 2:  # "between the two tones"
            thing = re.sub(r"^(?:the\s+)?(?:two|both)?\s*", "", rest, flags=re.IGNORECASE)
            parts = [f"first {thing}", f"second {thing}"]
        if not all(parts):
            return None
    topics = _moments(parts, quotes)
    if match["word"].lower() == "since" and topics[0].about in {"dark", "blind"} and not topics[0].nth:
        topics = (replace(topics[0], nth=-1),)  # what has lasted since is told of the last time
    offset = match["offset"] if relation in {"before", "after"} else None
    return Anchor(
        relation=relation,
        topics=topics,
        span=span,
        is_near=bool(match["near"]),
        phrase=rest,
        offset_ns=to_ns(offset) if offset else 0,
        is_within=bool(match["within"]) or "first " in match[0][: match.start("clause") - match.start()],
        is_beyond=bool(match["beyond"]),
    )


def _moments(parts: Sequence[str], quotes: Sequence[str]) -> tuple[Topic, ...]:
    """In "between the first and the second tone" the first part has no noun of its own."""
    if len(parts) == 2 and not residue(parts[0]) and not find_topic(parts[0], quotes).has_cue:
        last = _moment(parts[1], quotes)
        return replace(last, nth=find_topic(parts[0]).nth), last
    moments = [_moment(part, quotes) for part in parts]
    if len(parts) == 2:
        first, second = moments
        if not residue(parts[1]) and not find_topic(parts[1], quotes).has_cue:  # "and the third one"
            second = replace(first, nth=find_topic(parts[1]).nth)
        if first.nth > 0 and second.about == first.about and has(r"\bnext\b", parts[1]):
            second = replace(second, nth=first.nth + 1)
        return first, second
    return tuple(moments)


def _moment(clause: str, quotes: Sequence[str]) -> Topic:
    """Words that point at no sense are a thing that moved, "the first car", or else what was said, "go forward"."""
    topic = find_topic(clause, quotes)
    if (word := _THE_WORD.match(clause)) and not topic.content:  # "after the word man"
        return replace(topic, about="speech", content=word["words"].lower(), has_rare_thing=False, unused="")
    if topic.about in {"sensors", "anything", "seen", "heard", "sound", "motion"} or not topic.has_cue:
        ended, senses = find_end(clause.lower()), find_blind(clause.lower())
        if ended is not None:
            return replace(topic, about="blind", content="", label="ended", edge="start", senses=ended, has_cue=True)
        if senses is not None:
            edge: Edge = "start" if has(r"\b(?:went|got|became|turned|goes|gets)\b", clause) else ""
            return replace(topic, about="blind", content="", edge=edge, senses=senses, has_cue=True, unused="")
    if topic.about == "speech" and topic.unused and not topic.content:  # "the lecturer brought up the library"
        return replace(topic, content=topic.unused, unused="")
    if topic.has_cue and topic.about not in {"anything", "sensors"}:
        return topic
    if set(split_words(clause)) & ((vocab.OBJECTS | vocab.PEOPLE) - vocab.PRONOUNS):
        return replace(topic, about="motion", content="", has_thing=True, has_cue=True)
    return replace(topic, about="speech", content=residue(clause) or clause)
