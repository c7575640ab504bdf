"""Counterfactual pairs: the same world with one thing removed or repainted, and a question that this alone turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perception.yard.kinds import COLOURS
from perception.yard.negatives import WINDOW_S, pair_question
from perception.yard.oracle import settle_text
from perception.yard.plot import plot_of
from perception.yard.question import Evidence, Question
from perception.yard.questions import GRID_S
from perception.yard.record import RATES_HZ
from perception.yard.scene import scene_of
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, stream_of
from perception.yard.truth import Truth
from perception.yard.view import truths
from perception.yard.world import Entity, World

TRIES = 24  # (thing, moment) that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question that is answered "yes" in a world and "no" in the changed one, which ends when it is asked."""

    question: Question
    turned: Question  # the same one, as it is answered in the changed world
    changed: World
    how: str  # "without-3", or "3-blue" where it was repainted


def draw_pair(seen: Sequence[Truth], settings: WorldSettings, seed: int) -> Pair | None:
    """Return a pair, none where no thing of the world decides a question alone."""
    draw = np.random.default_rng(stream_of(seed, "pairs"))
    world, scene = make_world(settings, seed), scene_of(seen)
    last = int(settings.length_s / GRID_S)
    moments = [GRID_S * number for number in range(int(WINDOW_S / GRID_S), last + 1)]
    for _ in range(TRIES if world.entities else 0):
        one = world.entities[int(draw.integers(len(world.entities)))]
        asked_s = moments[int(draw.integers(len(moments)))]
        repaints = draw.random() < 0.5
        question = pair_question(scene, one.id, asked_s)
        if question is None:
            continue
        for how, changed in _changes(world, one, asked_s, repaints=repaints):
            answer = settle_text(question.text, asked_s, scene_of(list(truths(changed, moments_of(asked_s))))).answer
            if answer.value == "no":
                turned = replace(question, answer=answer, evidence=Evidence(), age_s=0.0)
                return Pair(question=question, turned=turned, changed=changed, how=how)
    return None


def moments_of(length_s: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return (T,): the moments of which a recording tells the truth."""
    return np.arange(int(length_s * RATES_HZ["image"]), dtype=np.float64) / RATES_HZ["image"]


def _changes(world: World, one: Entity, end_s: float, *, repaints: bool) -> Iterator[tuple[str, World]]:
    """Yield the worlds without a thing, or with it in each other colour that its split shows, and how they differ."""
    others = tuple(other for other in world.entities if other.id != one.id)
    colours = [colour for colour in COLOURS if colour != one.colour]
    shown = [colour for colour in colours if (one.kind, colour) not in world.settings.forbidden]
    painted = {f"{one.id}-{colour}": (*others, replace(one, colour=colour)) for colour in shown}
    for how, entities in (painted if repaints else {f"without-{one.id}": others}).items():
        changed = replace(
            world,
            entities=tuple(sorted(entities, key=lambda entity: entity.id)),
            settings=replace(world.settings, length_s=end_s),
        )
        yield how, replace(changed, plot=plot_of(changed))
