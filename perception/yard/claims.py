"""Polls of what is nearly so (POPE-V's further negatives): one too many or too few, the other order, another time.

Each no has a yes that is worded alike: of a count the same number of something else, of an order the same two things,
of a time the same happening. So neither numbers, nor names, nor times tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import TYPE_CHECKING, TypeAlias

from perception.yard.draws import draw_one
from perception.yard.forms import Ask
from perception.yard.mentions import Description, Period, Point
from perception.yard.oracle import settle
from perception.yard.phrases import phrasings
from perception.yard.proposals import propose
from perception.yard.question import Question
from perception.yard.questions import draw_asked_s, question_of
from perception.yard.scene import KNOWN_S, Scene
from perception.yard.settings import WorldSettings

if TYPE_CHECKING:
    import numpy as np

COUNT_S = 4.0  # how long before it is asked a count is about
SHAPES = (("kind",), ("colour",), ("size",), ("colour", "kind"), ("size", "kind"))  # what a count says of things
TRIES = 12
PROPOSED = 8  # happenings to choose from

Asks: TypeAlias = tuple[Ask, Ask]  # no, yes


def draw_claim(
    scene: Scene, settings: WorldSettings, stratum: str, draw: np.random.Generator
) -> tuple[Question, Question] | None:
    """Return a negative of a kind with its positive, none where the world has none."""
    for _ in range(TRIES if len(scene.t_s) else 0):
        asked_s = draw_asked_s(draw, scene)
        past = scene.until(asked_s)
        asks = CLAIMED[stratum](past, settings, asked_s, draw)
        if asks is None:
            continue
        phrasing = int(draw.integers(phrasings(asks[0])))
        no, yes = (
            _poll(past, ask, answer, stratum, asked_s, phrasing)
            for ask, answer in zip(asks, ("no", "yes"), strict=True)
        )
        if no and yes:
            return no, yes
    return None


def _count(scene: Scene, settings: WorldSettings, asked_s: float, draw: np.random.Generator) -> Asks | None:
    """Return the number of some things, said of others of which there are one more or one less."""
    period = Period(last_s=COUNT_S)
    when = scene.during(asked_s - COUNT_S, asked_s)
    present = [one for one, span_s in zip(scene.things, scene.seen_s(when), strict=True) if span_s >= KNOWN_S]
    shape = SHAPES[int(draw.integers(len(SHAPES)))]
    counts: dict[Description, int] = {}
    for one in present:
        what = Description(**{name: getattr(one, name) for name in shape})
        verdict = settle(Ask(form="many_seen", what=what, period=period), scene, asked_s)
        if verdict is not None and verdict.kind == "answerable":
            counts[what] = int(str(verdict.answer.value))
    near = [(one, other) for one, other in permutations(counts, 2) if abs(counts[one] - counts[other]) == 1]
    if not near:
        return None
    right, wrong = draw_one(draw, near)
    no, yes = (Ask(form="exists_count", what=what, number=counts[right], period=period) for what in (wrong, right))
    return no, yes


def _order(scene: Scene, settings: WorldSettings, asked_s: float, draw: np.random.Generator) -> Asks | None:
    """Return two things in the order in which they did not come into view, and in the one in which they did."""
    ask = propose("order_two", draw, scene, settings, asked_s, is_true=True)
    verdict = None if ask is None else settle(ask, scene, asked_s)
    if ask is None or verdict is None or verdict.kind != "answerable":
        return None
    one, other = sorted(ask.mentions, key=lambda mention: mention.words != verdict.answer.value)
    return Ask(form="exists_order", mentions=(other, one)), Ask(form="exists_order", mentions=(one, other))


def _time(scene: Scene, settings: WorldSettings, asked_s: float, draw: np.random.Generator) -> Asks | None:
    """Return something that happened when something else did, and when it did itself."""
    times: dict[Ask, float] = {}
    for _ in range(PROPOSED):
        ask = propose("when", draw, scene, settings, asked_s, is_true=True)
        verdict = None if ask is None else settle(ask, scene, asked_s)
        if ask is not None and verdict is not None and verdict.kind == "answerable":
            times[ask] = float(round(float(str(verdict.answer.value))))
    two = draw.permutation(len(times))[:2]
    if len(two) < 2:
        return None
    one, other = (list(times)[int(number)] for number in two)
    no, yes = (
        Ask(form="exists_time", happenings=one.happenings, at=Point(at_s=at_s)) for at_s in (times[other], times[one])
    )
    return no, yes


def _poll(scene: Scene, ask: Ask, answer: str, stratum: str, asked_s: float, phrasing: int) -> Question | None:
    verdict = settle(ask, scene, asked_s)
    if verdict is None or verdict.answer.value != answer:
        return None
    return question_of(ask, verdict, asked_s, phrasing, stratum)


CLAIMED: Mapping[str, Callable[[Scene, WorldSettings, float, np.random.Generator], Asks | None]] = {
    "count": _count,
    "order": _order,
    "time": _time,
}
