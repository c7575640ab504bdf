"""Words about something -> which sense it is about, and which of the things perceived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reasoning import vocabulary as vocab
from reasoning.match import words as split_words
from reasoning.patterns import either, has, word
from reasoning.quoted import quoted_words, said_words

# heard is speech and sound together, seen is motion and scene; sensors are the streams themselves.
About: TypeAlias = Literal["speech", "sound", "motion", "scene", "heard", "seen", "anything", "sensors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a question, or the moment it hangs on, is about."""

    about: About
    content: str = ""  # words to find in what was said
    label: str = ""  # of a sound: tone or noise
    pitch_hz: float = 0.0  # of a tone, 0 for any
    side: str = ""  # of a movement: left, right, middle, top, bottom
    nth: int = 0  # 1 the first, 2 the second, -1 the last, 0 all
    extreme: str = ""  # longest, shortest, strongest, weakest
    is_absence: bool = False  # asks for quiet or stillness
    is_moment: bool = False  # for some quiet, not for quiet all along
    has_cue: bool = True  # False: no word pointed at any sense
    has_thing: bool = False  # names a thing or person that no percept tells apart
    has_rare_thing: bool = False  # one that a movement is not likely to be: a truck, a dog, a woman


_SENSOR = either(*sorted(vocab.SENSORS))
_STATE = either(*sorted(vocab.SENSOR_STATES))
_MEDIUM = either("sound", "audio", "video", "picture", "image", "vision", "soundtrack", "speech", "motion")
_WHOLE = either("recording", "video", "clip", "audio", "session", "file", "footage", "film")
_ASKS_SENSORS = either(
    rf"\b(?:is|are|was|were|does|do|did|has|have)\s+(?:(?:the|your|any|all|both|one|a|of|every)\s+)*(?:\w+\s+)?"
    rf"{_SENSOR}\s+(?:\w+\s+){{0,3}}?{_STATE}\b",
    rf"\b{_SENSOR}\s+(?:status|state|health|blind|working|covered|muted|dead|off)\b",
    r"\bstatus\s+of\b",
    r"(?<!what )\b(?:can|could|are|do)\s+you\s+(?:(?:able\s+to|still|really|actually|even)\s+)*"
    r"(?:see|hear|listen|listening|watch|watching|record|recording|monitoring|sense)"
    rf"(?:\s+(?:me|us|to|the|any|{_MEDIUM}|properly|well|everything|at\s+all|and|or|hear|see))*\W*$",
    rf"\b(?:which|what|how\s+many)\s+(?:of\s+)?(?:your\s+|the\s+|kinds?\s+of\s+)?{_SENSOR}\b",
    rf"\b(?:is|are|was|were)\s+there\s+(?:an?\s+|any\s+)?(?:working\s+)?"
    rf"(?:{_SENSOR}\b|{_MEDIUM}\s+(?:track|stream|input|feed)\b)",
    rf"\b(?:have|has|got|includes?|contains?)\s+(?:an?\s+|any\s+|no\s+)?"
    rf"(?:{_SENSOR}|{_MEDIUM}(?:\s+track|\s+stream)?)\W*$",
    rf"\bis\s+(?:the\s+)?{_MEDIUM}\s+(?:being\s+)?(?:on|off|recorded|working|missing|available|there)\b",
    r"\bare\s+you\s+(?:blind|deaf|ok|okay|alive|working|online|there|awake|recording|listening|watching)\b",
    r"\bis\s+(?:it|this)\s+recording\b",
    rf"\bhow\s+long\s+(?:is|was)\s+(?:the|this)\s+(?:whole\s+|entire\s+)?{_WHOLE}\b",
    r"\bhow\s+long\s+(?:have|did)\s+you\s+(?:been\s+)?(?:watch|listen|record|runn?)\w*",
    rf"\b(?:length|duration)\s+of\s+the\s+{_WHOLE}\b",
)
_PICTURE = either(*sorted(vocab.PICTURE | {"scene", "scenes", "shot"}))
_CHANGE = either(*sorted(vocab.CHANGE | {"jump", "jumps", "jumped"}))
_ASKS_SCENE = either(
    r"\bcuts?\b(?!\s+off)",
    r"\bshots\b|\bscenes\b|\btransitions?\b",
    rf"\b{_PICTURE}\s+(?:\w+\s+){{0,2}}?{_CHANGE}\b",
    rf"\b{_CHANGE}\s+(?:of|in|to|from|the)?\s*(?:(?:an?|the|another|one|new)\s+)*{_PICTURE}\b",
    r"\b(?:new|another|different|next)\s+(?:scene|shot)\b",
)
# Verbs that mean movement only with a particle: "go" alone is in "what is going on".
_GOES = either(
    r"\b(?:go(?:es|ing)?|went|gone|c[ao]mes?|coming|came|gets?|got|turn(?:s|ed)?)\s+(?:\w+\s+)?"
    r"(?:by|past|through|in|into|inside|out|outside|across|along|away|around|over|up|down|from|back)\b",
    r"\b(?:show(?:s|ed|n|ing)?|turn(?:s|ed)?|pop(?:s|ped)?)\s+up\b",
    r"\b(?:direction|way|where)\b.*\b(?:c[ao]mes?|go|goes|going|went)\b",
    r"\bleft\s+(?:the|it|again|through)\b",
    r"\b(?:he|she|they|it|somebody|someone|anybody|anyone|people|person|cars?|man|woman)\s+left\b(?!\s+side)",
)
_ABSENT = either(
    r"\b(?:nobody|no\s?one|none|nothing)\b",
    r"\bno\s+(?:\w+\s+)?(?:sounds?|noises?|movements?|motions?|speech|voices?|tones?|activity|words?|talking|changes?)\b",
    r"\bnot\s+(?:a\s+(?:sound|word|thing)|anything|any\s+\w+|mov\w+|speak\w*|talk\w*|say\w*|chang\w+|happen\w*)\b",
    r"\bwithout\s+(?:any\s+)?(?:sound|noise|movement|motion|speech|talking|words|change)\b",
    r"\b(?:absence|lack)\s+of\b",
    r"\binterrupt\w*|\b(?:gaps?|breaks?)\s+in\b",
)
_SOME_QUIET = either(
    r"\b(?:an?|any|some)\s+(?:\w+\s+)?(?:quiet|silent|silences?|still|pauses?|moments?|stretch|period)\b",
    r"\bpaus(?:e|es|ed|ing)\b|\binterrupt\w*|\b(?:gaps?|breaks?)\b",
)


def find_topic(text: str, quotes: Sequence[str] = ()) -> Topic:
    """Return what `text` is about; `quote0` in it stands for the first of `quotes`, and is what was said."""
    text = text.lower()
    found = set(split_words(text))
    content = quoted_words(text, quotes) or said_words(text)
    about = _find_about(text, found, bool(content))
    has_cue = about is not None
    if about is None:
        about, content = "anything", residue(text)
    elif about in {"heard", "sound", "seen"} and not content:
        content = _named(text)
    is_still = about == "motion" and bool(found & vocab.STILL) and not found & vocab.MOTION
    sides = {vocab.SIDES[side] for side in found & vocab.SIDES.keys()}
    return Topic(
        about=about,
        content=content,
        label=_label(found),
        pitch_hz=_pitch_hz(text),
        side=sides.pop() if len(sides) == 1 else "",
        nth=_nth(text),
        extreme=next((vocab.EXTREMES[name] for name in sorted(found & vocab.EXTREMES.keys())), ""),
        is_absence=bool(found & vocab.QUIET) or is_still or has(_ABSENT, text),
        is_moment=has(_SOME_QUIET, text),
        has_cue=has_cue,
        has_thing=about == "motion" and _names_thing(text, found),
        has_rare_thing=about == "motion" and bool(found & (vocab.PEOPLE | vocab.OBJECTS) - vocab.USUAL),
    )


def residue(text: str) -> str:
    """Return the words that say something about the world: no small words, no words of sense, place or order."""
    senses = vocab.SPEECH | vocab.HEARD | vocab.SEEN | vocab.HAPPEN
    order = vocab.NTH.keys() | vocab.EXTREMES.keys() | vocab.SIDES.keys()
    plain = vocab.STOP | vocab.PLACES | senses | order
    return " ".join(name for name in split_words(text) if name not in plain and not name.startswith("quote"))


def _find_about(text: str, found: set[str], has_content: bool) -> About | None:
    """Return the sense that the words point at; of several the more particular one."""
    is_motion = bool(found & vocab.MOTION) or has(_GOES, text)
    is_speech = has_content or bool(found & vocab.SPEECH)
    is_heard, is_seen = bool(found & vocab.HEARD), bool(found & vocab.SEEN)
    if not has_content and has(_ASKS_SENSORS, text):
        return "sensors"
    if is_speech and is_motion and not has_content and has(r"\b(?:or|and)\b", text):
        return "anything"
    if has_content:
        return "speech"
    if found & vocab.QUIET:
        return "heard"
    if is_speech:
        return "speech"
    if found & vocab.SOUND and (not is_motion or is_heard or "sound" in text):
        return "sound"
    if has(_ASKS_SCENE, text):
        return "scene"
    if is_motion or found & vocab.STILL:
        return "motion"
    if is_heard != is_seen:
        return "heard" if is_heard else "seen"
    if found & vocab.CHANGE:
        return "seen"
    if found & vocab.SIDES.keys() and found & (vocab.PICTURE | {"side", "half", "part"}) and not residue(text):
        return "motion"
    is_open = bool(found & vocab.HAPPEN) or is_heard
    return "anything" if is_open and not residue(text) else None


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


def _names_thing(text: str, found: set[str]) -> bool:
    things = (vocab.PEOPLE | vocab.OBJECTS) - vocab.PRONOUNS - {"thing", "things", "nobody"}
    return bool(found & things) or has(r"\bwhat\s+(?:\w+\s+)?(?:mov|pass|drove|walk|r[au]n)\w*", text)
