"""A question in free English -> what it asks for, about which percepts, when, and relative to what.

A grammar of question classes, no language model: take out quoted words, then the moment it hangs on, then words of
time; what is left says what is asked (when, how long, ...) and of which sense.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reasoning import unknowable
from reasoning import vocabulary as vocab
from reasoning.anchors import Anchor, take_anchor
from reasoning.asides import core
from reasoning.asks import Asks, asks_end, find_ask
from reasoning.dark import spell_out
from reasoning.lengths import join_breaks, take_lasting, take_lasting_before_moment
from reasoning.match import words
from reasoning.parts import asks_both, is_together, join_borders, share, split
from reasoning.patterns import either, has
from reasoning.quoted import take_quotes
from reasoning.references import resolve
from reasoning.rivals import Rivals, find_rivals
from reasoning.senses import About
from reasoning.settle import settle, settle_lasting
from reasoning.spelling import mend
from reasoning.timepoints import Now
from reasoning.timewords import TimeSpan, parse_time, take_time
from reasoning.topics import Topic, find_topic
from runtime.messages import QUESTION_LENGTH

if TYPE_CHECKING:
    from datetime import tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was understood; `unknowable` ends the sentence "I cannot tell ..."."""

    text: str
    ask: Asks
    topic: Topic
    anchor: Anchor | None
    span: TimeSpan | None
    unknowable: str
    wants_end: bool = False  # "until when", "when did it last move"
    rivals: Rivals | None = None  # two events whose order is asked for
    mended: Mapping[str, str] = field(default_factory=dict)  # words that were read as others: slips
    parts: tuple[Question, ...] = ()  # two questions in one, to be answered one by one
    is_many: bool = False  # more than one thing is asked, in a way that cannot be taken apart

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
    def may_widen(self) -> bool:
        """Whether "just" reaches back to the last thing that happened where nothing did lately."""
        is_told = self.ask not in {"whether", "how_often", "delay"} and not self.negated
        return self.span is not None and self.span.is_recent and self.anchor is None and is_told

    @property
    def is_point(self) -> bool:
        """Whether it names a moment: what was going on then is meant, whole."""
        is_span = self.span is not None and self.span.is_point
        return is_span or (self.anchor is not None and self.anchor.is_point)

    @property
    def asks_now(self) -> bool:
        """Whether it asks if something goes on now; "has it been moving for ten seconds now" asks for more."""
        is_plain = self.topic.times is None and self.topic.lasting is None and not self.topic.nth
        is_now = self.span is not None and self.span.is_now and self.anchor is None
        return self.ask == "whether" and is_now and is_plain and not self.topic.is_moment

    @property
    def wants_ago(self) -> bool:
        """Whether a time is to be told as one before now."""
        return self.ask == "when" and has(r"\bhow\s+(?:long|many\s+\w+)\s+ago\b", self.text)

    @property
    def is_asked(self) -> bool:
        """Whether it has the form of a question or an order, other than "hello"."""
        first = next(iter(re.findall(r"[^\W_]+", self.text.lower())), "")
        return self.text.endswith("?") or first in vocab.ASKING | vocab.AUXILIARIES | vocab.ORDERS

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
    r"^ha(?:s|ve)(?:n't)?\s+(?:it|things|everything|everybody|everyone|they)\s+(?:gone|become|got(?:ten)?|fallen)\s+\w+\W*$",
    r"^is(?:n't)?\s+it\s+(?:still\s+)?(?:quiet|silent|still|noisy|loud|dark|light|bright)\b",
    r"^what(?:'s|\s+is)\s+(?:happening|going\s+on|moving)\b",
)
_DELAY = (
    r"\bhow\s+(?:long|many\s+(?:seconds?|secs?|minutes?|hours?))\s+"
    r"(?:(?:is|was|has|had|did|does|will)\s+(?:it|that)\s+(?:be\s+|been\s+|taken?\s+)?)?"
    r"(?:right\s+|just\s+)?(?:after|before|since|until|till)\b"
)
# "Was there ever a moment when nothing moved" asks for the moment, it does not hang on one.
_MOMENT_WHEN = re.compile(
    r"\b(?P<moment>(?:an?|any|some)\s+(?:\w+\s+)?(?:moments?|times?|points?|stretch|periods?))\s+"
    r"(?:when|where|that|(?:in|at|during)\s+which)\s+(?=(?:nobody|nothing|no|it\s+was)\b)",
    re.IGNORECASE,
)
_ALL_ALONG = r"\b(?:always|the\s+(?:whole|entire)|all\s+(?:the\s+time|along)|throughout)\b"
_SIDE = rf"\b(?:on|at|from|to|in)\s+the\s+(?:{'|'.join(vocab.SIDES)})\b(?!\s+(?:time|moment|end))"


def understand(question: str, asked_ns: int, session_start_ns: int | None = None, tz: tzinfo | None = None) -> Question:
    """Return what `question` asks for; never raises, whatever the text."""
    now, text = Now(asked_ns, session_start_ns, tz), _clean(question)
    whole = _understand(text, now)
    if take_quotes(text)[1] or whole.rivals is not None:
        return whole
    texts = split(mend(text)[0], now)
    parts = share([_understand(part, now) for part in texts]) if texts is not None else ()
    if not parts or not all(part.topic.has_cue or part.unknowable for part in parts):
        return replace(whole, is_many=whole.ask == "whether" and asks_both(text) and not whole.content)
    one_more = any(split(part.text, now) for part in parts)
    is_many = one_more or is_together(text) or any(part.anchor is not None and part.anchor.speech for part in parts)
    return (
        replace(whole, is_many=True)
        if is_many
        else replace(whole, parts=(*parts[:-1], replace(parts[-1], mended=whole.mended)))
    )


def _understand(text: str, now: Now) -> Question:
    """Return what one question asks for."""
    masked, quotes = take_quotes(text)
    masked, mended = mend(masked)
    text = text if quotes else masked
    masked, is_tagged = _TAG.subn("", masked)
    masked = join_borders(spell_out(core(resolve(masked, now))), now)
    rivals = find_rivals(masked, quotes)
    if rivals is not None:
        return replace(_order(text, masked, rivals, now), mended=mended)
    masked, is_inner = join_breaks(_MOMENT_WHEN.sub(r"\g<moment> ", masked))
    lasting, masked = take_lasting_before_moment(masked)
    anchor, rest = take_anchor(masked, quotes, now)
    span, rest = take_time(rest, now)
    rest = core(rest).lower()
    if lasting is None:
        lasting, rest = take_lasting(rest)
    if span is None and anchor is None and has(_PRESENT, rest) and not has(r"\bever\b", rest):
        span = parse_time("now", now.asked_ns, now.start_ns, now.tz)
    found = find_topic(rest, quotes)
    if not found.has_cue and set(words(rest)) <= vocab.GREETINGS:
        found = replace(found, content="")  # not to be looked for in what was said
    ask = "whether" if is_tagged else find_ask(rest, found)
    if anchor is not None and ask == "how_long" and (has(_DELAY, masked) or _is_apart(anchor, found)):
        ask = "delay"
    if ask == "delay" and anchor is not None and _is_wait(anchor, found) and anchor.topics[0].edge == "end":
        found, ask = replace(anchor.topics[0], nth=1, edge=""), "how_long"  # so long it was dark
        span, anchor = span or anchor.span, None
    elif ask == "delay" and anchor is not None and _is_wait(anchor, found):  # "how long until the next movement"
        found, ask = replace(anchor.topics[0], nth=1, is_absence=True), "how_long"
        span, anchor = span or anchor.span, None
    elif ask == "delay" and anchor is not None and _is_since(anchor, found, masked):
        found, ask, anchor = replace(anchor.topics[0], nth=-1, is_absence=True), "how_long", None
    topic = replace(settle(found, ask, rest, anchor, span), lasting=lasting, is_inner=is_inner)
    if topic.about == "dark" and not topic.is_absence and (along := re.search(_ALL_ALONG, masked, re.IGNORECASE)):
        topic = replace(topic, unused=f"{topic.unused} {along[0]}".strip())  # that it was is not that it always was
    if lasting is not None:
        topic = settle_lasting(topic, rest)
    return Question(
        text=text,
        ask=ask,
        topic=topic,
        anchor=anchor,
        span=span,
        unknowable=_find_unknowable(rest, ask, found),
        wants_end=ask == "when" and asks_end(rest),
        mended=mended,
    )


def _order(text: str, masked: str, rivals: Rivals, now: Now) -> Question:
    span, _ = take_time(masked, now)
    why_not = "" if rivals.is_known else "how things compare"
    return Question(
        text=text, ask="when", topic=rivals.topics[0], anchor=None, span=span, unknowable=why_not, rivals=rivals
    )


def _clean(question: str) -> str:
    """Cut and flatten: control characters and line breaks become spaces."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in question[:QUESTION_LENGTH])
    return " ".join(re.sub("[‘’]", "'", kept).split())  # noqa: RUF001


def _is_apart(anchor: Anchor, found: Topic) -> bool:
    """Tell "how long between the tone and the voice" from "how long did it move between" them."""
    if anchor.relation != "between" or found.about != "anything":
        return False
    a, b = anchor.topics
    return replace(a, nth=0) != replace(b, nth=0) or abs(a.nth - b.nth) > 1


def _is_wait(anchor: Anchor, found: Topic) -> bool:
    """Tell "how long until the tone" from "how long before the tone did somebody speak"."""
    is_one = len(anchor.topics) == 1 and anchor.topics[0].nth in {0, 1} and not anchor.offset_ns
    return is_one and anchor.relation == "before" and not found.has_cue and not found.content


def _is_since(anchor: Anchor, found: Topic, masked: str) -> bool:
    """Whether it asks how long ago the last one was: "how long has it been since somebody spoke"."""
    is_last = len(anchor.topics) == 1 and anchor.topics[0].nth in {0, -1} and anchor.span is None
    return is_last and has(r"\bsince\b", masked) and not found.has_cue and not found.content


def _find_unknowable(rest: str, ask: Asks, topic: Topic) -> str:
    """Return what the question asks for that no percept tells, "" where it may be answered."""
    if topic.about == "sensors":
        return ""
    if topic.about == "dark":
        rest = re.sub(r"\b(?:lights?|lamps?|bright|dark\w*|black)\b", " ", rest)
    is_side = has(_SIDE, rest.replace(topic.content, " ") if has(_SIDE, topic.content) else rest)
    if topic.about in {"speech", "sound", "heard"} and (ask == "where" or is_side):
        return "where a sound comes from"
    if topic.about == "seen" and topic.content:
        return "what things are"
    if topic.content and topic.about == "speech":  # words to search for are data, whatever they mean
        rest = re.sub(rf"(?:\bname\s+)?{re.escape(topic.content)}", " ", rest)
    if topic.about == "sound":  # a pitch is no size
        rest = re.sub(r"\bhow\s+(?:high|low|deep)\b", " ", rest)
    return unknowable.reason(rest, is_perceived=topic.has_cue and topic.about != "seen")
