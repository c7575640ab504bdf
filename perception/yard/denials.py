"""What a text affirms and what it denies, clause by clause: "two, not three" says two, "not red" says no colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

from perception.yard.words import plain

_BREAKS = re.compile(r"(?<!\d)[.:,]|[.:,](?!\d)|[;!?\n]|\s[-\u2013\u2014]+\s|\u2014")
_TURNS = re.compile(
    r"\b(?:but|rather|instead|however|although|though|while)\b|\band (?=(?:it|they|there|then|the|i|only|just)\b)"
)
_UNTIL = re.compile(r"\b(?:until|till)\b")
# What looks like a denial and is none: "no doubt a car", "nothing but barking", "it is a car, isn't it".
_IDIOMS = (
    (re.compile(r"\b(?:there is |there was |i have )?(?:no|without(?: a| any)?) (?:doubt|question|mistake)\b"), " "),
    (re.compile(r"\bnot (?:only|just)\b"), " "),
    (re.compile(r"\b(?:nothing|none|nobody|no one|no other \w+)(?: else)?(?: there)? (?:but|than|except|other than)\b"),
     " "),
    (re.compile(r"\bno (\w+) (?:but|except|other than)\b"), " "),
)  # fmt: skip
_TAG = re.compile(r"(?:is|was|does|did|are|were)nt (?:it|they|he|she|there)")
_DENIES = re.compile(
    r"\b(?:no|not|nope|never|none|nothing|nobody|neither|nor|without|cannot|cant|isnt|wasnt|arent|werent|didnt|doesnt"
    r"|dont|havent|hasnt|hadnt|couldnt|silent|silence|quiet)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause in plain words: what stands before its denial, and what it denies; `no` where it denies nothing."""

    affirmed: str
    denied: str = ""
    no: str = ""  # the word that denies

    @property
    def words(self) -> str:
        """Return the whole clause."""
        return " ".join(part for part in (self.affirmed, self.no, self.denied) if part)


def clauses_of(text: str) -> list[Clause]:
    """Return the clauses of a text in their order; what only looks like a denial is none."""
    found = []
    for part in _BREAKS.split(text):
        words = plain(part)
        for pattern, other in _IDIOMS:
            words = pattern.sub(other, words)
        for some in _TURNS.split(words):
            clause = " ".join(some.split())
            if clause and not _TAG.fullmatch(clause):
                found += _clauses(clause)
    return found


def _clauses(words: str) -> list[Clause]:
    match = _DENIES.search(words)
    if match is None:
        return [Clause(affirmed=words)]
    before, after = words[: match.start()].strip(), words[match.end() :].strip()
    ends = _UNTIL.search(after)  # "it did not stop until 0:12" says when it stopped
    if ends is None:
        return [Clause(affirmed=before, denied=after, no=match[0])]
    denial = Clause(affirmed=before, denied=after[: ends.start()].strip(), no=match[0])
    return [denial, Clause(affirmed=after[ends.end() :].strip())]


def affirmed(clauses: list[Clause]) -> str:
    """Return everything that is said to be so."""
    return " ".join(clause.affirmed for clause in clauses if clause.affirmed)


def denied(clauses: list[Clause]) -> str:
    """Return everything that is said not to be so."""
    return " ".join(clause.denied for clause in clauses if clause.denied)
