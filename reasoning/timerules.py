"""The rules by which words of time become windows: ranges, borders, single moments, days, "just" and "now"."""

from __future__ import annotations

import re
from datetime import timedelta

from reasoning.besides import AROUND_S, BESIDES, POINT_S, Resolve, Window, apart, around, beside
from reasoning.numbers import LENGTH, NUMBER, UNIT, to_seconds
from reasoning.timepoints import (
    CLOCK,
    DAY,
    INSTANT,
    MARK,
    OF_WHOLE,
    S_NS,
    TAIL,
    WHOLE,
    Now,
    place,
    to_ns,
)

NOW_S = 3.0  # "right now" reaches this far back: a piece of movement is at most 2 s long
RECENT_S = 15.0  # "just now"
JUST_S = 60.0  # "what just happened"
DAYS_MAX = 10_000  # nobody has been watching longer
EDGE_S = (5.0, 60.0)  # "at the beginning" is a tenth of the session, at least and at most this
_ORDINAL = r"(?:\d{1,4}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()

_BARE = rf"{NUMBER}(?=\s*(?:[?.!,;]|$))"
_SPELLED = rf"(?:{LENGTH}|{UNIT}(?:\s+and\s+a\s+half\b)?)"  # "last minute" counts one


def _between(match: re.Match[str], now: Now) -> Window | None:
    a, b = match["a"].strip(), match["b"].strip()
    if re.fullmatch(NUMBER, a, re.I):  # "between 10 and 20 seconds ago": unit and direction stand once
        unit = re.search(rf"{UNIT}.*$", b, re.I | re.S)
        a = f"{a} {unit[0]}" if unit else a
    elif day := re.search(rf"\s{DAY}\s*$", b, re.I):
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
    return now.asked_ns - to_ns(match["a"]), now.asked_ns


def _before_last(match: re.Match[str], now: Now) -> Window:
    return None, now.asked_ns - to_ns(match["a"])


def _first(match: re.Match[str], now: Now) -> Window | None:
    return None if now.origin_ns is None else (now.origin_ns, now.origin_ns + to_ns(match["a"]))


def _nth_unit(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "in the second minute", "in the 3rd hour"."""
    if now.origin_ns is None:
        return None
    words = match["nth"].lower()
    n = ORDINALS.index(words) + 1 if words in ORDINALS else int(re.sub(r"\D", "", words))
    unit_ns = to_ns(match["a"])
    return now.origin_ns + (n - 1) * unit_ns, now.origin_ns + n * unit_ns


def _ago(match: re.Match[str], now: Now) -> Window:
    length_s = to_seconds(match["a"])
    if re.search(r"\bdays?\b", match["a"], re.I):
        return _days(min(round(length_s / 86_400), DAYS_MAX), 0, 24, now)
    start_ns, end_ns = around(now.asked_ns - to_ns(match["a"]), max(2.0, length_s / 4))
    return start_ns, min(end_ns, now.asked_ns)


def _at(match: re.Match[str], now: Now) -> Window | None:
    moment_ns = place(match["a"], now)
    if moment_ns is None:
        return None
    if re.search(r"around|near|about|roughly|approx|toward", match[0], re.I):
        return around(moment_ns, AROUND_S)
    if now.is_media or re.search(r"\d:\d+:\d|sec", match["a"], re.I):
        return around(moment_ns, POINT_S)
    if ":" in match["a"]:  # a time without seconds on the wall clock is that minute
        return moment_ns, moment_ns + 60 * S_NS
    return around(moment_ns, 300.0)  # "at 3 pm"


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
    length_s = (now.asked_ns - (now.asked_ns if now.origin_ns is None else now.origin_ns)) / S_NS
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


PRESENT = _recent(NOW_S)
_lately = _recent(RECENT_S)
_just = _recent(JUST_S)
POINTS = frozenset({_at, _ago, apart, beside, PRESENT})  # what was going on then is meant, whole
RECENTS = frozenset({_lately, _just})  # where there was nothing then, the last before it is meant

_IN = r"(?:\b(?:in|over|during|within|for|from|at|on|throughout)\s+)?(?:\bthe\s+)?\b(?:very\s+)?"
_AT = r"(?:\b(?:right\s+)?(?:at|around|near|about|towards?)|@)\s*(?:the\s+)?"
_TO = r"\s*(?:\b(?:and|to|until|till|through)\b|-|–|\.\.)\s*(?:at\s+)?"
# "What just happened", but not "just a tone", "just before" or "just once".
JUST_DONE = (
    r"(?:been\s+|be\s+)?(?:happen\w*|occur\w*|chang(?:ed?|ing)|mov(?:ed?|ing)|pass(?:ed|ing)?|walk(?:ed|ing)?|drove|r[au]n"
    r"|went|gone|go|came|come|enter\w*|left|leave|appear\w*|disappear\w*|arriv\w*|said|say|saying|spoken?|speak\w*|told"
    r"|talk(?:ed|ing)?|mention\w*|shout\w*|whisper\w*|announc\w*|heard?|hear|saw|seen?|beep\w*|start\w*|stop\w*)"
)
_ALL = rf"(?:during|throughout|over|in|on|of|from)\s+(?:the|this)\s+(?:(?:whole|entire)\s+(?:{WHOLE}|time\b)|{WHOLE})"

# The first rule that matches wins: ranges stand before borders, borders before single moments.
RULES: tuple[tuple[re.Pattern[str], Resolve], ...] = (
    _rule(rf"\b(?:between|from)\s+(?P<a>{INSTANT}|{NUMBER}){_TO}(?P<b>{INSTANT}|{_BARE})", _between),
    _rule(rf"\b(?:(?:between|from|in)\s+)?(?P<a>{MARK}){_TO}(?P<b>{NUMBER})\b", _between),
    _rule(rf"(?P<a>{CLOCK}){_TO}(?P<b>{CLOCK})", _between),
    _rule(rf"(?<!\w)(?P<a>{NUMBER})(?:\s+to\s+|\s*[-–]\s*(?=\d))(?P<b>{LENGTH})(?!\s*(?:long|ago))", _between),
    _rule(rf"\b(?:after|since|beyond|past)\s+the\s+(?:first|opening|initial)\s+(?P<a>{_SPELLED})", _after),
    _rule(rf"\b(?:before|until)\s+the\s+(?:last|final)\s+(?P<a>{_SPELLED})", _before_last),
    *((re.compile(pattern, re.IGNORECASE), resolve) for pattern, resolve in BESIDES),
    _rule(rf"{_IN}(?:last|past|previous|preceding|final|latest)\s+(?P<a>{_SPELLED}){OF_WHOLE}?", _last),
    _rule(rf"{_IN}(?:first|opening|initial)\s+(?P<a>{_SPELLED}){OF_WHOLE}?", _first),
    _rule(rf"{_IN}(?P<nth>first|second|third|last|final)\s+(?P<part>half|third|quarter)\b{OF_WHOLE}?", _part),
    _rule(rf"\b(?:in|during)\s+the\s+(?P<nth>{_ORDINAL})\s+(?P<a>{UNIT})", _nth_unit),
    _rule(rf"\b(?:in|around|at|near)\s+the\s+(?P<nth>)(?P<part>)middle{OF_WHOLE}", _part),
    _rule(rf"\b(?P<nth>)(?P<part>)half\s?way\s+(?:through|in)\b{OF_WHOLE}?", _part),
    _rule(
        rf"\b(?:after|since|from|past|later\s+than|beyond|starting\s+at)\s+(?P<a>{INSTANT})(?:\s+on(?:wards?)?\b)?",
        _after,
    ),
    _rule(
        rf"\b(?:before|until|till|up\s+(?:to|until)|by(?!\s+(?:around|about|at|near|roughly)\b)|prior\s+to|earlier\s+than)\s+(?P<a>{INSTANT})",
        _before,
    ),
    _rule(rf"\b(?:(?:about|around|roughly|some)\s+)?(?P<a>{LENGTH})\s+ago\b", _ago),
    _rule(rf"(?:{_AT}|\bin\s+(?:the\s+)?)(?:time\s+)?(?P<a>(?:about\s+)?(?:the\s+)?(?:{CLOCK}|{MARK}){TAIL})", _at),
    _rule(rf"{_AT}(?P<a>{LENGTH}{TAIL})", _at),
    _rule(rf"(?<!\w)(?P<a>{LENGTH})(?:[\s-]+mark\b|\s+in\s*(?=[?.!,;]|$)|\s+into\b|{OF_WHOLE})", _at),
    _rule(
        rf"(?:{_AT}|\bin\s+(?:the\s+)?)(?:very\s+)?(?:beginning|start|outset)\b(?:{OF_WHOLE}|(?!\s+of\b))", _beginning
    ),
    _rule(rf"(?:{_AT}|\b(?:in|by)\s+the\s+)(?:very\s+)?end\b(?:{OF_WHOLE}|(?!\s+of\b))", _ending),
    _rule(
        r"\bjust\s+now\b|\b(?:a\s+)?(?:few\s+)?(?:short\s+)?(?:moments?|while)\s+ago\b|\b(?:recent|late)ly\b",
        _lately,
    ),
    _rule(rf"\bjust(?=\s+(?:{JUST_DONE})\b)", _just),
    _rule(
        r"\b(?:right\s+)?now\b|\b(?:current|present)ly\b|\bat\s+(?:the|this)\s+(?:very\s+|present\s+)?moment\b(?!\s+(?:of|when|that|where|as)\b)",
        PRESENT,
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
