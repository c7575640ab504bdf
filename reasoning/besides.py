"""Windows that lie at, or up to, some distance from a clock time: "right after 0:30", "ten seconds before the end"."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from reasoning.lengths import BEYOND, WITHIN
from reasoning.numbers import LENGTH
from reasoning.timepoints import INSTANT, S_NS, Now, place, to_ns

POINT_S = 1.0  # "at 0:12" reaches this far to both sides
AROUND_S = 5.0  # "around 0:12", and to one side "right after 0:12"

Window: TypeAlias = tuple[int | None, int | None]
Resolve: TypeAlias = Callable[[re.Match[str], Now], Window | None]


def around(moment_ns: int, slack_s: float) -> tuple[int, int]:
    """Return the window that reaches so far to both sides."""
    return moment_ns - round(slack_s * S_NS), moment_ns + round(slack_s * S_NS)


def apart(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "20 seconds before the end", "ten seconds after 0:30"."""
    near_ns, by_ns = place(match["b"], now), to_ns(match["a"])
    if near_ns is None:
        return None
    is_before = match["side"].lower() == "before"
    return around(near_ns - by_ns if is_before else near_ns + by_ns, max(POINT_S, by_ns / S_NS / 10))


def _reach(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "within ten seconds after 0:30", "more than ten seconds after 0:30"."""
    near_ns, by_ns = place(match["b"], now), to_ns(match["a"])
    if near_ns is None:
        return None
    if match["side"].lower() == "before":
        return (None if match["beyond"] else near_ns - by_ns), (near_ns - by_ns if match["beyond"] else near_ns)
    return (near_ns + by_ns if match["beyond"] else near_ns), (None if match["beyond"] else near_ns + by_ns)


def beside(match: re.Match[str], now: Now) -> Window | None:
    """Resolve "right after 0:30"; on the wall clock a time without seconds is no nearer than a minute."""
    near_ns = place(match["b"], now)
    if near_ns is None:
        return None
    is_exact = now.is_media or re.search(r"\d:\d+:\d|sec", match["b"], re.I)
    by_ns = round((AROUND_S if is_exact else 60.0) * S_NS)
    return (near_ns - by_ns, near_ns) if match["side"].lower() == "before" else (near_ns, near_ns + by_ns)


_SIDE = rf"(?P<side>before|after)\s+(?P<b>{INSTANT})"
BESIDES: tuple[tuple[str, Resolve], ...] = (
    (
        rf"\b(?:(?:{WITHIN}\s+)?(?:the\s+)?(?:first|last|next)\s+|{WITHIN}\s+(?:the\s+)?|(?P<beyond>{BEYOND})\s+)"
        rf"(?P<a>{LENGTH})\s+{_SIDE}",
        _reach,
    ),
    (rf"(?<!\w)(?P<a>{LENGTH})\s+{_SIDE}", apart),
    (rf"\b(?:(?<!the )right|just|immediately|shortly|directly|soon)\s+{_SIDE}", beside),
)
