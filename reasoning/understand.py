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
from reasoning.timewords import Now, TimeSpan, take_time
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


_LEAD = r"(?:when|how|what|where|if|whether|which|who|about|the)\b"
_POLITE = re.compile(
    r"^\W*(?:(?:please|hey|hi|hello|ok|okay|so|and|but|well|now|then|also|um+|uh+|heedful|actually|just)\b[\s,:]*"
    rf"|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|show|give|describe|list|explain|summari[sz]e|let|remind)\b(?:\s+(?:me|us)\b)?(?:\s+know\b)?"
    rf"|(?:can|could)\s+you\s+(?:say|find\s+out|check|remember|recall)\s+(?={_LEAD})"
    rf"|(?:tell|show|give|remind)\s+(?:me|us)\b[\s,:]*|let\s+(?:me|us)\s+know\b\s*|say\s+(?={_LEAD})"
    rf"|do\s+you\s+(?:know|remember|recall)\s+(?={_LEAD})|i(?:'d|\s+would)?\s+(?:want|like|need)\s+to\s+know\b\s*|i\s+wonder\b\s*|i\s+mean\b[\s,]*"
    rf"|(?:any|do\s+you\s+have\s+any|you\s+have\s+an)\s+idea\s+(?={_LEAD})|(?:find|check)(?:\s+out)?\s+(?={_LEAD}))",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"[\"“”«»„]([^\"“”«»„]+)[\"“”«»„]|(?:(?<=\s)|^)['‘]([^'‘’]+)['’](?=[\s?.!,;]|$)")  # noqa: RUF001
_YES_NO = re.compile(
    r"(?:^|[?.!;,]\s*(?:and\s+|or\s+)?)(?:is|are|was|were|did|does|do|has|have|had|can|could|isn't|aren't|wasn't|weren't|didn't|doesn't|don't"
    r"|haven't|hasn't|any(?:thing|body|one)?|some(?:thing|body|one)|whether|if)\b(?!\s+(?:long|of\s+what))|\bwhether\b|\bis\s+it\s+true\b|\bor\s+not\b"
)
_WH: tuple[tuple[str, Asks], ...] = (
        (r"\bhow\s+(?:often|frequently|many\s+(?!seconds?\b|secs?\b|minutes?\b|hours?\b))|\bnumber\s+of\b|^count\b|\bcount\s+(?:of|the|how)\b", "how_often"),
        (r"\bhow\s+long(?!\s+ago)\b|\bhow\s+many\s+(?:seconds?|secs?|minutes?|hours?)\b(?!\s+(?:in\b|into\b|ago\b))|\bhow\s+much\s+time\b|\bduration\b|\blength\s+of\b|\bfor\s+what\s+time\b",
         "how_long"),
        (r"\bhow\s+(?:loud|strong|big|large|much|high|intense)\b|\bwhat\s+(?:pitch|frequency|level|volume|loudness)\b", "how_much"),
        (r"\bwhen\b|\b(?:what|which)\s+(?:time|times|moment|point|second|minute|instant|timestamp)\b|\btimes?\s+(?:of|at\s+which|when)\b|\bsince\s+when\b|\bhow\s+long\s+ago\b"
         r"|\bhow\s+many\s+(?:seconds|minutes)\s+(?:in|into|ago)\b|\btimestamps?\b", "when"),
        (r"\bwhere\b|\b(?:which|what)\s+(?:side|part|half|corner|area|region|edge|end|direction|way|place|position|location)\b|\bleft\s+or\s+(?:on\s+the\s+)?right\b"
         r"|\bright\s+or\s+(?:on\s+the\s+)?left\b|\b(?:position|location)\s+of\b", "where"),
        (r"\bwhat\b|\bwhich\b|\bdescribe\b|\bsummar\w+|\boverview\b|\brecap\b|\blist\b|\btranscri\w+|\bquote\b", "happened"),
)  # fmt: skip


def understand(question: str, asked_ns: int, session_start_ns: int | None = None, tz: tzinfo | None = None) -> Question:
    """Return what `question` asks for; never raises, whatever the text."""
    now = Now(asked_ns, session_start_ns, tz)
    text = _clean(question)
    masked, quotes = _take_quotes(text)
    anchor, rest = take_anchor(_strip_polite(masked), quotes, now)
    span, rest = take_time(rest, now)
    rest = _strip_polite(rest)
    topic = find_topic(rest, quotes)
    ask = _find_ask(rest.lower(), topic)
    topic = _pick(topic, anchor, ask, rest.lower())
    return Question(text=text, ask=ask, topic=topic, anchor=anchor, span=span, unknowable=_unknowable(rest, ask, topic))


def _clean(question: str) -> str:
    """Cut and flatten: control characters and line breaks become spaces."""
    kept = (" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in question[:LIMIT_CHARS])
    return " ".join("".join(kept).replace("’", "'").split())


def _take_quotes(text: str) -> tuple[str, list[str]]:
    """Put `quote0`, `quote1`, ... where words stood in quotation marks, so that nothing reads them as a question."""
    quotes: list[str] = []

    def mask(match: re.Match[str]) -> str:
        quotes.append(match[1] or match[2])
        return f" quote{len(quotes) - 1} "

    return " ".join(_QUOTE.sub(mask, text).split()), quotes


def _strip_polite(text: str) -> str:
    while match := _POLITE.match(text):
        if match.end() == len(text):
            break
        text = text[match.end() :].lstrip(" ,:")
    return text


def _find_ask(rest: str, topic: Topic) -> Asks:
    """A yes-no question anywhere wins, because its answer also tells when; else the earliest question word."""
    found = [(match.start(), i, ask) for i, (pattern, ask) in enumerate(_WH) if (match := re.search(pattern, rest))]
    is_yes_no = _YES_NO.search(rest) is not None and not re.search(r"\bhow\s+(?:long|often|many)\b", rest)
    if is_yes_no:
        return "whether"
    # "what" is the weakest: in "what I want to know is when" the later word asks.
    particular = [item for item in found if item[2] != "happened"]
    ask: Asks = min(particular)[2] if particular else "happened"
    return "said" if ask == "happened" and topic.about == "speech" else ask


def _pick(topic: Topic, anchor: Anchor | None, ask: Asks, rest: str) -> Topic:
    """Settle which one is meant where no ordinal says so: "when did it start", "what was said right after ..."."""
    if topic.nth or topic.extreme:
        return topic
    if ask == "when" and re.search(r"\b(?:start\w*|beg[aiu]n\w*|set\s+in)\b", rest):
        return replace(topic, nth=1)
    if ask == "when" and re.search(r"\b(?:stop\w*|end|ends|ended|finish\w*|cease\w*)\b", rest):
        return replace(topic, nth=-1)
    is_next = anchor is not None and (anchor.is_near or (topic.is_absence and ask == "how_long"))
    if anchor is not None and is_next and anchor.relation in {"before", "after"}:
        return replace(topic, nth=-1 if anchor.relation == "before" else 1)
    return topic


def _unknowable(rest: str, ask: Asks, topic: Topic) -> str:
    """Return what the question asks for that no percept tells, "" where it may be answered."""
    if topic.about == "sensors":
        return ""
    if topic.about == "speech" and ask == "where":
        return "where somebody speaks"
    lowered = rest.lower()
    if topic.content and topic.has_cue:  # words to search for are data, whatever they mean
        lowered = lowered.replace(topic.content, " ")
    return unknowable.reason(lowered, is_perceived=topic.has_cue and topic.about != "seen")
