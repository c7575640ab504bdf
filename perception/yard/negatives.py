"""Polls of what was in view (POPE-V), with nine kinds of things that were not so, and one that was for each of them.

random       any class that the world does not have
popular      the likeliest class that it does not have
adversarial  the class that it does not have and that comes most often with what is in view
stale        seen before the window, gone now
future       seen only after it is asked
swap         the right class, but a wrong colour or size
count        one more than there were, or one less
order        two things in the other order
time         something that happened at another time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from perception.yard.claims import CLAIMED, COUNT_S, draw_claim
from perception.yard.draws import draw_one, draw_weighted
from perception.yard.forms import Ask
from perception.yard.kinds import CLASSES, COLOURS, SIZES
from perception.yard.mentions import Description, Period
from perception.yard.oracle import settle, settle_text
from perception.yard.phrases import phrasings
from perception.yard.question import Question
from perception.yard.questions import GRID_S, question_of
from perception.yard.scene import KNOWN_S, Scene, Thing, scene_of
from perception.yard.script import draw_colour, kind_weights
from perception.yard.settings import WorldSettings, stream_of
from perception.yard.truth import Truth

ABSENT = ("random", "popular", "adversarial", "stale", "future", "swap")
OF_THE_RARE = frozenset({"random", "popular", "adversarial", "stale"})  # what is absent or gone is so by its prior
WINDOW_S = COUNT_S
STRATA = (*ABSENT, *CLAIMED)
APART_S = 0.5  # so far from the window a thing that is stale is gone, or one of the future not yet come
SHAPES = (("kind",), ("colour", "kind"), ("size", "kind"))  # what a poll says of a thing
TRIES = 12

Pair: TypeAlias = tuple[Question, Question]  # no, yes


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a poll is about: the last seconds before it is asked, with what was in view in them."""

    scene: Scene  # the whole world
    settings: WorldSettings
    asked_s: float
    when: slice
    shape: tuple[str, ...]

    @property
    def present(self) -> list[Thing]:
        """Return what was clearly in view."""
        seen_s = self.scene.seen_s(self.when)
        return [one for one, span_s in zip(self.scene.things, seen_s, strict=True) if span_s >= KNOWN_S]

    def saw(self, what: Description, start_s: float, end_s: float) -> bool:
        """Say whether anything of a description was in view, be it for a moment."""
        shown = self.scene.is_seen | self.scene.is_glimpsed
        seen = np.asarray(shown[self.scene.during(start_s, end_s)].any(axis=0))
        return any(was_seen and what.fits(one) for one, was_seen in zip(self.scene.things, seen, strict=True))


def polls_of(truths: Sequence[Truth], settings: WorldSettings, seed: int) -> list[Pair]:
    """Return at most one pair for each kind of negative, as the world has them: asked alike at the same time."""
    scene = scene_of(truths)
    draws = [(stratum, np.random.default_rng(stream_of(seed, f"polls/{stratum}"))) for stratum in STRATA]
    pairs = [
        draw_claim(scene, settings, stratum, draw) if stratum in CLAIMED else draw_poll(scene, settings, stratum, draw)
        for stratum, draw in draws
    ]
    return [pair for pair in pairs if pair is not None]


def even(pairs: Iterable[Pair]) -> list[Question]:
    """Return polls with every kind of negative in equal number, the first ones of each; a yes for every no."""
    pairs = list(pairs)
    counts = Counter(no.stratum for no, _ in pairs)
    least = min((counts[stratum] for stratum in STRATA), default=0)
    taken: Counter[str] = Counter()
    kept: list[Question] = []
    for pair in pairs:
        taken[pair[0].stratum] += 1
        kept += pair if taken[pair[0].stratum] <= least else ()
    return kept


def draw_poll(scene: Scene, settings: WorldSettings, stratum: str, draw: np.random.Generator) -> Pair | None:
    """Return a negative of a kind with its positive, none where no window of the world has both."""
    last = int(float(scene.t_s[-1]) / GRID_S + 1e-6) if len(scene.t_s) else 0
    first = int(WINDOW_S / GRID_S)
    for _ in range(TRIES if last >= first else 0):
        asked_s = float(draw.integers(first, last + 1)) * GRID_S
        when = scene.during(asked_s - WINDOW_S, asked_s)
        shapes = SHAPES[1:] if stratum == "swap" else SHAPES
        shape = shapes[int(draw.integers(len(shapes)))]
        window = Window(scene=scene, settings=settings, asked_s=asked_s, when=when, shape=shape)
        if scene.is_dark[when].any() or not window.present:
            continue
        absent = _NEGATIVES[stratum](window, draw)
        present = _described(_present(window, stratum, draw), shape)
        polls = [
            _poll(window, what, answer, stratum, draw) for what, answer in ((absent, "no"), (present, "yes")) if what
        ]
        no, yes = polls if len(polls) == 2 else (None, None)
        if no and yes:
            return no, yes
    return None


def pair_question(scene: Scene, entity: int, asked_s: float) -> Question | None:
    """Return a question that is answered "yes" because of one entity alone: without it, or repainted, it flips."""
    past = scene.until(asked_s)
    one = next((thing for thing in past.things if thing.id == entity), None)
    if one is None or asked_s < WINDOW_S:
        return None
    what = Description(colour=one.colour, kind=one.kind)
    if sum(what.fits(other) for other in scene.things) > 1:
        return None
    ask = Ask(form="exists", what=what, period=Period(last_s=WINDOW_S))
    verdict = settle(ask, past, asked_s)
    is_yes = verdict is not None and verdict.answer.value == "yes"
    return question_of(ask, verdict, asked_s) if verdict is not None and is_yes else None


def flips(question: Question, changed: Sequence[Truth]) -> bool:
    """Say whether a question has another answer where the world was changed: an entity removed or repainted."""
    verdict = settle_text(question.text, question.asked_s, scene_of(changed).until(question.asked_s))
    return not question.answer.agrees(verdict.answer)


def _poll(window: Window, what: Description, answer: str, stratum: str, draw: np.random.Generator) -> Question | None:
    ask = Ask(form="exists", what=what, period=Period(last_s=WINDOW_S))
    verdict = settle(ask, window.scene.until(window.asked_s), window.asked_s)
    if verdict is None or verdict.answer.value != answer:
        return None
    return question_of(ask, verdict, window.asked_s, int(draw.integers(phrasings(ask))), stratum)


def _present(window: Window, stratum: str, draw: np.random.Generator) -> Thing:
    """Return something that was in view; what is rare more often, where the negatives are of what is rare."""
    present = window.present
    if stratum not in OF_THE_RARE:
        return draw_one(draw, present)
    weights = [1 / CLASSES[one.kind].prior for one in present]
    return present[draw_weighted(draw, {number: weight / sum(weights) for number, weight in enumerate(weights)})]


def _random(window: Window, draw: np.random.Generator) -> Description | None:
    absent = _absent(window)
    return _filled(window, draw_one(draw, absent), draw) if absent else None


def _popular(window: Window, draw: np.random.Generator) -> Description | None:
    absent = _absent(window)
    return _filled(window, max(absent, key=kind_weights(()).__getitem__), draw) if absent else None


def _adversarial(window: Window, draw: np.random.Generator) -> Description | None:
    absent = _absent(window)
    weights = kind_weights(sorted({one.kind for one in window.present}))
    return _filled(window, max(absent, key=weights.__getitem__), draw) if absent else None


def _stale(window: Window, draw: np.random.Generator) -> Description | None:
    start_s = window.asked_s - WINDOW_S
    seen_s = window.scene.seen_s(window.scene.during(0.0, start_s - APART_S))
    whats = [
        what
        for one, span_s in zip(window.scene.things, seen_s, strict=True)
        if span_s >= KNOWN_S
        and not window.saw(what := _described(one, window.shape), start_s - APART_S, window.asked_s)
    ]
    return draw_one(draw, whats) if whats else None


def _future(window: Window, draw: np.random.Generator) -> Description | None:
    end_s = float(window.scene.t_s[-1])
    seen_s = window.scene.seen_s(window.scene.during(window.asked_s + APART_S, end_s))
    whats = [
        what
        for one, span_s in zip(window.scene.things, seen_s, strict=True)
        if span_s >= KNOWN_S and not window.saw(what := _described(one, window.shape), 0.0, window.asked_s + APART_S)
    ]
    return draw_one(draw, whats) if whats else None


def _swap(window: Window, draw: np.random.Generator) -> Description | None:
    one = draw_one(draw, window.present)
    values = COLOURS if "colour" in window.shape else SIZES
    whats = [replace(_described(one, window.shape), **{window.shape[0]: value}) for value in values]
    wrong = [
        what
        for what in whats
        if (one.kind, what.colour) not in window.settings.forbidden
        and not any(what.fits(other) for other in window.scene.things)
    ]
    return draw_one(draw, wrong) if wrong else None


def _absent(window: Window) -> list[str]:
    """Return the classes that the world does not have at any time."""
    there = {one.kind for one in window.scene.things}
    return [kind for kind in CLASSES if kind not in there]


def _filled(window: Window, kind: str, draw: np.random.Generator) -> Description:
    """Return a class with a colour or size, where the poll says one: drawn like those of what is there."""
    colour = draw_colour(draw, kind, window.settings)
    size = draw_one(draw, sorted(SIZES))
    return _described(Thing(id=-1, kind=kind, colour=colour, size=size), window.shape)


def _described(one: Thing, shape: tuple[str, ...]) -> Description:
    return Description(**{name: getattr(one, name) for name in shape})


_NEGATIVES: Mapping[str, Callable[[Window, np.random.Generator], Description | None]] = {
    "random": _random, "popular": _popular, "adversarial": _adversarial, "stale": _stale, "future": _future,
    "swap": _swap,
}  # fmt: skip
