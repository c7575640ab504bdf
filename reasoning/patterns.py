"""Regular expressions written as one alternative per line."""

from __future__ import annotations

import re

# So far apart words still belong together; unbounded, a search takes the square of a long question's time.
REACH_CHARS = 200
AMID = rf".{{0,{REACH_CHARS}}}"


def either(*alternatives: str) -> str:
    """Return one group of alternatives."""
    return f"(?:{'|'.join(alternatives)})"


def word(*alternatives: str) -> str:
    """Return alternatives that stand as whole words."""
    return rf"\b{either(*alternatives)}\b"


def has(pattern: str, text: str) -> bool:
    """Whether `pattern` occurs in `text`, in capitals or not."""
    return re.search(pattern, text, re.IGNORECASE) is not None
