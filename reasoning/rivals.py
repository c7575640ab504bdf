"""Two things of which one asks the order: "what was heard first, the tone or the voice", "was A before or after B"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reasoning import vocabulary as vocab
from reasoning.patterns import REACH_CHARS, has, word
from reasoning.topics import Topic, find_topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Two kinds of event; `wants` says which end of time decides. `is_known` is False where one is not understood."""

    topics: tuple[Topic, Topic]
    phrases: tuple[str, str]
    wants: Literal["first", "last"]
    is_known: bool


_BEFORE_OR_AFTER = re.compile(
    rf"(?P<a>[^,?.!;]{{1,{REACH_CHARS}}}?)\s+(?:before|earlier|sooner|after|later)\s+or\s+(?:before|earlier|sooner|after|later)\s+"
    r"(?:than\s+)?(?P<b>[^,?.!;]+)",
    re.IGNORECASE,
)
_OR = re.compile(rf"(?P<a>[^,?.!;:]{{1,{REACH_CHARS}}}?),?\s+or\s+(?P<b>[^,?.!;:]+)", re.IGNORECASE)
_FIRST = word("first", "earlier", "earliest", "sooner")
_LAST = word("last", "later", "latest")
_THE_FIRST = r"\b(?:the|a)\s+(?:very\s+)?(?:first|last)\s+\w+"
_SIDES = re.compile(rf"\b(?:{'|'.join(vocab.SIDES)})\s+(?:side\s+)?or\b", re.IGNORECASE)
_EDGE = (vocab.ASKING | vocab.AUXILIARIES | vocab.FRAME - {"something"}) | frozenset(
    "first earlier earliest sooner last later latest either happened heard come came comes there which one".split()
)
_SENSES = frozenset({"speech", "sound", "motion", "scene"})


def find_rivals(text: str, quotes: Sequence[str]) -> Rivals | None:
    """Return the two, or None where no order of two is asked for."""
    match = _BEFORE_OR_AFTER.search(text)
    if match is None and has(_FIRST, text) != has(_LAST, text) and not _SIDES.search(text):
        match = _OR.search(text)
    if match is None:
        return None
    phrases = _trim(match["a"]), _trim(match["b"])
    if not all(phrases):
        return None
    a, b = (replace(find_topic(phrase, quotes), nth=0) for phrase in phrases)
    is_known = all(topic.has_cue and topic.about in _SENSES and not _is_doubtful(topic) for topic in (a, b))
    wants: Literal["first", "last"] = "last" if has(_LAST, text) and not _BEFORE_OR_AFTER.search(text) else "first"
    if replace(a, is_moment=b.is_moment) == b or (not is_known and has(_THE_FIRST, text)):
        return None  # "the first car or person"
    return Rivals(topics=(a, b), phrases=phrases, wants=wants, is_known=is_known)


def _is_doubtful(topic: Topic) -> bool:
    return bool(topic.unused) or topic.has_rare_thing or topic.is_absence


def _trim(phrase: str) -> str:
    """Cut "what was heard first", "did", "come first" around the name of the event."""
    tokens = phrase.split()
    while tokens and tokens[0].lower().strip(",") in _EDGE - {"a", "an", "the", "some", "any"}:
        tokens.pop(0)
    while tokens and tokens[-1].lower() in _EDGE:
        tokens.pop()
    kept = " ".join(tokens)
    return kept if re.search(r"\w", kept) and kept.lower() not in {"a", "an", "the"} else ""
