"""Answers questions of the yard slowly, moment by moment from the truths, sharing no rule with what it checks.

Only the reading of the words is shared. `supports` says whether a question's truth is the truth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from perception.yard.forms import Ask, Happening
from perception.yard.kinds import CLASSES
from perception.yard.mentions import NOW, SO_FAR, Description, Mention
from perception.yard.phrases import parse
from perception.yard.question import Answer, Question, Value
from perception.yard.truth import EntityTruth, Truth

DARK = ("night", "fog")
Moments = Sequence[Truth]


def supports(question: Question, truths: Moments) -> bool:
    """Say whether the answer of a question follows from the truths up to when it is asked."""
    ask = parse(question.text)
    past = [truth for truth in truths if truth.t_ns / 1e9 <= question.asked_s + 1e-9]
    if ask is None:
        return False
    match question.kind:
        case "answerable":
            return question.answer.agrees(Answer(kind=question.answer.kind, value=_value(ask, question, past)))
        case "false_premise":
            return _is_false(ask, question, past)
        case "unanswerable":
            return _is_unknowable(ask, question, past)


def seen(one: EntityTruth, truth: Truth) -> bool:
    return truth.light not in DARK and one.visible >= 0.25 and one.pixels >= 6


def heard(one: EntityTruth) -> bool:
    return one.loudness_db is not None and one.loudness_db >= 6


def sensed(one: EntityTruth) -> bool:
    return one.is_moving and one.echoes >= 1


def fits(what: Description, one: EntityTruth) -> bool:
    wanted = {"kind": what.kind, "colour": what.colour, "size": what.size}
    return all(value is None or getattr(one, name) == value for name, value in wanted.items())


def sightings(past: Moments, number: int) -> list[float]:
    return [truth.t_ns / 1e9 for truth in past for one in truth.entities if one.id == number and seen(one, truth)]


def state(past: Moments, number: int, t_s: float) -> EntityTruth:
    truth = min(past, key=lambda truth: abs(truth.t_ns / 1e9 - t_s))
    return next(one for one in truth.entities if one.id == number)


def named(mention: Mention, past: Moments, t_s: float) -> EntityTruth:
    """Return the thing that a mention names, as it is at a moment, or when it was last seen."""
    truth = min(past, key=lambda truth: abs(truth.t_ns / 1e9 - t_s))
    if mention.is_moving:
        (one,) = (one for one in truth.entities if one.is_moving and (seen(one, truth) or sensed(one)))
        return one
    if mention.side:
        (one,) = (
            one for one in truth.entities
            if seen(one, truth) and fits(mention.what, one) and side(one) == mention.side
        )  # fmt: skip
        return one
    firsts: dict[int, tuple[float, EntityTruth]] = {}
    for moment in past:
        for one in moment.entities:
            if seen(one, moment) and fits(mention.what, one):
                firsts.setdefault(one.id, (moment.t_ns / 1e9, one))
    ranked = [one for _, one in sorted(firsts.values(), key=lambda pair: pair[0])]
    if mention.ordinal:
        return ranked[{"first": 0, "second": 1, "third": 2, "last": -1}[mention.ordinal]]
    (one,) = ranked
    return one


def side(one: EntityTruth) -> str:
    assert one.box is not None
    centre = (one.box[0] + one.box[2]) / 2
    return "left" if centre < 1 / 3 else "right" if centre > 2 / 3 else "middle"


def _value(ask: Ask, question: Question, past: Moments) -> Value:
    """Return the true value of an answer."""
    t_s = question.asked_s - 0.5 if ask.at == NOW else ask.at.moment_s(question.asked_s) if ask.at else question.asked_s
    truth = min(past, key=lambda truth: abs(truth.t_ns / 1e9 - t_s))
    if ask.form.startswith("exists_"):
        return "yes" if _is_so(ask, question, past) else "no"
    if ask.mentions and not ask.form.startswith("order"):
        return _of_one(ask, named(ask.mentions[0], past, t_s), past, t_s)
    what = ask.what or Description()
    match ask.form:
        case "what_side":
            return named(Mention(side=ask.side), past, t_s).kind
        case "colour_heard":
            (who,) = (one for one in truth.entities if heard(one) and CLASSES[one.kind].voice.name == ask.sounds[0])
            return who.colour
        case "sound_at" | "sound_who":
            (kind,) = {one.kind for one in truth.entities if heard(one)}
            return kind if ask.form == "sound_who" else CLASSES[kind].voice.name
        case "many_now":
            return sum(seen(one, truth) and fits(what, one) for one in truth.entities)
        case "many_moving":
            return sum(
                one.is_moving and (seen(one, truth) or sensed(one)) and one.box is not None for one in truth.entities
            )
        case "many_seen" | "exists":
            first_s, last_s = (ask.period or SO_FAR).span_s(question.asked_s)
            within = [truth for truth in past if first_s - 1e-6 <= truth.t_ns / 1e9 <= last_s + 1e-6]
            ids = {one.id for truth in within for one in truth.entities if seen(one, truth) and fits(what, one)}
            return len(ids) if ask.form == "many_seen" else "yes" if ids else "no"
        case _:
            return _of_time(ask, past)


def _is_so(ask: Ask, question: Question, past: Moments) -> bool:
    """Say whether there were so many, in that order, or at that time, give or take half a second."""
    match ask.form:
        case "exists_count":
            first_s, last_s = (ask.period or SO_FAR).span_s(question.asked_s)
            within = [truth for truth in past if first_s - 1e-6 <= truth.t_ns / 1e9 <= last_s + 1e-6]
            what = ask.what or Description()
            ids = {one.id for truth in within for one in truth.entities if seen(one, truth) and fits(what, one)}
            return len(ids) == ask.number
        case "exists_order":
            one_s, other_s = (sightings(past, named(m, past, past[-1].t_ns / 1e9).id)[0] for m in ask.mentions)
            return one_s < other_s
        case _:
            assert ask.at is not None
            off_s = abs(ask.at.moment_s(question.asked_s) - when(ask.happenings[0], past))
            assert off_s <= 0.6 or off_s >= 2.9  # nobody asks between
            return off_s < 1.0


def _of_one(ask: Ask, one: EntityTruth, past: Moments, t_s: float) -> Value:
    match ask.form:
        case "what_is":
            return one.kind
        case "colour_of" | "colour_side":
            return one.colour
        case "where_is":
            return side(state(past, one.id, t_s))
        case "long_view":
            times = sightings(past, one.id)
            return times[-1] - times[0]
        case "long_still":
            return sum(any(e.id == one.id and not e.is_moving for e in truth.entities) for truth in past) / 10
        case form:
            return _motion(form, past, one.id, t_s)


def _of_time(ask: Ask, past: Moments) -> Value:
    match ask.form:
        case "when" | "ago":
            return when(ask.happenings[0], past)
        case "before":
            one_s, other_s = (when(happening, past) for happening in ask.happenings)
            return "before" if one_s < other_s else "after"
        case "order_two" | "order_three":
            firsts = {m.words: sightings(past, named(m, past, past[-1].t_ns / 1e9).id)[0] for m in ask.mentions}
            names = sorted(firsts, key=lambda name: firsts[name])
            return names[0] if ask.form == "order_two" else tuple(names)
        case "order_sounds":
            return min(ask.sounds, key=lambda sound: when(Happening(verb="sounds", sound=sound), past))
        case "long_sound":
            times = [truth.t_ns / 1e9 for truth in past if ask.sounds[0] in voices([truth])]
            return times[-1] - times[0]
        case _:
            return _of_dark(ask.form, past)


def _motion(form: str, past: Moments, number: int, t_s: float) -> str:
    before, after = state(past, number, t_s - 0.4), state(past, number, t_s + 0.4)
    nearer_mps = (before.distance_m - after.distance_m) / 0.8
    if form == "approach":
        return "yes" if nearer_mps > 0.3 else "no"
    if form == "fast":
        return "fast" if math.hypot(*after.velocity_mps) > 2.3 else "slow"
    turned = math.remainder(after.bearing_rad - before.bearing_rad, 2 * math.pi)
    across_mps = turned * before.distance_m / 0.8
    if abs(across_mps) > abs(nearer_mps):
        return "left" if across_mps > 0 else "right"
    return "towards" if nearer_mps > 0 else "away"


def when(happening: Happening, past: Moments) -> float:
    """Return when something happened for the first time."""
    if happening.verb == "darkens":
        return next(truth.t_ns / 1e9 for truth in past if truth.light in DARK)
    if happening.verb == "sounds":
        return next(
            truth.t_ns / 1e9
            for truth in past
            for one in truth.entities
            if heard(one) and CLASSES[one.kind].voice.name == happening.sound
        )
    assert happening.who is not None
    number = named(happening.who, past, past[-1].t_ns / 1e9).id
    if happening.verb in ("enters", "leaves"):
        return sightings(past, number)[0 if happening.verb == "enters" else -1]
    own = [(truth.t_ns / 1e9, one) for truth in past for one in truth.entities if one.id == number]
    if happening.verb == "turns":
        moving = [(t_s, math.atan2(one.velocity_mps[1], one.velocity_mps[0])) for t_s, one in own if one.is_moving]
        return next(
            t_s
            for (_, before), (t_s, after) in itertools.pairwise(moving)
            if abs(math.remainder(after - before, 2 * math.pi)) >= 0.6
        )
    wanted = happening.verb == "starts"
    return next(
        t_s
        for (_, before), (t_s, after) in itertools.pairwise(own)
        if before.is_moving is not wanted and after.is_moving is wanted
    )


def voices(moments: Moments) -> set[str]:
    return {CLASSES[one.kind].voice.name for truth in moments for one in truth.entities if heard(one)}


def _of_dark(form: str, past: Moments) -> Value:
    dark = [truth for truth in past if truth.light in DARK]
    nearer, farther = _changes(past, lambda change_m: change_m < 0), _changes(past, lambda change_m: change_m > 0)
    match form:
        case "long_dark":
            return (dark[-1].t_ns - dark[0].t_ns) / 1e9
        case "dark_heard":
            return tuple(voices(dark))
        case "dark_moved":
            return len({e.id for truth in dark for e in truth.entities if sensed(e)})
        case "dark_closer":
            return "yes" if nearer else "no"
        case _:
            return (*voices(dark), *(["approach"] if nearer else []), *(["retreat"] if farther else []))


def _changes(past: Moments, counts: Callable[[float], bool]) -> bool:
    """Say whether the way of something in the dark changed by 2 m in a direction while radar had it."""
    for number in {one.id for truth in past for one in truth.entities}:
        runs: list[list[float]] = [[]]
        for truth in past:
            one = next((e for e in truth.entities if e.id == number and sensed(e) and truth.light in DARK), None)
            runs = [*runs[:-1], [*runs[-1], one.distance_m]] if one else [*runs, []]
        for run in runs:
            for first, from_m in enumerate(run):
                if any(abs(to_m - from_m) >= 2 and counts(to_m - from_m) for to_m in run[first:]):
                    return True
    return False


def _is_false(ask: Ask, question: Question, past: Moments) -> bool:
    """Say whether something that the question takes for granted is not so."""
    things = {one.id: one for truth in past for one in truth.entities}
    mentions = [*ask.mentions, *(h.who for h in ask.happenings if h.who)]
    if any(not m.is_moving and not m.side and not any(fits(m.what, one) for one in things.values()) for m in mentions):
        return all(truth.light not in DARK for truth in past)
    sounds = [*ask.sounds, *(h.sound for h in ask.happenings if h.sound)]
    if ask.at is not None:
        return _is_false_at(ask, question, past)
    for sound in sounds:
        if not any(heard(e) and CLASSES[e.kind].voice.name == sound for truth in past for e in truth.entities):
            return True
    dark = [truth for truth in past if truth.light in DARK]
    if ask.form.startswith("dark") or ask.form == "long_dark" or any(h.verb == "darkens" for h in ask.happenings):
        moved = any(sensed(e) for truth in dark for e in truth.entities)
        if not dark or (ask.form == "dark_colour" and not moved):
            return True
    if ask.form == "long_still":
        return _never(Happening(verb="stops", who=ask.mentions[0]), past)
    return any(_never(happening, past) for happening in ask.happenings)


def _never(happening: Happening, past: Moments) -> bool:
    try:
        when(happening, past)
    except StopIteration:
        return True
    return False


def _is_false_at(ask: Ask, question: Question, past: Moments) -> bool:
    assert ask.at is not None
    t_s = question.asked_s - 0.5 if ask.at == NOW else ask.at.moment_s(question.asked_s)
    truth = min(past, key=lambda truth: abs(truth.t_ns / 1e9 - t_s))
    if ask.form in ("sound_at", "sound_who"):
        return not any(heard(one) for one in truth.entities)
    if ask.form == "colour_heard":
        return not any(heard(one) and CLASSES[one.kind].voice.name == ask.sounds[0] for one in truth.entities)
    mention = ask.mentions[0] if ask.mentions else Mention(side=ask.side)
    try:
        one = named(mention, past, t_s)
    except ValueError:
        return True  # nothing there, or nothing that moves
    now = next((e for e in truth.entities if e.id == one.id), None)
    return now is None or not seen(now, truth) if ask.form == "where_is" else now is not None and not now.is_moving


def _is_unknowable(ask: Ask, question: Question, past: Moments) -> bool:
    """Say whether no sensor had it: it is not the time yet, or the camera was blind, or the thing never in its view."""
    at_s = ask.at.moment_s(question.asked_s) if ask.at else question.asked_s
    first_s, last_s = ask.period.span_s(question.asked_s) if ask.period else (at_s, at_s)
    if first_s < 0 or last_s > question.asked_s:
        return True
    if ask.form == "colour_heard":
        return not any(
            seen(one, truth) and CLASSES[one.kind].voice.name == ask.sounds[0]
            for truth in past
            for one in truth.entities
        )
    if ask.form == "dark_colour":
        moved = {one.id for truth in past if truth.light in DARK for one in truth.entities if sensed(one)}
        return not any(sightings(past, number) for number in moved)
    half_s = 0.5 if ask.at or ask.period else math.inf  # what has no time of its own is about all that has been
    return all(
        truth.light in DARK for truth in past if first_s - half_s + 1e-6 < truth.t_ns / 1e9 < last_s + half_s - 1e-6
    )
