"""Words of time in a question -> a window of event time.

Recordings count from 0, so there "at 0:12" is media time; live sessions have Unix times, so there it is the clock on
the wall. Half-open English ("after 0:30", "so far") leaves a border as None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TypeAlias

from reasoning.numbers import LENGTH, NUMBER, UNIT, to_seconds

S_NS = 1_000_000_000
YEAR_NS = 365 * 86_400 * S_NS  # times below this are media time: no camera recorded in 1970
NOW_S = 3.0  # "right now" reaches this far back: a piece of movement is at most 2 s long
RECENT_S = 15.0  # "just now"
POINT_S = 1.0  # "at 0:12" reaches this far to both sides
AROUND_S = 5.0  # "around 0:12"
EDGE_S = (5.0, 60.0)  # "at the beginning" is a tenth of the session, at least and at most this
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()

_DAY = r"(?:today|yesterday|this\s+(?:morning|afternoon|evening)|tonight|last\s+night)"
_CLOCK = (
    rf"(?:(?:{_DAY}\s+(?:at\s+)?)?"
    r"(?:\d{1,3}:\d{2}(?::\d{2})?(?:\.\d+)?(?:\s*[ap]\.?m\b\.?)?|\d{1,2}\s*[ap]\.?m\b\.?)"
    rf"(?:\s+{_DAY}\b)?)"
)
_WHOLE = r"(?:recording|video|clip|audio|session|file|footage|stream|tape|film)\b"
_OF_WHOLE = rf"(?:\s+(?:of|in|into)\s+(?:the|this)\s+(?:whole\s+|entire\s+)?{_WHOLE})"
_BEGINNING = r"(?:the\s+)?(?:very\s+)?(?:beginning|start|outset)\b"
_END = r"(?:(?:the\s+)?(?:very\s+)?(?:end|finish)\b|now\b)"
_MARK = rf"(?:(?:seconds?|secs?|minutes?|t\s*=)\s*{NUMBER})"
_TAIL = rf"(?:[\s-]+(?:ago\b|mark\b|in\b(?!\s+(?:the|a)\b)|into\b)|{_OF_WHOLE})*"
_INSTANT = (
    rf"(?:(?:(?:about|around|roughly|exactly|approximately)\s+)?(?:the\s+)?(?:{_CLOCK}|{_MARK}|{LENGTH}){_TAIL}"
    rf"|(?:{_BEGINNING}|{_END})(?:{_OF_WHOLE}|(?!\s+of\b)))"
)
_BARE = rf"{NUMBER}(?=\s*(?:[?.!,;]|$))"
_SPELLED = rf"(?:{LENGTH}|{UNIT}(?:\s+and\s+a\s+half\b)?)"  # "last minute" counts one


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpan:
    """A window of event time and the words that named it; None is an open border."""

    start_ns: int | None
    end_ns: int | None
    phrase: str
    is_point: bool = False  # "at 0:12" means what was going on then, whole, not the part inside the window
    is_known: bool = True  # False: the words name a time that cannot be placed, as "yesterday" in a recording


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
        local = datetime.fromtimestamp(self.asked_ns // S_NS, tz=self.tz)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_back)


Window: TypeAlias = tuple[int | None, int | None]
Resolve: TypeAlias = Callable[[re.Match[str], Now], Window | None]


def parse_time(
    question: str, asked_ns: int, session_start_ns: int | None = None, tz: tzinfo | None = None
) -> TimeSpan | None:
    """Return the window that the first words of time in `question` name, or None where there are none."""
    now = Now(asked_ns, session_start_ns, tz)
    for pattern, resolve in RULES:
        if match := pattern.search(question):
            window = resolve(match, now)
            start_ns, end_ns = window or (None, None)
            return TimeSpan(
                start_ns=start_ns,
                end_ns=end_ns,
                phrase=match.group(0).strip(),
                is_point=resolve in POINTS,
                is_known=window is not None,
            )
    return None


def take_time(question: str, now: Now) -> tuple[TimeSpan | None, str]:
    """Return the window that all words of time name together, and the question without them."""
    span: TimeSpan | None = None
    for _ in range(4):  # more words of time than this are a riddle
        found = parse_time(question, now.asked_ns, now.start_ns, now.tz)
        if found is None:
            break
        question = " ".join(question.replace(found.phrase, " ", 1).split())
        span = found if span is None else _both(span, found)
    return span, question


def _both(a: TimeSpan, b: TimeSpan) -> TimeSpan:
    """Return the overlap; of two windows that do not meet ("right now, at 0:12") the later words win."""
    starts = [t for t in (a.start_ns, b.start_ns) if t is not None]
    ends = [t for t in (a.end_ns, b.end_ns) if t is not None]
    phrase = f"{a.phrase} {b.phrase}"
    if starts and ends and max(starts) > min(ends):
        return replace(b, phrase=phrase)
    return TimeSpan(
        start_ns=max(starts, default=None),
        end_ns=min(ends, default=None),
        phrase=phrase,
        is_point=a.is_point or b.is_point,
        is_known=a.is_known and b.is_known,
    )


def place(words: str, now: Now) -> int | None:
    """Return the moment that `words` name ("0:12", "second 12", "3 pm", "20 seconds ago", "the end")."""
    if re.search(r"\b(?:end|finish|now)\b", words, re.I):
        return now.asked_ns
    if re.search(r"\d:\d|\d\s*[ap]\.?m\b", words, re.I):
        return _clock(words, now)
    if re.search(r"\bago\b", words, re.I):
        return now.asked_ns - _to_ns(words)
    if now.origin_ns is None:
        return None
    if mark := re.search(rf"\b(s|m|t)\w*\s*=?\s*({NUMBER})", words, re.I):  # "minute 2" is a place, no length
        return now.origin_ns + _to_ns(mark[2]) * (60 if mark[1] in "mM" else 1)
    return now.origin_ns + _to_ns(words)  # "the beginning" has no number: 0


def _to_ns(words: str) -> int:
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
    is_dated = re.search(_DAY, words, re.I) is not None
    return moment_ns if is_dated or moment_ns <= now.asked_ns else moment_ns - 86_400 * S_NS


def _between(match: re.Match[str], now: Now) -> Window | None:
    a, b = match["a"].strip(), match["b"].strip()
    if re.fullmatch(NUMBER, a, re.I):  # "between 10 and 20 seconds ago": unit and direction stand once
        unit = re.search(rf"{UNIT}.*$", b, re.I | re.S)
        a = f"{a} {unit[0]}" if unit else a
    elif day := re.search(rf"\s{_DAY}\s*$", b, re.I):
        a += day[0]
    if re.fullmatch(NUMBER, b, re.I) and re.match(r"m", a, re.I):  # "from minute 1 to 2"
        b = f"minute {b}"
    start_ns, end_ns = place(a, now), place(b, now)
    if start_ns is None or end_ns is None:
        return None
    return min(start_ns, end_ns), max(start_ns, end_ns)


def _after(match: re.Match[str], now: Now) -> Window | None:
    start_ns = place(match["a"], now)
    return None if start_ns is None else (start_ns, None)


def _before(match: re.Match[str], now: Now) -> Window | None:
    end_ns = place(match["a"], now)
    return None if end_ns is None else (None, end_ns)


def _last(match: re.Match[str], now: Now) -> Window:
    return now.asked_ns - _to_ns(match["a"]), now.asked_ns


def _before_last(match: re.Match[str], now: Now) -> Window:
    return None, now.asked_ns - _to_ns(match["a"])


def _first(match: re.Match[str], now: Now) -> Window | None:
    return None if now.origin_ns is None else (now.origin_ns, now.origin_ns + _to_ns(match["a"]))


def _nth_unit(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "in the second minute", "in the 3rd hour"."""
    if now.origin_ns is None:
        return None
    words = match["nth"].lower()
    n = ORDINALS.index(words) + 1 if words in ORDINALS else int(re.sub(r"\D", "", words))
    unit_ns = _to_ns(match["a"])
    return now.origin_ns + (n - 1) * unit_ns, now.origin_ns + n * unit_ns


def _from_edge(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "20 seconds before the end", "ten seconds after the start"."""
    if match["side"].lower() == "before":
        moment_ns = now.asked_ns - _to_ns(match["a"])
    elif now.origin_ns is None:
        return None
    else:
        moment_ns = now.origin_ns + _to_ns(match["a"])
    return _around(moment_ns, POINT_S)


def _ago(match: re.Match[str], now: Now) -> Window:
    length_s = to_seconds(match["a"])
    if re.search(r"\bdays?\b", match["a"], re.I):
        return _days(round(length_s / 86_400), 0, 24, now)
    start_ns, end_ns = _around(now.asked_ns - _to_ns(match["a"]), max(2.0, length_s / 4))
    return start_ns, min(end_ns, now.asked_ns)


def _at(match: re.Match[str], now: Now) -> Window | None:
    moment_ns = place(match["a"], now)
    if moment_ns is None:
        return None
    if re.search(r"around|near|about|roughly|approx|toward", match[0], re.I):
        return _around(moment_ns, AROUND_S)
    if now.is_media or re.search(r"\d:\d+:\d|sec", match["a"], re.I):
        return _around(moment_ns, POINT_S)
    if ":" in match["a"]:  # a time without seconds on the wall clock is that minute
        return moment_ns, moment_ns + 60 * S_NS
    return _around(moment_ns, 300.0)  # "at 3 pm"


def _around(moment_ns: int, slack_s: float) -> tuple[int, int]:
    return moment_ns - round(slack_s * S_NS), moment_ns + round(slack_s * S_NS)


def _part(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "the first half", "the last quarter", and "the middle", which is the middle third."""
    if now.origin_ns is None:
        return None
    length_ns = now.asked_ns - now.origin_ns
    n = {"half": 2, "third": 3, "quarter": 4}.get(match["part"].lower(), 3)
    index = {"first": 0, "second": 1, "third": 2, "": 1}.get(match["nth"].lower(), n - 1)
    index = min(index, n - 1)
    return now.origin_ns + length_ns * index // n, now.origin_ns + length_ns * (index + 1) // n


def _edge_ns(now: Now) -> int:
    length_s = (now.asked_ns - (now.origin_ns or now.asked_ns)) / S_NS
    return round(min(max(EDGE_S[0], length_s / 10), EDGE_S[1]) * S_NS)


def _beginning(match: re.Match[str], now: Now) -> Window | None:
    return None if now.origin_ns is None else (now.origin_ns, now.origin_ns + _edge_ns(now))


def _ending(match: re.Match[str], now: Now) -> Window:
    return now.asked_ns - _edge_ns(now), now.asked_ns


def _days(days_back: int, from_h: int, to_h: int, now: Now) -> tuple[int, int]:
    day = now.midnight(days_back)
    start, end = day + timedelta(hours=from_h), day + timedelta(hours=to_h)
    return int(start.timestamp()) * S_NS, int(end.timestamp()) * S_NS


def _calendar(match: re.Match[str], now: Now) -> Window | None:
    words = match[0].lower().split()
    if now.is_media:
        return (None, None) if words == ["today"] else None  # a recording has no calendar but its own day
    hours = {"morning": (0, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30), "tonight": (18, 30)}
    from_h, to_h = hours.get(words[-1], (0, 24))
    return _days(int(words[0] in {"yesterday", "last"}), from_h, to_h, now)


def _everything(match: re.Match[str], now: Now) -> Window:
    return None, None


def _recent(length_s: float) -> Resolve:
    def resolve(match: re.Match[str], now: Now) -> Window:
        return now.asked_ns - round(length_s * S_NS), now.asked_ns

    return resolve


def _rule(pattern: str, resolve: Resolve) -> tuple[re.Pattern[str], Resolve]:
    return re.compile(pattern, re.IGNORECASE), resolve


_present = _recent(NOW_S)
POINTS = frozenset({_at, _ago, _from_edge, _present})

_IN = r"(?:\b(?:in|over|during|within|for|from|at|on|throughout)\s+)?(?:\bthe\s+)?\b(?:very\s+)?"
_AT = r"(?:\b(?:right\s+)?(?:at|around|near|about|towards?)|@)\s*(?:the\s+)?"
_TO = r"\s*(?:\b(?:and|to|until|till|through)\b|-|–|\.\.)\s*(?:at\s+)?"
_ALL = rf"(?:during|throughout|over|in|on|of|from)\s+(?:the|this)\s+(?:(?:whole|entire)\s+(?:{_WHOLE}|time\b)|{_WHOLE})"

# The first rule that matches wins: ranges stand before borders, borders before single moments.
RULES: tuple[tuple[re.Pattern[str], Resolve], ...] = (
    _rule(rf"\b(?:between|from)\s+(?P<a>{_INSTANT}|{NUMBER}){_TO}(?P<b>{_INSTANT}|{_BARE})", _between),
    _rule(rf"\b(?:(?:between|from|in)\s+)?(?P<a>{_MARK}){_TO}(?P<b>{NUMBER})\b", _between),
    _rule(rf"(?P<a>{_CLOCK}){_TO}(?P<b>{_CLOCK})", _between),
    _rule(rf"(?<!\w)(?P<a>{NUMBER})(?:\s+to\s+|\s*[-–]\s*(?=\d))(?P<b>{LENGTH})(?!\s*(?:long|ago))", _between),
    _rule(rf"\b(?:after|since|beyond|past)\s+the\s+(?:first|opening|initial)\s+(?P<a>{_SPELLED})", _after),
    _rule(rf"\b(?:before|until)\s+the\s+(?:last|final)\s+(?P<a>{_SPELLED})", _before_last),
    _rule(rf"{_IN}(?:last|past|previous|preceding|final|latest)\s+(?P<a>{_SPELLED}){_OF_WHOLE}?", _last),
    _rule(rf"{_IN}(?:first|opening|initial)\s+(?P<a>{_SPELLED}){_OF_WHOLE}?", _first),
    _rule(rf"{_IN}(?P<nth>first|second|third|last|final)\s+(?P<part>half|third|quarter)\b{_OF_WHOLE}?", _part),
    _rule(rf"\b(?:in|during)\s+the\s+(?P<nth>{'|'.join(ORDINALS)}|\d+(?:st|nd|rd|th))\s+(?P<a>{UNIT})", _nth_unit),
    _rule(rf"\b(?:in|around|at|near)\s+the\s+(?P<nth>)(?P<part>)middle{_OF_WHOLE}", _part),
    _rule(rf"\b(?P<nth>)(?P<part>)half\s?way\s+(?:through|in)\b{_OF_WHOLE}?", _part),
    _rule(rf"(?<!\w)(?P<a>{LENGTH})\s+(?P<side>before|after)\s+(?:{_END}|{_BEGINNING})", _from_edge),
    _rule(
        rf"\b(?:after|since|from|past|later\s+than|beyond|starting\s+at)\s+(?P<a>{_INSTANT})(?:\s+on(?:wards?)?\b)?",
        _after,
    ),
    _rule(rf"\b(?:before|until|till|up\s+(?:to|until)|by|prior\s+to|earlier\s+than)\s+(?P<a>{_INSTANT})", _before),
    _rule(rf"\b(?:(?:about|around|roughly|some)\s+)?(?P<a>{LENGTH})\s+ago\b", _ago),
    _rule(rf"(?:{_AT}|\bin\s+(?:the\s+)?)(?:time\s+)?(?P<a>(?:about\s+)?(?:the\s+)?(?:{_CLOCK}|{_MARK}){_TAIL})", _at),
    _rule(rf"{_AT}(?P<a>{LENGTH}{_TAIL})", _at),
    _rule(rf"(?<!\w)(?P<a>{LENGTH})(?:[\s-]+mark\b|\s+in\s*(?=[?.!,;]|$)|\s+into\b|{_OF_WHOLE})", _at),
    _rule(
        rf"(?:{_AT}|\bin\s+(?:the\s+)?)(?:very\s+)?(?:beginning|start|outset)\b(?:{_OF_WHOLE}|(?!\s+of\b))", _beginning
    ),
    _rule(rf"(?:{_AT}|\b(?:in|by)\s+the\s+)(?:very\s+)?end\b(?:{_OF_WHOLE}|(?!\s+of\b))", _ending),
    _rule(
        r"\bjust\s+now\b|\b(?:a\s+)?(?:few\s+)?(?:short\s+)?(?:moments?|while)\s+ago\b|\b(?:recent|late)ly\b",
        _recent(RECENT_S),
    ),
    _rule(
        r"\b(?:right\s+)?now\b|\b(?:current|present)ly\b|\bat\s+(?:the|this)\s+(?:very\s+|present\s+)?moment\b",
        _present,
    ),
    _rule(
        r"\b(?:(?:yesterday|this)\s+(?:morning|afternoon|evening)|(?:yesterday|last)\s+night|tonight|today|yesterday)\b",
        _calendar,
    ),
    _rule(
        rf"\bso\s+far\b|\boverall\b|\bin\s+total\b|\b(?:al)together\b|\bin\s+all\b|\bthe\s+whole\s+time\b|\b{_ALL}",
        _everything,
    ),
)
