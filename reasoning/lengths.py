"""How long something has to have lasted, "for more than five seconds", and the breaks between things of one kind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reasoning.numbers import LENGTH
from reasoning.timepoints import to_ns

_LEAST = r"(?:more|longer)\s+than|over|at\s+least|no\s+less\s+than"
_MOST = r"(?:less|shorter|fewer)\s+than|under|at\s+most|no\s+more\s+than"
_ELSEWHERE = r"(?!\s+(?:ago|before|after|later|earlier|in|into)\b)"
_RULES = (
    re.compile(
        rf"(?:\b(?:for|of|lasting|last(?:ed|s)?)\s+)?\b(?P<bound>{_LEAST}|{_MOST})\s+(?P<length>{LENGTH}){_ELSEWHERE}"
        r"(?:\s+long\b)?"
    ),
    re.compile(rf"\b(?P<bound>longer|shorter)\s+(?P<thing>(?:\w+\s+){{1,3}}?)than\s+(?P<length>{LENGTH})"),
    re.compile(
        rf"(?:\bfor\s+)?(?P<length>{LENGTH})\s+(?:or\s+(?:longer|more)|straight|at\s+a\s+stretch|in\s+a\s+row)\b"
    ),
    re.compile(rf"(?P<length>{LENGTH})\s+(?:go(?:es)?|went|gone|pass(?:ed)?|elapsed?)\s+(?:by\s+)?(?=without\b)"),
)
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
    for rule in _RULES:
        match = rule.search(text)
        if match is None:
            continue
        parts = match.groupdict()
        bound, length = parts.get("bound") or "at least", parts["length"]
        bound = f"{bound} than" if bound in {"longer", "shorter"} else " ".join(bound.split())
        is_most = re.fullmatch(_MOST, bound) is not None
        beyond_ns = 0 if bound in {"at least", "at most"} or bound.startswith("no") else 1
        lasting = Lasting(
            least_ns=0 if is_most else to_ns(length) + beyond_ns,
            most_ns=to_ns(length) - beyond_ns if is_most else None,
            phrase=f"for {bound} {length}",
        )
        rest = f"{text[: match.start()]} {parts.get('thing') or ''}{text[match.end() :]}"
        return lasting, " ".join(rest.split())
    return None, text


def join_breaks(text: str) -> tuple[str, bool]:
    """Return "breaks in movements" for "breaks between two movements", and whether there was such a thing."""
    joined = _BREAKS.sub(lambda match: f"breaks in {match['things']}", text)
    return joined, joined != text
