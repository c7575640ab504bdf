"""Words about something -> which sense it is about, and which of the things perceived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reasoning import vocabulary as vocab
from reasoning.amounts import Times, find_times
from reasoning.dark import WORDS as DARK_WORDS
from reasoning.dark import Dark, Edge, find_dark
from reasoning.lengths import Lasting
from reasoning.match import words as split_words
from reasoning.patterns import has, word
from reasoning.polarity import find_polarity
from reasoning.quoted import quoted_words, said_words
from reasoning.senses import About, find_about
from reasoning.ways import find_corner, find_way
from runtime.messages import Sensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a question, or the moment it hangs on, is about."""

    about: About
    content: str = ""  # words to find in what was said
    is_either: bool = False  # "meters or feet": one of them will do
    label: str = ""  # of a sound: tone or noise
    pitch_hz: float = 0.0  # of a tone, 0 for any
    side: str = ""  # of a movement: left, right, middle, top, bottom, or a corner: "top right"
    begins: str = ""  # where a movement is asked to come from, a side of the picture
    ends: str = ""  # where it is asked to go
    edge: Edge = ""  # of the dark: where it begins, or ends
    senses: frozenset[Sensor] = frozenset()  # that are blind, none for any
    nth: int = 0  # 1 the first, 2 the second, -1 the last, 0 all
    extreme: str = ""  # longest, shortest, strongest, weakest, highest, lowest
    times: Times | None = None  # "twice", "at least three tones": as often as this
    lasting: Lasting | None = None  # "for more than five seconds"
    is_inner: bool = False  # of quiet: only between two of what interrupts it
    is_distinct: bool = False  # different tones, not all of them
    is_absence: bool = False  # asks for quiet or stillness
    is_moment: bool = False  # for some quiet, not for quiet all along
    is_denied: bool = False  # "was it never quiet": yes where there was none
    has_cue: bool = True  # False: no word pointed at any sense
    has_thing: bool = False  # names a thing or person that no percept tells apart
    has_rare_thing: bool = False  # one that a movement is not likely to be: a truck, a dog, a woman
    unused: str = ""  # words that mean something and that no rule understood


_ON_SIDE = rf"\b(?:on|at|in|to|from|along)\s+the\s+(?:\w+\s+)?(?:{'|'.join(vocab.SIDES)})\b"


def find_topic(text: str, quotes: Sequence[str] = ()) -> Topic:
    """Return what `text` is about; `quote0` in it stands for the first of `quotes`, and is what was said."""
    text = text.lower()
    found = set(split_words(text))
    quoted = quoted_words(text, quotes)
    content = quoted or said_words(text)
    sides = {vocab.SIDES[side] for side in found & vocab.SIDES.keys()}
    unknown = " ".join(name for name in residue(text).split() if name not in vocab.FORM)
    dark = find_dark(text) if not content else None
    about = find_about(text, found, has_content=bool(content), has_residue=bool(unknown))
    if dark is not None and (dark.is_switched or about in {None, "anything", "seen", "scene"}):
        return _of_dark(text, dark)
    has_cue = about is not None
    if about is None:
        about, content = "anything", unknown
    elif about in {"anything", "seen"} and sides and has(_ON_SIDE, text):  # only what moves has a place
        about = "motion"
    elif about in {"heard", "sound", "seen"} and not content:
        content = _named(text)
    is_still = about == "motion" and bool(found & vocab.STILL) and not found & vocab.MOTION
    polarity = find_polarity(text, content, is_quiet=bool(found & vocab.QUIET) or is_still)
    times = find_times(text)
    begins, ends = find_way(text) if about == "motion" else ("", "")
    sides = set() if begins or ends else sides
    corner = find_corner(text)
    is_placed = len(sides) == 1 or (len(sides) == 2 and set(corner.split()) == sides)
    return Topic(
        about=about,
        content=content,
        is_either=not quoted and " or " in content,
        label=_label(found),
        pitch_hz=_pitch_hz(text),
        side=(corner or " ".join(sides)) if is_placed and about in {"motion", "seen", "anything"} else "",
        begins=begins,
        ends=ends,
        nth=_nth(text),
        extreme=_extreme(text, found, about),
        times=times,
        is_distinct=about == "sound" and bool(found & {"different", "distinct"}),
        is_absence=polarity.is_absence,
        is_moment=polarity.is_moment,
        is_denied=polarity.is_denied,
        has_cue=has_cue,
        has_thing=names_thing(text, found, about),
        has_rare_thing=about in {"motion", "speech"} and bool(found & _RARE[about] - set(split_words(content))),
        unused=""
        if about == "sensors" or not has_cue
        else f"{_unused(text, content, times)} {polarity.unused}".strip(),
    )


def _of_dark(text: str, dark: Dark) -> Topic:
    """Return the dark as what a question, or its moment, is about."""
    polarity = find_polarity(text, "", is_quiet=dark.is_lit)
    unused = [name for name in _unused(text, "", find_times(text)).split() if name not in DARK_WORDS]
    return Topic(
        about="dark",
        edge=dark.edge,
        nth=_nth(text),
        extreme=_extreme(text, set(split_words(text)), "dark"),
        times=find_times(text),
        is_absence=polarity.is_absence,
        is_moment=polarity.is_moment,
        is_denied=polarity.is_denied,
        unused=" ".join(unused),
    )


def residue(text: str) -> str:
    """Return the words that say something about the world: no small words, no words of sense, place or order."""
    senses = vocab.SPEECH | vocab.HEARD | vocab.SEEN | vocab.HAPPEN
    order = vocab.NTH.keys() | vocab.EXTREMES.keys() | vocab.SIDES.keys()
    plain = vocab.STOP | vocab.PLACES | senses | order
    return " ".join(
        name for name in split_words(_ONES.sub(" ", text)) if name not in plain and not name.startswith("quote")
    )


_PERCEPTS = (
    vocab.SOUND | vocab.MOTION | vocab.QUIET | vocab.STILL | vocab.SCENE | vocab.CHANGE | vocab.PICTURE | vocab.PEOPLE
) | vocab.SIDES.keys()


def _named(text: str) -> str:
    """Return what was heard or seen by its name, "a helicopter", which is a class that no percept has."""
    match = re.search(word(r"hear\w*|see|sees|saw|seen|spot\w*|notice\w*|(?:sounds?|noises?)\s+of") + r"(.*)", text)
    if match is None:
        return ""
    named = residue(match[1]).split()
    return " ".join(
        name for name in named if name not in _PERCEPTS and not name.endswith("ly") and not name.isdecimal()
    )


def _label(found: set[str]) -> str:
    is_tone, is_noise = bool(found & vocab.TONE), bool(found & vocab.NOISE)
    return "" if is_tone == is_noise else "tone" if is_tone else "noise"


def _pitch_hz(text: str) -> float:
    match = re.search(r"(\d{1,6}(?:\.\d{1,6})?)\s*(k?)(?:hz|hertz|ilohertz)\b", text)
    return float(match[1]) * (1000 if match[2] else 1) if match else 0.0


def _nth(text: str) -> int:
    """Return which one is asked for; "how long did it last" and "at which second" are no ordinals."""
    text = re.sub(r"(?<!the )(?<!very )\blast\b(?=\s+(?:long\w*|for|more|less|about|over|until)\b)", " ", text)
    if has(r"\bhow\s+(?:long|many\s+(?:seconds|minutes))\b", text):
        text = re.sub(r"(?<!the )(?<!very )\blast\b(?=\s*(?:[?.!,;]|$))", " ", text)
    text = re.sub(r"\b(?:which|what|per|each|every|a)\s+second\b|\bsecond\s+\d", " ", text)
    return next((vocab.NTH[name] for name in split_words(text) if name in vocab.NTH), 0)


def _extreme(text: str, found: set[str], about: About) -> str:
    """Return "longest" for "which was the longest" and "which one was longer"; a tone may be high, a picture not."""
    names = vocab.EXTREMES | (vocab.COMPARATIVES if has(r"\bwhich\b", text) and not has(r"\bthan\b", text) else {})
    extremes = (names[name] for name in sorted(found & names.keys()))
    return next((extreme for extreme in extremes if about == "sound" or extreme not in {"highest", "lowest"}), "")


def names_thing(text: str, found: set[str], about: About) -> bool:
    """Say whether a movement is asked about as that of a person or thing, by the text or the words found in it."""
    things = (vocab.PEOPLE | vocab.OBJECTS) - vocab.PRONOUNS - {"thing", "things", "nobody"}
    return about == "motion" and (
        bool(found & things)
        or has(r"\bwhat\s+(?:\w+\s+)?(?:mov|pass|drove|walk|r[au]n|c[ao]me|enter|left|leav|appear)\w*", text)
    )


# Who speaks is somebody, and may well be a person; what moves may well be more.
_RARE = {
    "motion": (vocab.PEOPLE | vocab.OBJECTS) - vocab.USUAL,
    "speech": (vocab.PEOPLE | vocab.OBJECTS) - vocab.USUAL - {"thing", "things", "child", "children"},
}
KNOWN = (
    (vocab.STOP | vocab.FRAME | vocab.FORM | vocab.PLACES | vocab.PEOPLE | vocab.OBJECTS)
    | (
        vocab.SPEECH
        | vocab.SOUND
        | vocab.HEARD
        | vocab.QUIET
        | vocab.MOTION
        | vocab.STILL
        | vocab.SCENE
        | vocab.PICTURE
    )
    | (vocab.CHANGE | vocab.SEEN | vocab.HAPPEN | vocab.SENSORS | vocab.ASKING | vocab.AUXILIARIES | vocab.PREPOSITIONS)
    | (vocab.NTH.keys() | vocab.EXTREMES.keys())
) - vocab.COMPARATIVES.keys() | vocab.SIDES.keys()
_ONES = re.compile(r"\b(?:the|this|that|which|last|first|next|other)\s+ones?\b|\bones?(?=\W*$)")  # no number
_DEFINITE = re.compile(r"\b(?:the|these|those|both)\s+(?:two|three|four|five|2|3|4|5)\b")


def _unused(text: str, content: str, times: Times | None) -> str:
    """Return the words that no rule has made anything of."""
    text = _ONES.sub(" ", text)
    for used in (content, times.phrase if times else ""):
        text = text.replace(used, " ") if used else text
    text = re.sub(r"\d[\d.]*\s*k?(?:hz|hertz|ilohertz)\b", " ", _DEFINITE.sub(" ", text))
    text = re.sub(r"\bhow\s+\w+", " ", text)
    searched = set(split_words(content))
    known = KNOWN | (vocab.COMPARATIVES.keys() if has(r"\bwhich\b", text) else set())
    left = (name for name in split_words(text) if name not in known and name not in searched)
    return " ".join(name for name in left if not name.startswith("quote"))
