"""CHAIR-V: what a free description mentions, by the closed vocabulary, beside what was there (Rohrbach et al. 2018).

A mention is a class, with a size or colour where one stands before it, or a sound. It is right where the truth has it
at any time until then. Sentences that deny something mention nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perception.yard.mentions import Description
from perception.yard.scene import KNOWN_S, Scene
from perception.yard.script import kind_weights
from perception.yard.words import CLASS_WORDS, COLOUR_WORDS, SIZE_WORDS, SOUND_WORDS, plain
from runtime.apps.yard_scores import share

LIKELY = 2  # so many of the absent classes that come most often with what is there are what the prior suggests
_ENDS = re.compile(r"(?<!\d)[.!?;]|[.!?;](?!\d)")
_DENIES = re.compile(r"\b(?:no|not|never|none|nothing|cannot|cant|without|isnt|wasnt|didnt|dont)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A free description and what was true until then."""

    text: str
    scene: Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """What a text mentions, in its order."""

    things: tuple[Description, ...] = ()
    sounds: tuple[str, ...] = ()


def mentioned(text: str) -> Mentioned:
    """Return what a text mentions."""
    things: list[Description] = []
    sounds: list[str] = []
    for sentence in _ENDS.split(text):
        words = plain(sentence)
        if not _DENIES.search(words):
            for one in _in(words):
                (sounds if isinstance(one, str) else things).append(one)  # type: ignore[arg-type]
    return Mentioned(things=tuple(things), sounds=tuple(sounds))


def _in(words: str) -> Iterator[Description | str]:
    size = colour = None
    for word in words.split():
        if (value := _value(word, SIZE_WORDS)) is not None:
            size = value
        elif (value := _value(word, COLOUR_WORDS)) is not None:
            colour = value
        else:
            if (value := _value(word, CLASS_WORDS)) is not None:
                yield Description(size=size, colour=colour, kind=value)
            elif (value := _value(word, SOUND_WORDS)) is not None:
                yield value
            size = colour = None


def _value(word: str, table: Mapping[str, tuple[str, ...]]) -> str | None:
    return next((value for value, names in table.items() if word in names), None)


def chair(descriptions: Sequence[Described]) -> dict[str, float | int | None]:
    """Return CHAIR-V over descriptions: never without cover, F1 and length.

    `chair_i` is the share of mentions of classes that were not there, `chair_s` of descriptions with at least one;
    `attribute` the share of right classes with a wrong size or colour, `sound` of sounds that nobody made; `cognitive`
    the share of absent classes that the prior suggests. Cover is the share of clearly seen classes that are mentioned.
    """
    scores = [_score(one) for one in descriptions]
    sums = {name: sum(score[name] for score in scores) for name in _SCORES}
    precision = share(sums["things"] - sums["absent"], sums["things"])
    cover = share(sums["covered"], sums["there"])
    both = (precision or 0.0) + (cover or 0.0)
    return {
        "n": sums["things"] + sums["sounds"],
        "descriptions": len(descriptions),
        "chair_i": share(sums["absent"], sums["things"]),
        "chair_s": share(sum(score["absent"] > 0 for score in scores), len(scores)) if sums["things"] else None,
        "cover": cover,
        "f1": round(2 * (precision or 0.0) * (cover or 0.0) / both, 4) if precision is not None and both else None,
        "words": share(sums["words"], len(scores)),
        "attribute": share(sums["wrong"], sums["attributed"]),
        "sound": share(sums["unheard"], sums["sounds"]),
        "cognitive": share(sums["likely"], sums["absent"]),
    }


_SCORES = (
    "things", "absent", "likely", "attributed", "wrong", "sounds", "unheard", "covered", "there", "words",
)  # fmt: skip


def _score(one: Described) -> dict[str, int]:
    scene, said = one.scene, mentioned(one.text)
    could_know = np.asarray((scene.is_seen | scene.is_heard | scene.is_tracked).any(axis=0))
    there = [thing for thing, known in zip(scene.things, could_know, strict=True) if known]
    kinds = {thing.kind for thing in there}
    seen = {thing.kind for thing, span_s in zip(scene.things, scene.seen_s(), strict=True) if span_s >= KNOWN_S}
    was_heard = np.asarray(scene.is_heard.any(axis=0))
    heard = {thing.voice for thing, was in zip(scene.things, was_heard, strict=True) if was}
    weights = kind_weights(sorted(kinds))
    likely = sorted((kind for kind in weights if kind not in kinds), key=lambda kind: -weights[kind])[:LIKELY]
    absent = [what for what in said.things if what.kind not in kinds]
    attributed = [what for what in said.things if what.kind in kinds and (what.size or what.colour)]
    return {
        "things": len(said.things),
        "absent": len(absent),
        "likely": sum(what.kind in likely for what in absent),
        "attributed": len(attributed),
        "wrong": sum(not any(what.fits(thing) for thing in there) for what in attributed),
        "sounds": len(said.sounds),
        "unheard": sum(sound not in heard for sound in said.sounds),
        "covered": len(seen & {what.kind for what in said.things}),
        "there": len(seen),
        "words": len(one.text.split()),
    }
