"""What the grammar can read, as examples, so that whoever writes a question outside it learns what to write."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache

from perception.yard.forms import FORMS

EXAMPLES = {
    "m": "the red car",
    "d": "cars",
    "k": "two red cars",
    "o": "a red car",
    "at": "at 0:05",
    "in": "in the last 4 seconds",
    "side": "on the left",
    "s": "barking",
    "h": "the red car stop",
    "p": "the blue truck turned",
}
NEAREST = 3
SHOWN = 120  # characters of what cannot be read
_SLOT = re.compile(r"\{(\w+)\}")


@lru_cache(maxsize=1)
def examples() -> tuple[str, ...]:
    """Return a question of every kind and wording that `parse` reads."""
    return tuple(_said(text) for form in FORMS.values() for text in (*form.now, *form.then))


def nearest(text: str) -> list[str]:
    """Return the examples that are most like a text, the most alike first."""
    plain = " ".join(text.lower().split())[:200]
    lower = {one.lower(): one for one in examples()}
    return [lower[one] for one in get_close_matches(plain, lower, NEAREST, 0.0)]


def why_unreadable(text: str) -> str:
    """Return what is wrong with a question outside the grammar, and what can be asked instead."""
    return f"{text[:SHOWN]!r} is outside the grammar; what it reads and is most like that: {' / '.join(nearest(text))}"


def _said(template: str) -> str:
    text = _SLOT.sub(lambda slot: EXAMPLES[slot[1]], template)
    return f"{text[0].upper()}{text[1:]}?"
