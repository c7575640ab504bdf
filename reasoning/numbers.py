"""Amounts as people say them -> numbers: "twenty-five", "half a minute", "1 min 20 s", "a minute and a half"."""

from __future__ import annotations

import re

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBERS = {word: i for i, word in enumerate(SMALL)} | {word: 10 * i for i, word in enumerate(TENS, start=2)}
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 1e9  # thirty years: longer than anything that was ever watched
VAGUE = {"couple": 2.0, "few": 5.0, "quarter": 0.25}

UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?)\b"
NUMBER = (
    rf"(?:\d{{1,9}}(?:\.\d{{1,9}})?|(?:(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(SMALL[1:10])}))?|{'|'.join(SMALL)})\b)"
)
_COUNT = (
    rf"(?:{NUMBER}(?:\s+and\s+a\s+half)?|(?:a\s+)?couple(?:\s+of)?|(?:a\s+)?few|(?:a\s+)?half(?:\s+an?)?"
    rf"|(?:a\s+)?quarter(?:\s+of\s+an?)?|an?\b)"
)
_AMOUNT = rf"(?:{_COUNT}[\s-]*{UNIT}(?:\s+and\s+a\s+half\b)?)"
_MINUTES = rf"(?:{_COUNT}[\s-]*(?:m|mins?|minutes?)\s+{NUMBER}(?=\s*(?:[?.!,;]|$|and\b|to\b)))"  # "one minute thirty"
LENGTH = rf"(?:{_MINUTES}|{_AMOUNT}(?:\s*(?:and\s+|,\s*)?{_AMOUNT})?)"


def to_seconds(words: str) -> float:
    """Return the duration in `words`; a number without a unit counts seconds, a unit without a number is one of it."""
    total_s, value, unit_s = 0.0, 0.0, 1
    for token in re.findall(r"\d+(?:\.\d+)?|[a-z]+", words.lower()):
        if token[0].isdigit():
            value += float(token)
        elif token in NUMBERS:
            value += NUMBERS[token]
        elif token in VAGUE:
            value = VAGUE[token]
        elif token == "half":  # after a number it adds to it, after a finished unit it is half of that unit
            value += 0.5
        elif token[0] in UNIT_S and re.fullmatch(UNIT, token):
            unit_s = UNIT_S[token[0]]
            total_s, value = total_s + (value or 1.0) * unit_s, 0.0
    return min(total_s + value * (unit_s if value == 0.5 else 1), LONGEST_S)
