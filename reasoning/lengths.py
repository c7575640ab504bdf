"""How long something has to have lasted, "for more than five seconds", and the breaks between things of one kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reasoning.numbers import LENGTH
from reasoning.timepoints import to_ns

_FOR = r"(?:for|of|lasting|last(?:ed|s)?)\s+"
# The negated forms stand before the bare ones that they contain.
_LEAST = r"(?:(?:no|not)\s+(?:(?:less|shorter|fewer)\s+than|under)|(?:more|longer)\s+than|over|at\s+least)"
_MOST = r"(?:(?:no|not)\s+(?:(?:more|longer)\s+than|over)|(?:less|shorter|fewer)\s+than|under|at\s+most)"
_ELSEWHERE = r"(?!\s+(?:ago|before|after|later|earlier|in|into)\b)"
_RULES = (
    re.compile(
        rf"(?:\b{_FOR})?\b(?P<bound>{_LEAST}|{_MOST})\s+(?P<length>{LENGTH}){_ELSEWHERE}"
        r"(?:\s+long\b)?"
    ),
    re.compile(rf"\b(?P<bound>longer|shorter)\s+(?P<thing>(?:\w+\s+){{1,3}}?)than\s+(?P<length>{LENGTH})"),
    re.compile(
        rf"(?:\bfor\s+)?(?P<length>{LENGTH})\s+(?:or\s+(?:longer|more)|straight|at\s+a\s+stretch|in\s+a\s+row)\b"
    ),
    re.compile(rf"(?P<length>{LENGTH})\s+(?:go(?:es)?|went|gone|pass(?:ed)?|elapsed?)\s+(?:by\s+)?(?=without\b)"),
)
_BEFORE_MOMENT = re.compile(  # "for over five seconds after the tone" is no distance from the tone
    rf"\b(?P<bound>{_FOR}(?:{_LEAST}|{_MOST})|(?:(?:no|not)\s+)?(?:longer|shorter)\s+than)\s+(?P<length>{LENGTH})"
    r"(?=\s+(?:(?:right|just|immediately|shortly|directly|soon)\s+)?"
    r"(?:after|before|following|since|once|until|till|prior\s+to|during|while|whilst|when|between)\b)",
    re.IGNORECASE,
)
# How far from a moment something was: "within ten seconds", "more than ten seconds", each before "after the tone".
WITHIN = rf"(?:(?:with)?in|during|for|up\s+to|over(?=\s+the\b)|(?:in\s+)?{_MOST})"
BEYOND = _LEAST
_BREAKS = re.compile(
    r"\b(?:breaks?|gaps?|pauses?|intervals?|stretch(?:es)?)\s+between\s+(?!the\s+two\b|both\b)"
    r"(?:(?:two|any|all|the|single|consecutive|successive|neighbouring|different|individual)\s+)*"
    r"(?P<things>(?!seconds?\b|minutes?\b|secs\b)[a-z]+s)\b(?!\s+and\b)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A bound on how long something lasted, and the words that named it."""

    least_ns: int
    most_ns: int | None
    phrase: str

    def holds(self, length_ns: int) -> bool:
        """Whether that is long, or short, enough."""
        return self.least_ns <= length_ns and (self.most_ns is None or length_ns <= self.most_ns)


def take_lasting(text: str) -> tuple[Lasting | None, str]:
    """Return the bound that `text` names, and the text without it."""
    match = next((match for rule in _RULES if (match := rule.search(text))), None)
    return (None, text) if match is None else _take(match, text)


def take_lasting_before_moment(text: str) -> tuple[Lasting | None, str]:
    """Return the bound that stands before the moment a question hangs on, and the text without it."""
    match = _BEFORE_MOMENT.search(text)
    return (None, text) if match is None else _take(match, text)


def _take(match: re.Match[str], text: str) -> tuple[Lasting, str]:
    parts = match.groupdict()
    bound, length = (parts.get("bound") or "at least").lower(), parts["length"].lower()
    bound = " ".join(re.sub(rf"^{_FOR}", "", bound).split())
    bound = f"{bound} than" if bound in {"longer", "shorter"} else bound
    is_most = re.fullmatch(_MOST, bound) is not None
    beyond_ns = 0 if bound in {"at least", "at most"} or bound.startswith("no") else 1
    lasting = Lasting(
        least_ns=0 if is_most else to_ns(length) + beyond_ns,
        most_ns=to_ns(length) - beyond_ns if is_most else None,
        phrase=f"for {bound} {length}",
    )
    rest = f"{text[: match.start()]} {parts.get('thing') or ''}{text[match.end() :]}"
    return lasting, " ".join(rest.split())


def join_breaks(text: str) -> tuple[str, bool]:
    """Return "breaks in movements" for "breaks between two movements", and whether there was such a thing."""
    joined = _BREAKS.sub(lambda match: f"breaks in {match['things']}", text)
    return joined, joined != text
