"""What is true of a moment: who is where, which way it moves and how fast, what is heard, how many there are."""

from __future__ import annotations

import numpy as np

from perception.yard.forms import Ask
from perception.yard.kinds import CLASSES
from perception.yard.mentions import Description, Mention
from perception.yard.scene import KNOWN_S, Scene, Thing
from perception.yard.verdicts import (
    UNKNOWN,
    Verdict,
    answered,
    are_told_apart,
    moving_in_view,
    on_side,
    refuted,
    resolve,
    span_of,
    strangers,
    unshown,
    window,
)

SLOW_MPS, FAST_MPS = 2.0, 2.6  # below is slow, above is fast, nobody asks between
CLEAR = 1.5  # by so much one direction must outweigh the other
LEAST_MPS = 0.3  # of nearness: below it is neither towards nor away
NEARS_MPS, HOLDS_MPS = 0.5, 0.1  # it comes nearer from the one on, and does not below the other


def of_moment(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    """Return what a question about a moment comes to."""
    when = window(scene, ask.at, asked_s)
    if not isinstance(when, slice):
        return when
    match ask.form:
        case "what_side":
            return _described(scene, on_side(scene, Mention(side=ask.side), when), when, "class")
        case "colour_side":
            return _colour_on_side(scene, ask.mentions[0], when)
        case "colour_heard":
            return _colour_heard(scene, ask.sounds[0], when)
        case "many_now":
            return _many(scene, ask.what or Description(), when)
        case "many_moving":
            moves = moving_in_view(scene, when)
            return None if moves is None else answered(scene, "number", len(moves), [span_of(scene, when)], moves)
        case "sound_at":
            return _sound(scene, when, of_class=False)
        case "sound_who":
            return _sound(scene, when, of_class=True)
        case _:
            return _of_one(ask, scene, when)


def of_period(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    """Return what a question about a stretch of time comes to: how many, or whether there was one."""
    if ask.period is None:
        return None
    start_s, end_s = ask.period.span_s(asked_s)
    if start_s < 0 or end_s > asked_s:
        return UNKNOWN
    when = scene.during(start_s, end_s)
    if not len(scene.t_s[when]):
        return None
    if scene.is_dark[when].any():
        return _in_the_dark(scene, ask.what or Description(), when)
    seen_s = scene.seen_s(when)
    fits = [column for column, one in enumerate(scene.things) if _fits(ask, one)]
    known = [column for column in fits if seen_s[column] >= KNOWN_S]
    unsure = [column for column in fits if column not in known]
    is_glimpse = bool((scene.is_seen | scene.is_glimpsed)[when][:, unsure].any())
    is_glimpse |= ask.form != "exists" and not are_told_apart(scene, known, when)
    if is_glimpse and not (known and ask.form == "exists"):
        return None
    if ask.form == "exists":
        sights = [span_of_sight(scene, known[-1], when)] if known else [span_of(scene, when)]
        return answered(scene, "yes_no", "yes" if known else "no", sights, known[-1:])
    sights = [span_of_sight(scene, column, when) for column in known] or [span_of(scene, when)]
    return answered(scene, "number", len(known), sights, known)


def span_of_sight(scene: Scene, column: int, when: slice) -> tuple[float, float]:
    """Return the last stretch of some moments in which a thing is in view."""
    mask = np.zeros(len(scene.t_s), bool)
    mask[when] = scene.is_seen[when, column]
    return scene.spans(mask)[-1]


def _fits(ask: Ask, thing: Thing) -> bool:
    return (ask.what or Description()).fits(thing)


def _in_the_dark(scene: Scene, what: Description, when: slice) -> Verdict | None:
    """Return what becomes of a question about what was in view: radar has something there, and nobody its colour."""
    return UNKNOWN if strangers(scene, what, when, in_view=True) else None


def _colour_on_side(scene: Scene, mention: Mention, when: slice) -> Verdict | None:
    if scene.is_dark[when].all():
        fits = [column for column, one in enumerate(scene.things) if mention.what.fits(one)]
        there = unshown(scene, when, in_view=True)
        is_there = any(scene.side(column, when) == mention.side for column in there)
        return UNKNOWN if is_there and not scene.is_glimpsed[when][:, fits].any() else None
    return _described(scene, resolve(scene, mention, when), when, "colour")


def _described(scene: Scene, who: int | Verdict | None, when: slice, kind: str) -> Verdict | None:
    if not isinstance(who, int):
        return who
    thing, spans = scene.things[who], [span_of(scene, when)]
    if kind == "class":
        return answered(scene, "class", thing.kind, spans, [who])
    return answered(scene, "colour", thing.colour, spans, [who])


def _colour_heard(scene: Scene, sound: str, when: slice) -> Verdict | None:
    kin = [column for column, one in enumerate(scene.things) if one.voice == sound]
    ever = [column for column in kin if scene.is_heard[when, column].any()]
    if scene.has_faint(sound, when):
        return None
    if not ever:
        return refuted(scene, when)
    if len(ever) > 1 or not scene.is_heard[when, ever[0]].all():
        return None
    if not (scene.is_seen | scene.is_glimpsed)[:, kin].any():
        return UNKNOWN
    others = [column for column in kin if column != ever[0]]
    is_alone = not (scene.is_seen | scene.is_glimpsed)[when][:, others].any()
    return _described(scene, ever[0], when, "colour") if is_alone and scene.is_seen[when, ever[0]].all() else None


def _many(scene: Scene, what: Description, when: slice) -> Verdict | None:
    if scene.is_dark[when].any():
        return _in_the_dark(scene, what, when)
    fits = [column for column, one in enumerate(scene.things) if what.fits(one)]
    seen = [column for column in fits if scene.is_seen[when, column].all()]
    unsure = [column for column in fits if column not in seen]
    if (scene.is_seen | scene.is_glimpsed)[when][:, unsure].any():
        return None
    return answered(scene, "number", len(seen), [span_of(scene, when)], seen)


def _sound(scene: Scene, when: slice, *, of_class: bool) -> Verdict | None:
    heard = {name: np.zeros(len(scene.t_s[when]), bool) for name in CLASSES}
    for column, one in enumerate(scene.things):
        heard[one.kind] |= scene.is_heard[when, column]
    ever = [name for name, mask in heard.items() if mask.any()]
    if scene.is_faint[when].any():
        return None
    if not ever:
        return refuted(scene, when)
    if len(ever) > 1 or not heard[ever[0]].all():
        return None
    makers = [
        column for column, one in enumerate(scene.things) if one.kind == ever[0] and scene.is_heard[when, column].any()
    ]
    spans = [span_of(scene, when)]
    if of_class:
        return answered(scene, "class", ever[0], spans, makers)
    return answered(scene, "sound", CLASSES[ever[0]].voice.name, spans, makers)


def _of_one(ask: Ask, scene: Scene, when: slice) -> Verdict | None:
    """Return where one thing is, or how it moves."""
    mention = ask.mentions[0]
    who = resolve(scene, mention, when)
    if not isinstance(who, int):
        return who
    if not mention.is_moving:
        if scene.is_dark[when].any():
            return None  # it was seen before; what became of it is anybody's guess
        if not (scene.is_seen | scene.is_glimpsed)[when, who].any() and ask.form == "where_is":
            return refuted(scene, when)
        if not scene.is_seen[when, who].all():
            return None
    spans = [span_of(scene, when)]
    if ask.form == "where_is":
        side = scene.side(who, when)
        return None if side is None else answered(scene, "side", side, spans, [who])
    if ask.form == "approach":
        nears = _nears(scene, who, when)
        return None if nears is None else answered(scene, "yes_no", "yes" if nears else "no", spans, [who])
    moves = scene.is_moving[when, who]
    if not moves.all():
        return None if moves.any() else refuted(scene, when)
    if ask.form == "way":
        way = direction(scene, who, when)
        return None if way is None else answered(scene, "direction", way, spans, [who])
    speed = _speed(scene, who, when)
    return None if speed is None else answered(scene, "speed", speed, spans, [who])


def direction(scene: Scene, who: int, when: slice) -> str | None:
    """Return which way a thing moves as the rig sees it, none while it turns or goes aslant."""
    if np.ptp(scene.course_rad[when, who]) > 1e-3:
        return None
    t_s, bearings = scene.t_s[when], scene.bearing_rad[when, who]
    towards_mps = scene.nearing_mps(who, when)
    angle = float((bearings[-1] - bearings[0] + np.pi) % (2 * np.pi) - np.pi)
    left_mps = angle * float(scene.distance_m[when, who].mean()) / float(t_s[-1] - t_s[0])
    if abs(left_mps) >= CLEAR * abs(towards_mps) and abs(left_mps) >= LEAST_MPS:
        return "left" if left_mps > 0 else "right"
    if abs(towards_mps) >= CLEAR * abs(left_mps) and abs(towards_mps) >= LEAST_MPS:
        return "towards" if towards_mps > 0 else "away"
    return None


def _nears(scene: Scene, who: int, when: slice) -> bool | None:
    nearing_mps = scene.nearing_mps(who, when)
    moves = scene.is_moving[when, who]
    if not moves.any():
        return False if abs(nearing_mps) <= HOLDS_MPS else None  # the rig comes nearer, not the thing
    if not moves.all() or HOLDS_MPS < nearing_mps < NEARS_MPS:
        return None
    return nearing_mps >= NEARS_MPS


def _speed(scene: Scene, who: int, when: slice) -> str | None:
    speeds = scene.speed_mps[when, who]
    if bool((speeds < SLOW_MPS).all()):
        return "slow"
    return "fast" if bool((speeds > FAST_MPS).all()) else None
