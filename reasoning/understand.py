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
from reasoning.patterns import either, has, word
from reasoning.quoted import take_quotes
from reasoning.timepoints import Now
from reasoning.timewords import TimeSpan, take_time
from reasoning.topics import About, Topic, find_topic

if TYPE_CHECKING:
    from datetime import tzinfo

Asks: TypeAlias = Literal["when", "how_long", "how_often", "how_much", "said", "happened", "whether", "where"]
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
    def is_clear(self) -> bool:
        """Whether any word pointed at something that is perceived or could be searched for."""
        return self.topic.has_cue or bool(self.topic.content)


_INDIRECT = r"(?=(?:when|how|what|where|if|whether|which|who|about|the)\b)"
_POLITE = re.compile(
    r"^\W*"
    + either(
        r"(?:please|hey|hi|hello|ok|okay|so|and|but|well|now|then|also|um+|uh+|heedful|actually|just)\b[\s,:]*",
        r"(?:can|could|would|will)\s+you\s+(?:please\s+)?"
        r"(?:tell|show|give|describe|list|explain|summari[sz]e|let|remind|repeat)\b(?:\s+(?:me|us)\b)?(?:\s+know\b)?",
        rf"(?:can|could)\s+you\s+(?:say|find\s+out|check|remember|recall)\s+{_INDIRECT}",
        r"(?:tell|show|give|remind)\s+(?:me|us)\b[\s,:]*",
        r"let\s+(?:me|us)\s+know\b\s*",
        rf"say\s+{_INDIRECT}",
        rf"do\s+you\s+(?:know|remember|recall)\s+{_INDIRECT}",
        r"i(?:'d|\s+would)?\s+(?:want|like|need)\s+to\s+know\b\s*",
        r"i\s+wonder\b\s*",
        r"i\s+mean\b[\s,]*",
        rf"(?:any|do\s+you\s+have\s+any|you\s+have\s+an)\s+idea\s+{_INDIRECT}",
        rf"(?:find|check)(?:\s+out)?\s+{_INDIRECT}",
    ),
    re.IGNORECASE,
)
_TAG = re.compile(
    r",\s*(?:right|correct|true|yes|no|(?:is|was|did|does|has|have|are|were|do|had)(?:n't)?\s+(?:it|they|he|she|there|you))"
    r"\s*\??$",
    re.IGNORECASE,
)
_YES_NO = either(
    r"(?:^|[?.!;,]\s*(?:and\s+|or\s+)?)(?:(?:is|are|was|were|did|does|do|has|have|had|can|could)(?:n't)?|whether|if)\b",
    r"\bwhether\b|\bis\s+it\s+true\b|\bor\s+not\b",
)
_YES_NO_SHORT = r"^(?:any(?:thing|body|one)?|some(?:thing|body|one)|nobody|nothing|no\s?one|still|ever)\b"
_EITHER_SIDE = r"\b(?:left|right|top|bottom)\s+or\b.*\b(?:left|right|top|bottom|middle)\b"
_ORDER = r"\b(?:before|earlier|sooner)\s+or\s+(?:after|later)\b"
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
    anchor, rest = take_anchor(_strip_polite(masked), quotes, now)
    span, rest = take_time(rest, now)
    rest = _strip_polite(rest).lower()
    found = find_topic(rest, quotes)
    ask = "whether" if is_tagged else _find_ask(rest, found)
    topic = _settle(found, ask, rest, anchor, span)
    why_not = "how things compare" if has(_ORDER, masked) else _find_unknowable(rest, ask, found)
    return Question(text=text, ask=ask, topic=topic, anchor=anchor, span=span, unknowable=why_not)


def _clean(question: str) -> str:
    """Cut and flatten: control characters and line breaks become spaces."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in question[:LIMIT_CHARS])
    return " ".join(re.sub("[‘’]", "'", kept).split())  # noqa: RUF001


def _strip_polite(text: str) -> str:
    while (match := _POLITE.match(text)) and match.end() < len(text):
        text = text[match.end() :].lstrip(" ,:")
    return text


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
    if topic.nth or topic.extreme:
        return topic
    if topic.is_absence and has(r"\bsince\s+when\b", rest):
        return replace(topic, nth=-1)
    if ask == "when" and has(word(r"start\w*|beg[aiu]n\w*|set\s+in"), rest):
        return replace(topic, nth=1)
    if ask == "when" and has(word(r"stop\w*|ends?|ended|finish\w*|cease\w*|over"), rest):
        return replace(topic, nth=-1)
    is_next = anchor is not None and (anchor.is_near or (topic.is_absence and ask == "how_long"))
    if anchor is not None and is_next and anchor.relation in {"before", "after"}:
        return replace(topic, nth=-1 if anchor.relation == "before" else 1)
    return topic


def _is_same_sense(anchor: Anchor) -> bool:
    return len({topic.about for topic in anchor.topics}) == 1


def _find_unknowable(rest: str, ask: Asks, topic: Topic) -> str:
    """Return what the question asks for that no percept tells, "" where it may be answered."""
    if topic.about == "sensors":
        return ""
    if ask == "where" and topic.about in {"speech", "sound", "heard"}:
        return "where a sound comes from"
    if topic.about == "seen" and topic.content:
        return "what things are"
    if topic.content and topic.about == "speech":  # words to search for are data, whatever they mean
        rest = re.sub(rf"(?:\bname\s+)?{re.escape(topic.content)}", " ", rest)
    return unknowable.reason(rest, is_perceived=topic.has_cue and topic.about != "seen")
