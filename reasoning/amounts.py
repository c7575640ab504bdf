"""How often something is claimed to have happened: "twice", "at least three tones", "more than once"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reasoning.numbers import NUMBER, to_seconds

_ONCE = {"once": 1, "twice": 2, "thrice": 3}
_THINGS = (
    r"(?:movements?|motions?|sounds?|noises?|tones?|beeps?|bleeps?|bangs?|utterances?|sentences?|scene\s+changes?|cuts?|scenes"
    r"|pauses?|silences?|events?)"
)
_BOUND = r"more\s+than|over|at\s+least|fewer\s+than|less\s+than|at\s+most|only|exactly|just"
_TIMES = re.compile(
    rf"(?<!the )(?<!these )(?<!those )(?<!both )(?:(?P<bound>{_BOUND})\s+)?"
    rf"\b(?:(?P<once>once|twice|thrice)\b"
    rf"|(?P<n>{NUMBER})\s+(?:different\s+|separate\s+|distinct\s+)?(?:times\b|{_THINGS}\b))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """A number of times and the words that named it."""

    least: int
    most: int | None
    phrase: str

    def holds(self, n: int) -> bool:
        """Whether `n` times is as often as that."""
        return self.least <= n and (self.most is None or n <= self.most)


def find_times(text: str) -> Times | None:
    """Return how often something is asked about to have happened, None where nothing says so."""
    match = _TIMES.search(text)
    if match is None:
        return None
    n = _ONCE[match["once"].lower()] if match["once"] else round(to_seconds(match["n"]))
    bound = " ".join((match["bound"] or "").lower().split())
    least, most = {
        "more than": (n + 1, None),
        "over": (n + 1, None),
        "at least": (n, None),
        "fewer than": (0, n - 1),
        "less than": (0, n - 1),
        "at most": (0, n),
    }.get(bound, (n, n))
    if match["once"] and n == 1 and not bound:  # "did it move once" is content with more
        most = None
    phrase = match[0] if match["once"] else match[0][: match.end("n") - match.start()]
    return Times(least=least, most=most, phrase=phrase)
