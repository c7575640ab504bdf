"""What questions can ask: every form with its group, the kind of its answer, and its phrasings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perception.yard.kinds import CLASSES
from perception.yard.mentions import Description, Mention, Period, Point
from perception.yard.question import AnswerKind, Group

SOUNDS = tuple(one.voice.name for one in CLASSES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened once: to a thing, as a sound, or that it got dark."""

    verb: str  # enters, leaves, stops, starts, turns, sounds, darkens
    who: Mention | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a question asks, without its words."""

    form: str
    mentions: tuple[Mention, ...] = ()
    what: Description | None = None
    number: int | None = None  # of such things
    at: Point | None = None
    period: Period | None = None
    side: str | None = None
    sounds: tuple[str, ...] = ()
    happenings: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A kind of question. Slots: m mention, d plural, o one, k number, at, in, side, s sound, h happening."""

    group: Group
    asks: AnswerKind
    now: tuple[str, ...] = ()  # phrasings of the moment it is asked
    then: tuple[str, ...] = ()  # all others


FORMS: Mapping[str, Form] = {
    "what_side": Form(
        group="what",
        asks="class",
        now=("what is {side} now", "which kind of thing is {side} now", "what do you see {side} right now"),
        then=("what was {side} {at}", "which kind of thing was {side} {at}"),
    ),
    "what_is": Form(group="what", asks="class", then=("what is {m}", "what kind of thing is {m}", "what was {m}")),
    "colour_of": Form(
        group="colour", asks="colour", then=("what colour is {m}", "which colour does {m} have", "what color was {m}")
    ),
    "colour_side": Form(
        group="colour", asks="colour", now=("what colour is {m} now",), then=("what colour was {m} {at}",)
    ),
    "colour_heard": Form(
        group="colour", asks="colour",
        then=("what colour is the thing that was {s} {at}", "which colour does the thing have that was {s} {at}"),
    ),
    "many_now": Form(
        group="how_many", asks="number",
        now=("how many {d} are in view now", "how many {d} do you see right now"),
        then=("how many {d} were in view {at}", "how many {d} did you see {at}"),
    ),
    "many_seen": Form(
        group="how_many", asks="number",
        then=("how many different {d} were in view {in}", "how many {d} have you seen {in}"),
    ),
    "many_moving": Form(
        group="how_many", asks="number",
        now=("how many things are moving in view now",), then=("how many things were moving in view {at}",),
    ),
    "where_is": Form(
        group="where", asks="side",
        now=("where is {m} now", "on which side is {m} now"), then=("where was {m} {at}", "on which side was {m} {at}"),
    ),
    "way": Form(
        group="which_way", asks="direction",
        now=("which way is {m} moving now", "in which direction is {m} going now"),
        then=("which way was {m} moving {at}", "in which direction was {m} going {at}"),
    ),
    "fast": Form(
        group="how_fast", asks="speed",
        now=("how fast is {m} moving now", "is {m} moving fast or slowly now"),
        then=("how fast was {m} moving {at}", "was {m} moving fast or slowly {at}"),
    ),
    "approach": Form(
        group="approaching", asks="yes_no",
        now=("is {m} approaching now", "is {m} coming closer now"),
        then=("was {m} approaching {at}", "was {m} coming closer {at}"),
    ),
    "sound_at": Form(
        group="sound", asks="sound",
        now=("what do you hear now", "which sound is there now"),
        then=("what was heard {at}", "which sound was there {at}"),
    ),
    "sound_who": Form(
        group="sound", asks="class",
        now=("what kind of thing makes a sound now",), then=("what kind of thing made a sound {at}",),
    ),
    "order_two": Form(
        group="order", asks="order",
        then=("which came into view first, {m} or {m}", "which did you see first, {m} or {m}"),
    ),
    "order_three": Form(
        group="order", asks="order",
        then=("in which order did {m}, {m} and {m} come into view", "in which order did you see {m}, {m} and {m}"),
    ),
    "order_sounds": Form(
        group="order", asks="order",
        then=("which was heard first, {s} or {s}", "which sound came first, {s} or {s}"),
    ),
    "long_view": Form(group="how_long", asks="duration", then=("how long was {m} in view", "how long did you see {m}")),
    "long_still": Form(
        group="how_long", asks="duration", then=("how long did {m} stand still", "for how long did {m} stop")
    ),
    "long_sound": Form(
        group="how_long", asks="duration", then=("how long did the {s} last", "for how long was {s} heard")
    ),
    "long_dark": Form(group="how_long", asks="duration", then=("how long was it dark", "for how long was it dark")),
    "when": Form(group="when", asks="time", then=("when did {h}", "at what time did {h}")),
    "ago": Form(group="how_long_ago", asks="time", then=("how long ago did {h}", "how much time has passed since {p}")),
    "before": Form(
        group="before_after", asks="order",
        then=("did {h} before or after {p}", "{p}: was that before or after {p}"),
    ),
    "dark_heard": Form(
        group="dark", asks="list",
        then=("what was heard while it was dark", "which sounds were there while it was dark"),
    ),
    "dark_happened": Form(
        group="dark", asks="list", then=("what happened while it was dark", "what went on in the dark")
    ),
    "dark_closer": Form(
        group="dark", asks="yes_no",
        then=("did anything come closer while it was dark", "was anything approaching in the dark"),
    ),
    "dark_moved": Form(
        group="dark", asks="number",
        then=("how many things moved while it was dark", "how many things were moving in the dark"),
    ),
    "dark_colour": Form(
        group="dark", asks="colour",
        then=("what colour was the thing that moved while it was dark", "which colour had what moved in the dark"),
    ),
    "exists": Form(
        group="exists", asks="yes_no",
        then=("was there {o} in view {in}", "have you seen {o} {in}", "did you see {o} {in}"),
    ),
    "exists_count": Form(
        group="exists", asks="yes_no", then=("did you see exactly {k} {in}", "have you seen exactly {k} {in}")
    ),
    "exists_order": Form(
        group="exists", asks="yes_no", then=("did {m} come into view before {m}", "did you see {m} before {m}")
    ),
    "exists_time": Form(group="exists", asks="yes_no", then=("did {h} {at}", "is it true that {p} {at}")),
}  # fmt: skip
VERBS: Mapping[str, tuple[str, str]] = {  # after "did", and in the past
    "enters": ("{m} come into view", "{m} came into view"),
    "leaves": ("{m} go out of view", "{m} went out of view"),
    "stops": ("{m} stop", "{m} stopped"),
    "starts": ("{m} start to move", "{m} started to move"),
    "turns": ("{m} turn", "{m} turned"),
    "sounds": ("the first {s} begin", "the first {s} began"),
    "darkens": ("it get dark", "it got dark"),
}
