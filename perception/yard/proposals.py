"""Draws what could be asked in a scene; whether it is a sound question the rules say."""

from __future__ import annotations

from itertools import product

import numpy as np

from perception.yard.draws import draw_one
from perception.yard.forms import SOUNDS, Ask, Happening
from perception.yard.happenings import Moment, occurs
from perception.yard.mentions import NOW, ORDINALS, SO_FAR, Description, Mention, Period, Point
from perception.yard.scene import KNOWN_S, SIDES, Scene
from perception.yard.script import draw_colour, draw_kind
from perception.yard.settings import WorldSettings
from perception.yard.verdicts import resolve

AGO_S = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)
HAPPENINGS_TRIED = 4  # for one that is asked about
BEYOND_S = 8  # so far ahead a question may ask about what is still to come
MOMENT_VERBS = ("enters", "leaves", "stops", "starts", "turns", "sounds", "darkens")


def propose(
    form: str, draw: np.random.Generator, scene: Scene, settings: WorldSettings, asked_s: float, *, is_true: bool
) -> Ask | None:
    """Return something to ask of a form; without `is_true` half of its things are drawn without looking."""
    match form:
        case "what_side":
            return Ask(form=form, at=_point(draw, asked_s), side=draw_one(draw, SIDES))
        case "what_is" | "colour_of":
            who = draw_mention(draw, scene, settings, _hidden(form), is_true=is_true)
            return None if who is None else Ask(form=form, mentions=(who,))
        case "colour_side":
            return Ask(form=form, mentions=(_on_side(draw, scene, with_kind=True),), at=_point(draw, asked_s))
        case "colour_heard":
            return Ask(form=form, sounds=(_sound(draw, scene),), at=_past_point(draw, asked_s))
        case "many_now":
            return Ask(form=form, what=draw_what(draw, scene, settings), at=_point(draw, asked_s))
        case "many_seen":
            return Ask(form=form, what=draw_what(draw, scene, settings), period=draw_period(draw, asked_s))
        case "many_moving" | "sound_at" | "sound_who":
            return Ask(form=form, at=_point(draw, asked_s))
        case "where_is" | "way" | "fast" | "approach":
            who = _moment_mention(form, draw, scene, settings, is_true=is_true)
            return None if who is None else Ask(form=form, mentions=(who,), at=_point(draw, asked_s))
        case "order_two" | "order_three":
            return _order(form, draw, scene, settings, is_true=is_true)
        case "order_sounds":
            one, other = draw.permutation(len(SOUNDS))[:2]
            return Ask(form=form, sounds=(SOUNDS[int(one)], SOUNDS[int(other)]))
        case "long_view" | "long_still":
            who = draw_mention(draw, scene, settings, frozenset(), is_true=is_true)
            return None if who is None else Ask(form=form, mentions=(who,))
        case "long_sound":
            return Ask(form=form, sounds=(_sound(draw, scene),))
        case "when" | "ago" | "before":
            count = 2 if form == "before" else 1
            found = _happenings(draw, scene, settings, asked_s, count, is_true=is_true)
            return Ask(form=form, happenings=found) if len(found) == count else None
        case _:
            return Ask(form=form)


def draw_mention(
    draw: np.random.Generator, scene: Scene, settings: WorldSettings, hidden: frozenset[str], *, is_true: bool
) -> Mention | None:
    """Return a name that means one thing, without what is `hidden`; perhaps none, where not `is_true` or dark."""
    known = np.flatnonzero(scene.seen_s() >= KNOWN_S)
    if not len(known) or (not is_true and draw.random() < 0.5):
        return Mention(what=draw_absent(draw, scene, settings, hidden))
    column = int(known[int(draw.integers(len(known)))])
    names = _names_of(scene, column, hidden)
    for number in draw.permutation(len(names)):
        if resolve(scene, names[int(number)]) == column:
            return names[int(number)]
    return None


def draw_absent(
    draw: np.random.Generator, scene: Scene, settings: WorldSettings, hidden: frozenset[str]
) -> Description:
    """Return a description as the prior makes them; never a composition that the split does not show."""
    kind = draw_kind(draw, [one.kind for one in scene.things])
    colour = draw_colour(draw, kind, settings)
    is_bare = draw.random() < 0.4
    return Description(
        kind=None if "kind" in hidden else kind,
        colour=None if "colour" in hidden or ("kind" not in hidden and is_bare) else colour,
    )


def draw_what(draw: np.random.Generator, scene: Scene, settings: WorldSettings) -> Description:
    """Return a description of many: of what is there, or of what could be."""
    if len(scene.things) and draw.random() < 0.7:
        one = scene.things[int(draw.integers(len(scene.things)))]
        kind, colour, size = one.kind, one.colour, one.size
    else:
        kind = draw_kind(draw, ())
        colour, size = draw_colour(draw, kind, settings), draw_one(draw, ("small", "large"))
    keeps = draw.random(3) < (0.5, 0.3, 0.15)
    return Description(
        kind=kind if keeps[0] else None, colour=colour if keeps[1] else None, size=size if keeps[2] else None
    )


def draw_period(draw: np.random.Generator, asked_s: float) -> Period:
    """Return a stretch of time in whole seconds, now and then one that ends after it is asked."""
    shape = draw.random()
    if shape < 0.35:
        return SO_FAR
    if shape < 0.7:
        return Period(last_s=float(draw_one(draw, [span_s for span_s in AGO_S if 2 <= span_s <= asked_s] or [2])))
    from_s = int(draw.integers(0, max(1, int(asked_s) - 1)))
    return Period(from_s=float(from_s), to_s=float(draw.integers(from_s + 2, int(asked_s) + 5)))


def _names_of(scene: Scene, column: int, hidden: frozenset[str]) -> list[Mention]:
    """Return every name that fits a thing and says something of it."""
    one = scene.things[column]
    values = {"size": one.size, "colour": one.colour, "kind": one.kind}
    options = [(None,) if name in hidden else (None, value) for name, value in values.items()]
    whats = [Description(size=size, colour=colour, kind=kind) for size, colour, kind in product(*options)]
    plain = [Mention(what=what) for what in whats if what != Description()]
    return plain + [Mention(what=what, ordinal=ordinal) for what in whats for ordinal in ORDINALS]


def _moment_mention(
    form: str, draw: np.random.Generator, scene: Scene, settings: WorldSettings, *, is_true: bool
) -> Mention | None:
    shape = draw.random()
    if shape < 0.3:
        return Mention(is_moving=True)
    if shape < 0.5 and form != "where_is":
        return _on_side(draw, scene, with_kind=form != "fast")
    return draw_mention(draw, scene, settings, _hidden(form), is_true=is_true)


def _on_side(draw: np.random.Generator, scene: Scene, *, with_kind: bool) -> Mention:
    kinds = sorted({one.kind for one in scene.things})
    kind = draw_one(draw, kinds) if with_kind and kinds and draw.random() < 0.5 else None
    return Mention(what=Description(kind=kind), side=draw_one(draw, SIDES))


def _order(form: str, draw: np.random.Generator, scene: Scene, settings: WorldSettings, *, is_true: bool) -> Ask | None:
    count = 2 if form == "order_two" else 3
    found = [draw_mention(draw, scene, settings, frozenset(), is_true=is_true) for _ in range(count)]
    named = tuple(one for one in found if one is not None and one.ordinal is None)
    columns = {resolve(scene, one) if isinstance(resolve(scene, one), int) else one.words for one in named}
    return Ask(form=form, mentions=named) if len(columns) == count else None


def _happenings(
    draw: np.random.Generator, scene: Scene, settings: WorldSettings, asked_s: float, count: int, *, is_true: bool
) -> tuple[Happening, ...]:
    """Return different things that happened, or where not `is_true` perhaps did not; fewer where few are found."""
    happened: dict[Happening, None] = {}
    others: dict[Happening, None] = {}
    for _ in range(HAPPENINGS_TRIED * count):
        happening = _happening(draw, scene, settings, is_true=is_true)
        outcome = None if happening is None else occurs(scene, happening, asked_s)
        if happening is not None and outcome is not None:
            (happened if isinstance(outcome, Moment) else others)[happening] = None
    found = [*happened, *others] if is_true else [*others, *happened]
    return tuple(found[:count])


def _happening(draw: np.random.Generator, scene: Scene, settings: WorldSettings, *, is_true: bool) -> Happening | None:
    verb = draw_one(draw, MOMENT_VERBS)
    if verb == "darkens":
        return Happening(verb=verb)
    if verb == "sounds":
        return Happening(verb=verb, sound=_sound(draw, scene))
    who = draw_mention(draw, scene, settings, frozenset(), is_true=is_true)
    return None if who is None else Happening(verb=verb, who=who)


def _sound(draw: np.random.Generator, scene: Scene) -> str:
    heard = sorted({one.voice for column, one in enumerate(scene.things) if scene.is_heard[:, column].any()})
    return draw_one(draw, heard) if heard and draw.random() < 0.7 else draw_one(draw, SOUNDS)


def _hidden(form: str) -> frozenset[str]:
    """Return what a question must not say: its answer, and what a prior would answer it from."""
    match form:
        case "what_is" | "fast":
            return frozenset({"kind"})
        case "colour_of":
            return frozenset({"colour"})
        case _:
            return frozenset()


def _point(draw: np.random.Generator, asked_s: float) -> Point:
    return NOW if draw.random() < 0.3 else _past_point(draw, asked_s)


def _past_point(draw: np.random.Generator, asked_s: float) -> Point:
    if draw.random() < 0.5:
        return Point(ago_s=float(draw_one(draw, [ago_s for ago_s in AGO_S if ago_s < asked_s])))
    return Point(at_s=float(draw.integers(1, int(asked_s) + BEYOND_S)))
