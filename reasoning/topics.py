"""Words about something -> which sense it is about, which of the things perceived, and the words to search for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reasoning import vocabulary as vocab
from reasoning.match import words as split_words

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


_SENSOR = "|".join(sorted(vocab.SENSORS))
_STATE = "|".join(sorted(vocab.SENSOR_STATES))
_PICTURE = "|".join(sorted(vocab.PICTURE | {"scene", "scenes", "shot"}))
_CHANGE = "|".join(sorted(vocab.CHANGE))
_MEDIUM = r"(?:sound|audio|video|picture|image|vision|soundtrack|speech|motion)"
_IS_SENSORS = re.compile(
    rf"\b(?:is|are|was|were|does|do|did|has|have)\s+(?:the\s+|your\s+|any\s+|all\s+|both\s+|one\s+|a\s+|of\s+|every\s+)*(?:\w+\s+)?"
    rf"(?:{_SENSOR})\s+(?:\w+\s+){{0,3}}?(?:{_STATE})\b"
    rf"|\b(?:{_SENSOR})\s+(?:status|state|health|blind|working|covered|muted|dead|off)\b|\bstatus\s+of\b"
    rf"|\b(?:can|could|are|do)\s+you\s+(?:able\s+to\s+|still\s+|really\s+|actually\s+|even\s+)*(?:see|hear|listen|listening|watch|watching"
    rf"|record|recording|monitoring|sense)(?:\s+(?:me|us|to|the|any|{_MEDIUM}|properly|well|everything|at\s+all|and|or|hear|see))*\W*$"
    rf"|\b(?:which|what|how\s+many)\s+(?:of\s+)?(?:your\s+|the\s+|kinds?\s+of\s+)?(?:{_SENSOR})\b"
    rf"|\b(?:is|are|was|were)\s+there\s+(?:a\s+|any\s+|an\s+)?(?:working\s+)?(?:{_SENSOR}|{_MEDIUM}\s+(?:track|stream|input|feed))\b"
    rf"|\b(?:have|has|got|with|without|include|includes|contain|contains)\s+(?:an?\s+|any\s+|no\s+)?(?:{_SENSOR}|{_MEDIUM}\b(?!\s+of)(?:\s+track|\s+stream)?)\W*$"
    rf"|\bis\s+(?:the\s+)?{_MEDIUM}\s+(?:being\s+)?(?:on|off|recorded|working|missing|available|there)\b"
    r"|\bare\s+you\s+(?:blind|deaf|ok|okay|alive|working|online|there|awake|recording|listening|watching)\b|\bis\s+(?:it|this)\s+recording\b"
    r"|\bhow\s+long\s+(?:is|was)\s+(?:the|this)\s+(?:whole\s+|entire\s+)?(?:recording|video|clip|audio|session|file|footage|film)\b"
    r"|\bhow\s+long\s+(?:have|did)\s+you\s+(?:been\s+)?(?:watch|listen|record|runn|run)\w*|\b(?:length|duration)\s+of\s+the\s+(?:recording|video|clip|session)\b"
)
_IS_SCENE = re.compile(
    rf"\bcuts?\b(?!\s+off)|\bshots\b|\bscenes\b|\btransitions?\b|\b(?:{_PICTURE})\s+(?:\w+\s+){{0,2}}?(?:{_CHANGE})\b"
    rf"|\b(?:{_CHANGE})\s+(?:of|in|to|from|the)?\s*(?:a\s+|the\s+|another\s+|one\s+|new\s+)*(?:{_PICTURE})\b|\b(?:new|another|different|next)\s+(?:scene|shot)\b"
)
_SAYING = (
    r"(?:(?:say|says|said|saying|mention\w*|utter\w*|shout\w*|whisper\w*|announc\w*|discuss\w*|quote[sd]?)\b"
    r"|(?:talk\w*|sp[eo]a?k\w*|chat\w*|tell|told|hear|heard|ask\w*|conversation|lecture|remark\w*|statement|read\w*|anything|something|words?|sentences?"
    r"|topic|subject|reference|referred)\s+(?:about|of|on|to)\b|\b(?:words?|phrase|sentence|term|name)\b(?=\s+(?!of\b|about\b)\w))"
)
_CONTENT = re.compile(
    rf"\b{_SAYING}\s*(?:(?:anything|something|much|a\s+lot|things|out|loud)\s+)?(?:about\s+|of\s+|that\s+|on\s+|the\s+(?:words?|phrase|sentence|name|term)\s+|words?\s+|:\s*)*"
    r"(?P<words>[^?.!;:,]+)"
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|been|being|has|have|had)\s+(?:there\s+)?(?P<words>[^?.!;,]+?)\s+(?:been\s+|being\s+|ever\s+|actually\s+)*"
    r"(?:said|mentioned|spoken|uttered|announced|discussed|talked\s+about|shouted|whispered|spoken\s+of|referred\s+to)\b"
)
# What may follow or precede the words that were said without being part of them.
_TRAILING = re.compile(
    r"\s*\b(?:or\s+not|out\s+loud|aloud|at\s+all|anywhere|somewhere|again|too|please|and\s+(?:when|if|how|where|what)\b.*|(?:was|were|is|being|been|get|got)?\s*"
    r"(?:said|spoken|mentioned|uttered|heard|used|audible|fall|come\s+up|came\s+up|occur\w*|appear\w*))\s*$"
)
_PRONOUNS = {"he", "she", "they", "him", "her", "them", "his", "hers", "their", "theirs", "everybody", "everyone"}
_EMPTY_WORDS = (vocab.STOP - {"no", "go", "going"}) | vocab.SPEECH | vocab.PEOPLE | vocab.HEARD | frozenset(vocab.NTH)
_ABSENT = re.compile(
    r"\b(?:nobody|no\s?one|none|nothing)\b|\bno\s+(?:\w+\s+)?(?:sounds?|noises?|movements?|motions?|speech|voices?|tones?|activity|words?|talking|changes?|cuts?)\b"
    r"|\bnot\s+(?:a\s+(?:sound|word|thing)|anything|any\s+\w+|mov\w+|speak\w*|talk\w*|say\w*|chang\w+|happen\w*)\b|\bwithout\s+(?:any\s+)?(?:sound|noise|movement|motion|speech|talking|words|change)\b"
    r"|\b(?:absence|lack)\s+of\b"
)


def find_topic(text: str, quotes: Sequence[str] = ()) -> Topic:
    """Return what `text` is about; `quote0` in it stands for the first of `quotes`, and is what was said."""
    text = text.lower().replace("’", "'")
    found = set(split_words(text))
    content = _quoted(text, quotes) or _said(text)
    about = _about(text, found, bool(content))
    has_cue = about is not None
    if about is None:
        about, content = "anything", residue(text)
    is_still = about == "motion" and bool(found & vocab.STILL) and not found & vocab.MOTION
    is_absence = bool(found & vocab.QUIET) or is_still or _ABSENT.search(text) is not None
    sides = {vocab.SIDES[word] for word in found & vocab.SIDES.keys()}
    return Topic(
        about=about,
        content=content if about in {"speech", "heard", "anything"} else "",
        label=_label(found),
        pitch_hz=_pitch_hz(text),
        side=sides.pop() if len(sides) == 1 else "",
        nth=_nth(text),
        extreme=next((vocab.EXTREMES[word] for word in sorted(found & vocab.EXTREMES.keys())), ""),
        is_absence=is_absence,
        is_moment=re.search(
            r"\b(?:an?|any|some)\s+(?:\w+\s+)?(?:quiet|silent|silence|still|pauses?|moments?|stretch|period)\b", text
        )
        is not None,
        has_cue=has_cue,
        has_thing=_has_thing(text, found, about),
    )


def _about(text: str, found: set[str], has_content: bool) -> About | None:
    """Return the sense that the words point at; of several the more particular one."""
    is_motion = bool(found & vocab.MOTION) or re.search(vocab.MOTION_PHRASES, text) is not None
    is_speech = has_content or bool(found & vocab.SPEECH)
    if not has_content and _IS_SENSORS.search(text):
        return "sensors"
    if is_speech and is_motion and not has_content and re.search(r"\b(?:or|and)\b", text):
        return "anything"
    if is_speech:
        return "heard" if found & vocab.QUIET and not has_content else "speech"
    if found & vocab.QUIET:
        return "heard"
    if found & vocab.SOUND and not (is_motion and not found & vocab.HEARD and "sound" not in text):
        return "sound"
    if _IS_SCENE.search(text) and "during" not in text:
        return "scene"
    if is_motion or found & vocab.STILL:
        return "motion"
    is_heard, is_seen = bool(found & vocab.HEARD), bool(found & vocab.SEEN)
    if is_heard != is_seen:
        return "heard" if is_heard else "seen"
    if found & vocab.CHANGE:
        return "seen"
    is_open = bool(found & vocab.HAPPEN) or is_heard
    return "anything" if is_open and not residue(text) else None


def residue(text: str) -> str:
    """Return the words that say something about the world: no small words, no words of kind, place or order."""
    plain = vocab.STOP | vocab.PLACES | vocab.HAPPEN | vocab.HEARD | vocab.SEEN | vocab.SPEECH | frozenset(vocab.NTH)
    return " ".join(word for word in split_words(text) if word not in plain and not word.startswith("quote"))


def _quoted(text: str, quotes: Sequence[str]) -> str:
    places = [int(digit) for digit in re.findall(r"\bquote(\d)\b", text)]
    return " ".join(quotes[i] for i in places if i < len(quotes))


def _said(text: str) -> str:
    """Return the words after a verb of saying, or between "was" and "mentioned"; "" where they are empty."""
    for pattern in (_CONTENT, _PASSIVE):
        for match in pattern.finditer(text):
            words = _TRAILING.sub("", match["words"].strip())
            words = re.sub(r"^(?:(?:the|a|an|any|some)\s+)?(?:words?|phrase|sentence|term|name)\s+", "", words)
            if any(word not in _EMPTY_WORDS for word in split_words(words)):
                return words
    return ""


def _label(found: set[str]) -> str:
    is_tone, is_noise = bool(found & vocab.TONE), bool(found & vocab.NOISE)
    return "" if is_tone == is_noise else "tone" if is_tone else "noise"


def _pitch_hz(text: str) -> float:
    match = re.search(r"(\d{1,6}(?:\.\d+)?)\s*(k?)(?:hz|hertz|ilohertz)\b", text)
    return float(match[1]) * (1000 if match[2] else 1) if match else 0.0


def _nth(text: str) -> int:
    """Return which one is asked for; "how long did it last" and "at which second" are no ordinals."""
    text = re.sub(
        r"(?<!the )(?<!very )\blast\b(?=\s*(?:[?.!,;]|$|for\b|long|more\b|less\b|about\b|over\b|until\b))", " ", text
    )
    text = re.sub(r"\b(?:which|what|per|each|every|a)\s+second\b|\bsecond\s+\d", " ", text)
    for word in split_words(text):
        if word in vocab.NTH:
            return vocab.NTH[word]
    if re.search(r"\bnext\b", text):
        return 1
    return 0


def _has_thing(text: str, found: set[str], about: About) -> bool:
    if about == "motion":
        named = found & (vocab.PEOPLE | vocab.OBJECTS) - _PRONOUNS - {
            "thing",
            "things",
            "object",
            "objects",
            "door",
            "window",
        }
        return (
            bool(named)
            or re.search(r"\bwhat\s+(?:\w+\s+)?(?:moved|moving|passed|drove|walked|is\s+moving)\b", text) is not None
        )
    return False
