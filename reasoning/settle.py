"""Which one of several is meant where no ordinal says so: the next, the last, some quiet or quiet all along."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning.asks import Asks, asks_end
from reasoning.patterns import has, word
from reasoning.topics import Topic

if TYPE_CHECKING:
    from reasoning.anchors import Anchor
    from reasoning.timewords import TimeSpan

_STOPS = word(r"stop\w*|ceas\w*|finish\w*")


def settle(topic: Topic, ask: Asks, rest: str, anchor: Anchor | None, span: TimeSpan | None) -> Topic:
    """Settle which one is meant where no ordinal says so: "when did it start", "what was said right after ..."."""
    if anchor is not None and anchor.relation == "between" and ask == "how_long" and _is_same_sense(anchor):
        if has(
            r"\b(?:between|pass\w*|elapse\w*|time|gap|interval|seconds|minutes|long)(?:\s+(?:was|is)\s+it)?\W*$", rest
        ):
            return replace(anchor.topics[0], nth=0, is_absence=True)  # "how long between the two tones"
    if ask == "how_much" and topic.about == "sound" and not topic.label and not has(word("sounds?"), rest):
        return replace(topic, about="heard")  # "how loud was it" may mean a voice, which is not measured
    if not topic.has_cue and not topic.content and (span or anchor):  # "and after 1:00?", "what followed the tone"
        return replace(topic, has_cue=True)
    if ask == "whether" and not topic.content and (stop := re.search(_STOPS, rest)):  # that is more than that it was
        topic = replace(topic, unused=f"{topic.unused} {stop[0]}".strip())
    if topic.is_denied and ask != "whether":
        topic = replace(topic, unused=f"{topic.unused} never".strip())
    if topic.times is not None and ask != "whether":
        topic = replace(topic, times=None, unused=f"{topic.unused} {topic.times.phrase}".strip())
    if topic.nth or topic.extreme:
        return topic
    if topic.is_absence and has(r"\bsince\s+when\b", rest):
        return replace(topic, nth=-1)
    is_open = span is not None and span.start_ns is not None and span.end_ns is None
    if topic.is_absence and ask == "how_long" and is_open and has(word(r"stay\w*|remain\w*|ke(?:ep|pt)"), rest):
        return replace(topic, nth=1)  # "how long did it stay still after 1:35" ends with the next movement
    if topic.about == "dark" and has(r"\bha(?:s|ve)\b[^?.!;]*\bbeen\b|\bsince\s+when\b", rest) and ask != "whether":
        return replace(topic, nth=-1)  # "how long has it been dark"
    if ask == "when" and has(r"\bago\b", rest):
        return replace(topic, nth=-1)
    if ask == "when" and has(word(r"start\w*|beg[aiu]n\w*|set\s+in"), rest):
        return replace(topic, nth=1)
    if ask == "when" and asks_end(rest):
        return replace(topic, nth=-1)
    is_next = anchor is not None and (anchor.is_near or ask == "delay" or (topic.is_absence and ask == "how_long"))
    if anchor is not None and is_next and anchor.relation in {"before", "after"}:
        return replace(topic, nth=-1 if anchor.relation == "before" else 1)
    return topic


def settle_lasting(topic: Topic, rest: str) -> Topic:
    """To stop for five seconds is to pause; and quiet of a length is some quiet, not quiet all along."""
    if (stop := re.search(_STOPS, rest)) and topic.about in {"speech", "sound", "heard", "motion", "anything"}:
        unused = " ".join(name for name in topic.unused.split() if name != stop[0])
        topic = replace(topic, is_absence=True, unused=unused)
    return replace(topic, is_moment=True)


def _is_same_sense(anchor: Anchor) -> bool:
    return len({topic.about for topic in anchor.topics}) == 1
