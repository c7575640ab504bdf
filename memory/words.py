"""The words of a question that say what it is about: quoted phrases and content words, without its framing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import apsw

TOKENIZER = ("porter", "unicode61")  # as in the schema

# Grammar, and the words with which a question is put rather than what it is about.
STOP_WORDS = frozenset(
    """
    a about after again ago all also am an and another any anybody anyone anything are around as ask asked asking at be
    because been before being between but by came can could did do does doing done down during each either else ever
    every everybody everyone everything for from get getting go going gone got had happen happened happening happens
    has have having he hear heard hearing her here hers him his how i if in into is it its just know last long many may
    me mean mention mentioned mentioning might moment more most much my myself never no nobody none nor not nothing now
    occur occurred of off often on once one only or other our ours out over own person please recorded recording said
    same saw say saying says see seen shall she should show since so some somebody someone something sometimes soon
    speak speaker speaking spoke spoken still such talk talked talking tell than that the their theirs them then there
    these they thing things this those through time times to told too under until up us utter uttered very was we well
    went were what whatever when where whether which while who whom whose why will with within without word words would
    yes you your yours
    """.split()
)
_PHRASE = re.compile(r"[\"“”«»]([^\"“”«»]+)[\"“”«»]")
_WORD = re.compile(r"\w+(?:['’]\w+)*")


class Term(NamedTuple):
    """One thing to look for: a word, or a phrase whose words must follow each other."""

    words: tuple[str, ...]
    stems: tuple[str, ...]  # as full text keeps them

    @property
    def match(self) -> str:
        """The term as FTS5 wants it; quoting leaves no syntax in it."""
        return '"' + " ".join(self.words) + '"'


class Stemmer:
    """Cuts words down with the very tokenizer that full text uses."""

    def __init__(self, db: apsw.Connection) -> None:
        name, *arguments = TOKENIZER
        self._tokenizer = db.fts5_tokenizer(name, arguments)

    def stems(self, text: str) -> tuple[str, ...]:
        """Return the stems in order."""
        plain = {"include_offsets": False, "include_colocated": False}
        return tuple(str(stem) for stem in self._tokenizer(text.encode(), apsw.FTS5_TOKENIZE_QUERY, None, **plain))


def question_terms(text: str, stemmer: Stemmer) -> list[Term]:
    """Return what the question is about, each term once; empty where it is framing only."""
    phrases = [_WORD.findall(phrase.lower()) for phrase in _PHRASE.findall(text)]
    words = _WORD.findall(_PHRASE.sub(" ", text).lower())
    content = [word for word in words if word not in STOP_WORDS]
    found: dict[tuple[str, ...], Term] = {}
    for parts in (*phrases, *([word] for word in content)):
        stems = stemmer.stems(" ".join(parts))
        if stems and any(len(stem) > 1 for stem in stems):
            found.setdefault(stems, Term(tuple(parts), stems))
    return list(found.values())


def stand_together(words: tuple[str, ...], stems: Sequence[str]) -> bool:
    """Say whether words stand one after the other among the stems of a text; no words stand in any."""
    return any(tuple(stems[at : at + len(words)]) == words for at in range(len(stems) - len(words) + 1))


def letter_pairs(word: str) -> set[tuple[str, str]]:
    """Return the pairs of neighbouring letters in a word, its ends included."""
    return set(zip(f" {word}", f"{word} ", strict=True))


def likeness(a: set[tuple[str, str]], b: set[tuple[str, str]]) -> float:
    """Return how alike two words are written, 0 to 1: the share of letter pairs that they have in common (Dice)."""
    return 2 * len(a & b) / (len(a) + len(b))
