"""Whether a question asks for something or for its absence, and for some of that or for all along: "ever", "never"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reasoning.patterns import either, has

_ABSENT = either(
    r"\b(?:nobody|no\s?one|none|nothing)\b",
    r"\bno\s+(?:\w+\s+)?(?:sounds?|noises?|movements?|motions?|speech|voices?|tones?|activity|words?|talking|changes?)\b",
    r"\bnot\s+(?:a\s+(?:sound|word|thing)|anything|any\s+\w+|mov\w+|speak\w*|talk\w*|say\w*|chang\w+|happen\w*)\b",
    r"\bwithout\s+(?:any\s+)?(?:sound|noise|movement|motion|speech|talking|words|change)\b",
    r"\b(?:absence|lack)\s+of\b",
    r"\binterrupt\w*|\b(?:gaps?|breaks?)\s+in\b",
)
_EVER = r"\b(?:ever|at\s+any\s+(?:time|point|moment))\b"
_SOME_QUIET = either(
    r"\b(?:an?|any|some)\s+(?:\w+\s+)?(?:quiet|silent|silences?|still|pauses?|moments?|stretch|period)\b",
    _EVER,
    r"\bpaus(?:e|es|ed|ing)\b|\binterrupt\w*|\b(?:gaps?|breaks?)\b",
)
_NEVER = either(r"\bnever\b", rf"\bnot\s+{_EVER}")
_NOT_TRUE = r"\b(?:true|correct|right|case)\s+that\b[^?.!;]*(?:n't\b|\bnot\b)(?:[^?.!;]*(?P<ever>\bever\b))?"
_NONE_EVER = rf"\b(?:no|no\s?one|nobody|none|nothing)\b[^?.!;]*{_EVER}"  # at no time, not for some time


@dataclass(frozen=True, slots=True, kw_only=True)
class Polarity:
    """What "no", "ever" and "never" make of a topic."""

    is_absence: bool
    is_moment: bool
    is_denied: bool
    unused: str = ""  # where one undoes the other


def find_polarity(text: str, content: str, *, is_quiet: bool) -> Polarity:
    """Return it for a text in which `content` is what was said; `is_quiet` where a word means quiet by itself."""
    plain = text.replace(content, " ") if content else text
    not_true = re.search(_NOT_TRUE, plain)
    is_absence, is_some = has(_ABSENT, text), has(_SOME_QUIET, text)
    is_never = has(_NEVER, plain) or (not_true is not None and bool(not_true["ever"] or not is_quiet))
    none_ever = has(_NONE_EVER, plain)
    undone = "never" if is_never and is_absence and "never" in plain else ""
    undone = undone or ("ever" if none_ever and is_quiet and not is_never else "")
    undone = undone or ("not" if not_true is not None and is_quiet and not is_never else "")
    return Polarity(
        is_absence=is_quiet or is_absence or is_never,
        is_moment=(is_never and is_quiet)
        or (is_some and (is_quiet or not none_ever) and not (is_never and not is_quiet)),
        is_denied=is_never and is_quiet,
        unused=undone,
    )
