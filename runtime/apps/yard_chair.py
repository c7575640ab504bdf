"""CHAIR-V: what a free description mentions, by the closed vocabulary, beside what was there (Rohrbach et al. 2018).

A mention is a class, with number, size or colour where they stand before it, or a sound; with what is claimed of it:
where it is, which way it goes, what it meets, in which order, and when. It is right where the truth has it at any time
until then. What is claimed of a thing that was not there is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from perception.yard.scene import KNOWN_S, Scene
from perception.yard.script import kind_weights
from runtime.apps.yard_claims import columns_of, is_count, is_so, perceived
from runtime.apps.yard_mentions import Named, mentioned
from runtime.apps.yard_scores import share

LIKELY = 2  # so many of the absent classes that come most often with what is there are what the prior suggests
FAMILIES: Mapping[str, tuple[str, ...]] = {  # kinds of hallucination, and what each is made of
    "object": (),
    "attribute": ("colour", "size"),
    "count": (),
    "relation": ("where", "way", "beside", "meets"),
    "temporal": ("order", "when"),
    "sound": (),
}
Judged: TypeAlias = tuple[str, bool]  # kind, whether it is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A free description and what was true until then."""

    text: str
    scene: Scene


def chair(descriptions: Sequence[Described]) -> dict[str, float | int | None]:
    """Return CHAIR-V over descriptions: never without cover, F1 and length.

    `chair_i` is the share of mentions of classes that were not there, `chair_s` of descriptions with at least one, and
    `hal` of descriptions with anything wrong in them; `cognitive` the share of absent classes that the prior suggests.
    Cover is the share of clearly seen classes that are mentioned.
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
        "hal": share(sum(not is_right for one in descriptions for is_right in _worst(one)), len(scores))
        if sums["things"] + sums["sounds"]
        else None,
        "cover": cover,
        "f1": round(2 * (precision or 0.0) * (cover or 0.0) / both, 4) if precision is not None and both else None,
        "words": share(sums["words"], len(scores)),
        "cognitive": share(sums["likely"], sums["absent"]),
    }


_SCORES = ("things", "absent", "likely", "sounds", "covered", "there", "words")


def hallucinations(descriptions: Sequence[Described]) -> dict[str, dict[str, float | int | None]]:
    """Return for each kind of hallucination how many mentions are of it, and which share of them is wrong.

    `descriptions` is the share of the descriptions with at least one that is wrong, of those that have any.
    """
    judged = [list(judgements(one)) for one in descriptions]
    found = {}
    for family, kinds in FAMILIES.items():
        found[family] = _share_wrong(judged, (family, *(f"{family} {kind}" for kind in kinds)) if kinds else (family,))
        found |= {f"{family} {kind}": _share_wrong(judged, (f"{family} {kind}",)) for kind in kinds}
    return found


def _share_wrong(judged: Sequence[Sequence[Judged]], kinds: Sequence[str]) -> dict[str, float | int | None]:
    own = [[is_right for kind, is_right in some if kind in kinds] for some in judged]
    verdicts = [is_right for some in own for is_right in some]
    told = [some for some in own if some]
    return {
        "n": len(verdicts),
        "wrong": verdicts.count(False),
        "share": share(verdicts.count(False), len(verdicts)),
        "descriptions": share(sum(False in some for some in told), len(told)),
    }


def judgements(one: Described) -> Iterator[Judged]:
    """Yield every mention and claim of a description with its kind, and whether it is right."""
    said, scene = mentioned(one.text), one.scene
    for named in said.named:
        columns = columns_of(scene, named)
        yield "sound" if named.sound is not None else "object", bool(columns)
        if columns and named.sound is None:
            yield from _of_thing(scene, named, columns)
    family = {kind: f"{family} {kind}" for family, kinds in FAMILIES.items() for kind in kinds}
    for claim in said.claims:
        is_right = is_so(scene, claim)
        if is_right is not None:
            yield family[claim.kind], is_right


def _of_thing(scene: Scene, named: Named, columns: Sequence[int]) -> Iterator[Judged]:
    things = [scene.things[column] for column in columns]
    for name in ("colour", "size"):
        value = getattr(named.what, name)
        if value is not None:
            yield f"attribute {name}", any(getattr(thing, name) == value for thing in things)
    if named.count is not None:
        yield "count", is_count(scene, named)


def _worst(one: Described) -> list[bool]:
    """Return whether all is right of a description that says anything."""
    verdicts = [is_right for _, is_right in judgements(one)]
    return [all(verdicts)] if verdicts else []


def _score(one: Described) -> dict[str, int]:
    scene, said = one.scene, mentioned(one.text)
    has = np.asarray(perceived(scene).any(axis=0))
    there = [thing for thing, known in zip(scene.things, has, strict=True) if known]
    kinds = {thing.kind for thing in there}
    seen = {thing.kind for thing, span_s in zip(scene.things, scene.seen_s(), strict=True) if span_s >= KNOWN_S}
    weights = kind_weights(sorted(kinds))
    likely = sorted((kind for kind in weights if kind not in kinds), key=lambda kind: -weights[kind])[:LIKELY]
    absent = [what for what in said.things if what.kind not in kinds]
    return {
        "things": len(said.things),
        "absent": len(absent),
        "likely": sum(what.kind in likely for what in absent),
        "sounds": len(said.sounds),
        "covered": len(seen & {what.kind for what in said.things}),
        "there": len(seen),
        "words": len(one.text.split()),
    }
