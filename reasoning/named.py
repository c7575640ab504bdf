"""The one camera or microphone that a question names: "on the person camera", by its stream's name or a word of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reasoning import vocabulary as vocab
from reasoning.match import words
from reasoning.topics import names_thing
from reasoning.wording import listing, plain
from runtime.messages import Recalled, Sensor

if TYPE_CHECKING:
    from reasoning.understand import Question

_NOUN = r"(?P<noun>camera|webcam|microphone|mic|stream)"
_ONE = re.compile(rf"\b(?P<name>[\w-]+)\s+{_NOUN}\b", re.IGNORECASE)
_NUMBERED = re.compile(rf"\b{_NOUN}[\s-]+(?P<name>\d+)\b", re.IGNORECASE)
_EACH = re.compile(
    rf"\b(?P<word>both|each|every|either|neither)\s+(?:of\s+)?(?:the\s+|your\s+)?{_NOUN}s?\b", re.IGNORECASE
)
_NO_NAME = (vocab.STOP | vocab.AUXILIARIES | {"working", "single", "event"}) - vocab.NTH.keys()


def named_streams(text: str, streams: Mapping[str, Sensor]) -> tuple[set[str], str]:
    """Return the streams that are named, none for all of them, and why the question cannot be answered so."""
    if each := _EACH.search(text):
        own = _of_kind(each["noun"], streams)
        is_one = len(own) < 2 and each["word"].lower() != "both"
        return set(), "" if is_one else f"Please ask about one stream at a time: {_names(own)}."
    match = _NUMBERED.search(text) or _ONE.search(text)
    if match is None:
        return set(), ""
    name, noun = match["name"].lower(), match["noun"].lower()
    own = _of_kind(noun, streams)
    found = {one for one in own if name == one.lower() or name in _words(one)}
    is_number = name in vocab.NTH or name.isdecimal()
    if found or name in _NO_NAME or not own or (len(own) == 1 and not is_number):
        return found, ""
    return set(), f"I know of no {noun} named {plain(name)}, only of {_names(own)}."


def without_names(question: Question, named: set[str]) -> Question:
    """Return the question in which the words of the streams' names count as understood."""
    used = {word for name in named for word in _words(name)}
    unused = " ".join(word for word in question.topic.unused.split() if word not in used)
    rest = " ".join(word for word in words(question.text) if word not in used)
    has_thing = question.topic.has_thing and names_thing(rest, set(rest.split()), question.topic.about)
    return replace(question, topic=replace(question.topic, unused=unused, has_thing=has_thing))


def only(recalled: Recalled, names: set[str], streams: Mapping[str, Sensor]) -> tuple[Recalled, dict[str, Sensor]]:
    """Return what was recalled, and the streams, without the others of the same sense."""
    sensors = {streams[name] for name in names}
    kept = {name: sensor for name, sensor in streams.items() if name in names or sensor not in sensors}
    timeline = tuple(hit for hit in recalled.timeline if hit.stream in kept)
    hits = tuple(hit for hit in recalled.hits if hit.stream in kept)
    total = recalled.total - len(recalled.timeline) + len(timeline)
    return replace(recalled, timeline=timeline, hits=hits, total=total), kept


def _of_kind(noun: str, streams: Mapping[str, Sensor]) -> set[str]:
    """Return the streams that may be called a camera, or a microphone."""
    sensor = {"camera": "video", "webcam": "video", "stream": ""}.get(noun.lower(), "audio")
    return {name for name in streams if sensor in {"", streams[name]}}


def _words(name: str) -> list[str]:
    return re.split(r"[\W_]+", name.lower())


def _names(streams: set[str]) -> str:
    return listing([f"'{plain(name)}'" for name in sorted(streams)])
