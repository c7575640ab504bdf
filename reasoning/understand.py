"""A question in free English -> what it asks for, about which percepts, when, and relative to what.

A grammar of question classes, no language model: take out quoted words, then the moment it hangs on, then words of
time; what is left says what is asked (when, how long, ...) and of which sense.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from reasoning import unknowable
from reasoning.anchors import Anchor, take_anchor
from reasoning.asides import core
from reasoning.patterns import either, has, word
from reasoning.quoted import take_quotes
from reasoning.rivals import Rivals, find_rivals
from reasoning.senses import About
from reasoning.timepoints import Now
from reasoning.timewords import TimeSpan, parse_time, take_time
from reasoning.topics import Topic, find_topic
from reasoning.vocabulary import SIDES

if TYPE_CHECKING:
    from datetime import tzinfo

Asks: TypeAlias = Literal["when", "how_long", "how_often", "how_much", "said", "happened", "whether", "where", "delay"]
LIMIT_CHARS = 500  # more is not a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was understood; `unknowable` ends the sentence "I cannot tell ..."."""

    text: str
    ask: Asks
    topic: Topic
    anchor: Anchor | None
    span: TimeSpan | None
    unknowable: str
    rivals: Rivals | None = None  # two events whose order is asked for

    @property
    def about(self) -> About:
        """Which sense it is about."""
        return self.topic.about

    @property
    def content(self) -> str:
        """The words to find in what was said."""
        return self.topic.content

    @property
    def negated(self) -> bool:
        """Whether it asks for quiet or stillness."""
        return self.topic.is_absence

    @property
    def asks_throughout(self) -> bool:
        """Tell "was it quiet" from "was there a quiet moment": one counter-example answers the first."""
        return self.ask == "whether" and not self.topic.is_moment

    @property
    def is_clear(self) -> bool:
        """Whether any word pointed at something that is perceived or could be searched for."""
        return self.topic.has_cue or bool(self.topic.content)


_TAG = re.compile(
    r",\s*(?:right|correct|true|yes|no|(?:is|was|did|does|has|have|are|were|do|had)(?:n't)?\s+(?:it|they|he|she|there|you))"
    r"\s*\??$",
    re.IGNORECASE,
)
# "Is anything moving?" asks about now; "is there a tone?" about all there is.
_PRESENT = either(
    r"^(?:is|are)(?:n't)?\s+(?!there\b|this\b|you\b)(?:\w+\s+){1,3}?(?:still\s+|currently\s+)?(?!anything\b|something\b|nothing\b|during\b)\w+ing\b",
    r"^is(?:n't)?\s+it\s+(?:still\s+)?(?:quiet|silent|still|noisy|loud)\b",
    r"^what(?:'s|\s+is)\s+(?:happening|going\s+on|moving)\b",
)
_YES_NO = either(
    r"(?:^|[?.!;,]\s*(?:and\s+|or\s+)?)(?:(?:is|are|was|were|did|does|do|has|have|had|can|could)(?:n't)?|whether|if)\b",
    r"\bwhether\b|\bis\s+it\s+true\b|\bor\s+not\b",
)
_YES_NO_SHORT = r"^(?:any(?:thing|body|one)?|some(?:thing|body|one)|nobody|nothing|no\s?one|still|ever)\b"
_EITHER_SIDE = r"\b(?:left|right|top|bottom)\s+(?:side\s+)?or\b.*\b(?:left|right|top|bottom|middle)\b"
_DELAY = (
    r"\bhow\s+(?:long|many\s+(?:seconds?|secs?|minutes?|hours?))\s+(?:right\s+|just\s+)?(?:after|before|since|until)\b"
)
_STOPS = word(r"stop\w*|ceas\w*|finish\w*")
_SIDE = rf"\b(?:on|at|from|to|in)\s+the\s+(?:{'|'.join(SIDES)})\b(?!\s+(?:time|moment|end))"
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


def understand(question: str, asked_ns: int, session_start_ns: int | None = None, tz: tzinfo | None = None) -> Question:
    """Return what `question` asks for; never raises, whatever the text."""
    now = Now(asked_ns, session_start_ns, tz)
    text = _clean(question)
    masked, quotes = take_quotes(text)
    masked, is_tagged = _strip_tag(masked)
    masked = core(masked)
    rivals = find_rivals(masked, quotes)
    if rivals is not None:
        return _order(text, masked, rivals, now)
    anchor, rest = take_anchor(masked, quotes, now)
    span, rest = take_time(rest, now)
    rest = core(rest).lower()
    if span is None and anchor is None and has(_PRESENT, rest) and not has(r"\bever\b", rest):
        span = parse_time("now", asked_ns, session_start_ns, tz)
    found = find_topic(rest, quotes)
    ask = "whether" if is_tagged else _find_ask(rest, found)
    if anchor is not None and ask == "how_long" and (has(_DELAY, masked) or _is_apart(anchor, found)):
        ask = "delay"
    topic = _settle(found, ask, rest, anchor, span)
    return Question(
        text=text, ask=ask, topic=topic, anchor=anchor, span=span, unknowable=_find_unknowable(rest, ask, found)
    )


def _order(text: str, masked: str, rivals: Rivals, now: Now) -> Question:
    span, _ = take_time(masked, now)
    why_not = "" if rivals.is_known else "how things compare"
    return Question(
        text=text, ask="when", topic=rivals.topics[0], anchor=None, span=span, unknowable=why_not, rivals=rivals
    )


def _clean(question: str) -> str:
    """Cut and flatten: control characters and line breaks become spaces."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in question[:LIMIT_CHARS])
    return " ".join(re.sub("[‘’]", "'", kept).split())  # noqa: RUF001


def _strip_tag(text: str) -> tuple[str, bool]:
    shorter = _TAG.sub("", text)
    return shorter, shorter != text


def _find_ask(rest: str, topic: Topic) -> Asks:
    """A yes-no question anywhere wins, because its answer also tells when; else the earliest question word."""
    found = [(match.start(), ask) for ask, pattern in _ASKS.items() if (match := re.search(pattern, rest))]
    if has(_YES_NO, rest) and not has(_HOW, rest) and not has(_EITHER_SIDE, rest):
        return "whether"
    if found:
        return min(found)[1]
    if has(_YES_NO_SHORT, rest) and not has(r"\bwhat\b", rest):  # "anything moving?"
        return "whether"
    return "said" if topic.about == "speech" else "happened"


def _settle(topic: Topic, ask: Asks, rest: str, anchor: Anchor | None, span: TimeSpan | None) -> Topic:
    """Settle which one is meant where no ordinal says so: "when did it start", "what was said right after ..."."""
    if anchor is not None and anchor.relation == "between" and ask == "how_long" and _is_same_sense(anchor):
        if has(r"\b(?:between|pass\w*|elapse\w*|time|gap|interval|seconds|minutes|long)\W*$", rest):
            return replace(anchor.topics[0], nth=0, is_absence=True)  # "how long between the two tones"
    if not topic.has_cue and not topic.content and (span or anchor):  # "and after 1:00?", "what followed the tone"
        return replace(topic, has_cue=True)
    if ask == "whether" and not topic.content and (stop := re.search(_STOPS, rest)):  # that is more than that it was
        topic = replace(topic, unused=f"{topic.unused} {stop[0]}".strip())
    if topic.times is not None and ask != "whether":
        topic = replace(topic, times=None, unused=f"{topic.unused} {topic.times.phrase}".strip())
    if topic.nth or topic.extreme:
        return topic
    if topic.is_absence and has(r"\bsince\s+when\b", rest):
        return replace(topic, nth=-1)
    if ask == "when" and has(word(r"start\w*|beg[aiu]n\w*|set\s+in"), rest):
        return replace(topic, nth=1)
    if ask == "when" and has(word(r"stop\w*|ends?|ended|finish\w*|cease\w*|over"), rest):
        return replace(topic, nth=-1)
    is_next = anchor is not None and (anchor.is_near or ask == "delay" or (topic.is_absence and ask == "how_long"))
    if anchor is not None and is_next and anchor.relation in {"before", "after"}:
        return replace(topic, nth=-1 if anchor.relation == "before" else 1)
    return topic


def _is_apart(anchor: Anchor, found: Topic) -> bool:
    """Tell "how long between the tone and the voice" from "how long did it move between" them."""
    if anchor.relation != "between" or found.about != "anything":
        return False
    a, b = anchor.topics
    return replace(a, nth=0) != replace(b, nth=0) or abs(a.nth - b.nth) > 1


def _is_same_sense(anchor: Anchor) -> bool:
    return len({topic.about for topic in anchor.topics}) == 1


def _find_unknowable(rest: str, ask: Asks, topic: Topic) -> str:
    """Return what the question asks for that no percept tells, "" where it may be answered."""
    if topic.about == "sensors":
        return ""
    if topic.about in {"speech", "sound", "heard"} and (ask == "where" or has(_SIDE, rest)):
        return "where a sound comes from"
    if topic.about == "seen" and topic.content:
        return "what things are"
    if topic.content and topic.about == "speech":  # words to search for are data, whatever they mean
        rest = re.sub(rf"(?:\bname\s+)?{re.escape(topic.content)}", " ", rest)
    if topic.about == "sound":  # a pitch is no size
        rest = re.sub(r"\bhow\s+(?:high|low|deep)\b", " ", rest)
    return unknowable.reason(rest, is_perceived=topic.has_cue and topic.about != "seen")
