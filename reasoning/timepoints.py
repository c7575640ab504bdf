"""Words for one moment -> event time: "0:12", "second 12", "3 pm yesterday", "20 seconds ago", "the end".

Recordings count from 0, so there "0:12" is media time; live sessions have Unix times, so there it is the clock on the
wall.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from reasoning.numbers import LENGTH, NUMBER, to_seconds

S_NS = 1_000_000_000
YEAR_NS = 365 * 86_400 * S_NS  # times below this are media time: no camera recorded in 1970
LAST_S = 200_000_000_000  # datetime ends soon after

DAY = r"(?:today|yesterday|this\s+(?:morning|afternoon|evening)|tonight|last\s+night)"
CLOCK = (
    rf"(?:(?:{DAY}\s+(?:at\s+)?)?"
    r"(?:\d{1,3}:\d{2}(?::\d{2})?(?:\.\d+)?(?:\s*[ap]\.?m\b\.?)?|\d{1,2}\s*[ap]\.?m\b\.?)"
    rf"(?:\s+{DAY}\b)?)"
)
WHOLE = r"(?:recording|video|clip|audio|session|file|footage|stream|tape|film)\b"
OF_WHOLE = rf"(?:\s+(?:of|in|into)\s+(?:the|this)\s+(?:whole\s+|entire\s+)?{WHOLE})"
BEGINNING = r"(?:the\s+)?(?:very\s+)?(?:beginning|start|outset)\b"
END = r"(?:(?:the\s+)?(?:very\s+)?(?:end|finish)\b|now\b)"
MARK = rf"(?:(?:seconds?|secs?|minutes?|t\s*=)\s*{NUMBER})"
TAIL = rf"(?:[\s-]+(?:ago\b|mark\b|in\b(?!\s+(?:the|a)\b)|into\b)|{OF_WHOLE})*"
_ABOUT = r"(?:(?:about|around|roughly|exactly|approximately)\s+)?"
INSTANT = (
    rf"(?:{_ABOUT}(?:the\s+)?(?:{CLOCK}|{MARK}|{LENGTH}){TAIL}"
    rf"|(?:{BEGINNING}|{END})(?:{OF_WHOLE}|(?!\s+of\b)))"
)


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of asking, and what places other moments against it."""

    asked_ns: int
    start_ns: int | None  # of the session; None where nobody told
    tz: tzinfo | None  # None is the machine's own

    @property
    def is_media(self) -> bool:
        """Whether times count from the start of a recording."""
        return self.asked_ns < YEAR_NS

    @property
    def origin_ns(self) -> int | None:
        """Where second 0 is."""
        return (self.start_ns or 0) if self.is_media else self.start_ns

    def midnight(self, days_back: int = 0) -> datetime:
        """Return when the day of asking began, or one before it, on the wall clock."""
        local = datetime.fromtimestamp(min(self.asked_ns // S_NS, LAST_S), tz=self.tz)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_back)


def place(words: str, now: Now) -> int | None:
    """Return the moment that `words` name ("0:12", "second 12", "3 pm", "20 seconds ago", "the end")."""
    if re.search(r"\b(?:end|finish|now)\b", words, re.I):
        return now.asked_ns
    if re.search(r"\d:\d|\d\s*[ap]\.?m\b", words, re.I):
        return _clock(words, now)
    if re.search(r"\bago\b", words, re.I):
        return now.asked_ns - to_ns(words)
    if now.origin_ns is None:
        return None
    if mark := re.match(rf"{_ABOUT}(?:the\s+)?(s|m|t)\w*\s*=?\s*({NUMBER})", words, re.I):  # a place, no length
        return now.origin_ns + to_ns(mark[2]) * (60 if mark[1] in "mM" else 1)
    return now.origin_ns + to_ns(words)  # "the beginning" has no number: 0


def to_ns(words: str) -> int:
    """Return the duration in `words`."""
    return round(to_seconds(words) * S_NS)


def _clock(words: str, now: Now) -> int | None:
    """Media: minutes and seconds from the start. Live: the latest such time on the wall that has passed."""
    found = re.search(r"(\d+)(?::(\d+))?(?::(\d+))?(\.\d+)?\s*([ap])?", words, re.I)
    if found is None:
        return None
    first, second, third = (int(part or 0) for part in found.group(1, 2, 3))
    fraction_ns = round(float(found[4] or 0) * S_NS)
    if now.is_media:
        whole_s = first * 3600 + second * 60 + third if found[3] else first * 60 + second
        return None if found[5] else (now.origin_ns or 0) + whole_s * S_NS + fraction_ns
    if found[5]:
        first = first % 12 + (12 if found[5] in "pP" else 0)
    if first > 23 or second > 59 or third > 59:
        return None
    is_yesterday = re.search(r"yesterday|last\s+night", words, re.I) is not None
    moment = now.midnight(int(is_yesterday)).replace(hour=first, minute=second, second=third)
    moment_ns = int(moment.timestamp()) * S_NS + fraction_ns
    is_dated = re.search(DAY, words, re.I) is not None
    return moment_ns if is_dated or moment_ns <= now.asked_ns else moment_ns - 86_400 * S_NS
