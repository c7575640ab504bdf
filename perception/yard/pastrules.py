"""What is true of what has been: what a thing is, when things happened, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from perception.yard.forms import Ask
from perception.yard.happenings import Moment, changes, entered, is_followed, is_watched, left, occurs
from perception.yard.scene import KNOWN_S, Scene, Span
from perception.yard.verdicts import HALF_S, Verdict, answered, refuted, resolve

APART_S = 0.5  # closer together in time, and nobody says which came first
TIME_TOLERANCE = 0.1  # of how long ago it was, at least LEAST_TOLERANCE_S
LEAST_TOLERANCE_S = 1.0
SPAN_TOLERANCE = 0.2  # of a duration, at least LEAST_SPAN_TOLERANCE_S
LEAST_SPAN_TOLERANCE_S = 0.5


def of_past(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    """Return what a question about what has been comes to."""
    match ask.form:
        case "what_is" | "colour_of":
            return _described(ask, scene)
        case "when" | "ago":
            return _when(ask, scene, asked_s)
        case "before":
            return _before(ask, scene, asked_s)
        case "order_two" | "order_three":
            return _order(ask, scene)
        case "order_sounds":
            return _order_of_sounds(ask, scene)
        case "long_sound":
            return _long_sound(ask.sounds[0], scene, asked_s)
        case "long_dark":
            return _long_dark(scene, asked_s)
        case _:
            return _long_of_one(ask, scene, asked_s)


def _described(ask: Ask, scene: Scene) -> Verdict | None:
    who = resolve(scene, ask.mentions[0])
    if not isinstance(who, int):
        return who
    thing, spans = scene.things[who], scene.sights(who)[-1:]
    if ask.form == "what_is":
        return answered(scene, "class", thing.kind, spans, [who])
    return answered(scene, "colour", thing.colour, spans, [who])


def _around(scene: Scene, moment: Moment) -> Span:
    """Return the evidence for something that happened."""
    return max(0.0, moment.t_s - HALF_S), min(float(scene.t_s[-1]), moment.t_s + HALF_S)


def _columns(*moments: Moment) -> list[int]:
    return [moment.column for moment in moments if moment.column is not None]


def _when(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    moment = occurs(scene, ask.happenings[0], asked_s)
    if not isinstance(moment, Moment):
        return moment
    tolerance_s = max(LEAST_TOLERANCE_S, TIME_TOLERANCE * (asked_s - moment.t_s))
    spans = [_around(scene, moment)]
    return answered(scene, "time", round(moment.t_s, 1), spans, _columns(moment), round(tolerance_s, 2))


def _before(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    one, other = (occurs(scene, happening, asked_s) for happening in ask.happenings)
    if not isinstance(one, Moment) or not isinstance(other, Moment):
        return _one_verdict([one, other])
    if abs(one.t_s - other.t_s) < APART_S:
        return None
    spans = [_around(scene, one), _around(scene, other)]
    return answered(scene, "order", "before" if one.t_s < other.t_s else "after", spans, _columns(one, other))


def _one_verdict(found: Sequence[object]) -> Verdict | None:
    """Return what becomes of a question about several things of which some are not there: nothing if in two ways."""
    verdicts = {one.kind: one for one in found if isinstance(one, Verdict)}
    return next(iter(verdicts.values())) if len(verdicts) == 1 and None not in found else None


def _order(ask: Ask, scene: Scene) -> Verdict | None:
    found = [resolve(scene, mention) for mention in ask.mentions]
    who = [column for column in found if isinstance(column, int)]
    if len(who) < len(found):
        return _one_verdict(found)
    times = [scene.first_seen_s(column) for column in who]
    firsts = [scene.sights(column)[0] for column in who]
    is_glimpse = any(end_s - start_s < KNOWN_S - 1e-6 for start_s, end_s in firsts)
    is_glimpse |= not all(scene.is_sudden(column) for column in who)
    if is_glimpse or any(abs(one - other) < APART_S for one, other in combinations(times, 2)):
        return None
    names = [mention.words for _, mention in sorted(zip(times, ask.mentions, strict=True), key=lambda pair: pair[0])]
    spans = [(start_s, min(end_s, start_s + 2 * HALF_S)) for start_s, end_s in firsts]
    return answered(scene, "order", names[0] if ask.form == "order_two" else tuple(names), spans, who)


def _order_of_sounds(ask: Ask, scene: Scene) -> Verdict | None:
    calls = {sound: scene.calls(sound) for sound in ask.sounds}
    if any(scene.has_faint(sound) for sound in ask.sounds):
        return None
    if not all(calls.values()):
        return refuted(scene)
    (one, other) = ask.sounds
    starts = calls[one][0][0], calls[other][0][0]
    if abs(starts[0] - starts[1]) < APART_S:
        return None
    spans = [calls[one][0], calls[other][0]]
    return answered(scene, "order", one if starts[0] < starts[1] else other, spans)


def _duration(scene: Scene, span: Span, columns: list[int]) -> Verdict:
    long_s = span[1] - span[0]
    tolerance_s = max(LEAST_SPAN_TOLERANCE_S, SPAN_TOLERANCE * long_s)
    return answered(scene, "duration", round(long_s, 1), [span], columns, round(tolerance_s, 2))


def _long_of_one(ask: Ask, scene: Scene, asked_s: float) -> Verdict | None:
    who = resolve(scene, ask.mentions[0])
    if not isinstance(who, int):
        return who
    if ask.form == "long_view":
        came, went = entered(scene, who), left(scene, who, asked_s)
        return _duration(scene, (came.t_s, went.t_s), [who]) if came and went else None
    stops, starts = changes(scene, who, to_moving=False), changes(scene, who, to_moving=True)
    if not stops and not starts and is_followed(scene, who) and scene.is_moving[scene.is_there[:, who], who].all():
        return refuted(scene)
    if len(stops) != 1 or len(starts) != 1 or starts[0] < stops[0]:
        return None
    between = scene.during(stops[0], starts[0])
    is_seen = is_watched(scene, who, stops[0]) and is_watched(scene, who, starts[0])
    return _duration(scene, (stops[0], starts[0]), [who]) if is_seen and scene.is_seen[between, who].all() else None


def _long_sound(sound: str, scene: Scene, asked_s: float) -> Verdict | None:
    calls = scene.calls(sound)
    if scene.has_faint(sound):
        return None
    if not calls:
        return refuted(scene)
    (start_s, end_s) = calls[0]
    is_whole = len(calls) == 1 and start_s > 0 and end_s <= asked_s - 2 * HALF_S
    return _duration(scene, calls[0], []) if is_whole else None


def _long_dark(scene: Scene, asked_s: float) -> Verdict | None:
    spans = scene.dark_spans()
    if not spans:
        return refuted(scene)
    return _duration(scene, spans[0], []) if len(spans) == 1 and spans[0][1] <= asked_s - HALF_S else None
