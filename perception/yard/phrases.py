"""Says a question in words and reads it back: what the grammar says it also parses, and nothing else."""

from __future__ import annotations

import re
from functools import lru_cache

from perception.yard.forms import FORMS, SOUNDS, VERBS, Ask, Happening
from perception.yard.mentions import (
    COUNTED,
    MANY,
    MENTION,
    NOW,
    ONE,
    PERIOD,
    POINT,
    SIDE_PHRASES,
    Description,
    Mention,
    read_counted,
    read_many,
    read_mention,
    read_one,
    read_period,
    read_point,
    say_counted,
    say_many,
    say_one,
)

_SLOT = re.compile(r"\{(\w+)\}")
_NAMED = re.compile(r"\?P<\w+>")
_SLOTS = {
    slot: re.sub(_NAMED, "?:", pattern)
    for slot, pattern in (
        ("m", MENTION), ("o", ONE), ("d", MANY), ("k", COUNTED), ("at", POINT), ("in", PERIOD), ("s", "|".join(SOUNDS)),
        ("side", "|".join(SIDE_PHRASES.values())),
    )
}  # fmt: skip


def _happening(past: int) -> str:
    """Return the pattern of anything that can happen."""
    ways = (verb[past] for verb in VERBS.values())
    return "|".join(way.replace("{m}", f"(?:{_SLOTS['m']})").replace("{s}", f"(?:{_SLOTS['s']})") for way in ways)


_SLOTS |= {"h": _happening(0), "p": _happening(1)}


def say(ask: Ask, phrasing: int = 0) -> str:
    """Return the question in words, one of its `phrasings`."""
    texts = _templates(ask)
    mentions, sounds, happenings = iter(ask.mentions), iter(ask.sounds), iter(ask.happenings)

    def fill(slot: re.Match[str]) -> str:
        match slot[1]:
            case "m":
                return str(next(mentions))
            case "s":
                return next(sounds)
            case "h":
                return say_happening(next(happenings), past=False)
            case "p":
                return say_happening(next(happenings), past=True)
            case "d":
                return say_many(ask.what or Description())
            case "k":
                return say_counted(ask.number or 1, ask.what or Description())
            case "o":
                return say_one(ask.what or Description())
            case "at":
                return str(ask.at)
            case "in":
                return str(ask.period)
            case _:
                return SIDE_PHRASES[ask.side or "left"]

    text = _SLOT.sub(fill, texts[phrasing % len(texts)])
    return f"{text[0].upper()}{text[1:]}?"


def phrasings(ask: Ask) -> int:
    """Return in how many ways it can be said."""
    return len(_templates(ask))


def say_happening(happening: Happening, *, past: bool) -> str:
    """Return "the red car stopped", or without `past` what follows "did"."""
    text = VERBS[happening.verb][int(past)]
    return text.replace("{m}", str(happening.who)).replace("{s}", str(happening.sound))


def parse(text: str) -> Ask | None:
    """Return what a question asks, none where it is outside the grammar."""
    plain = " ".join(text.strip().rstrip("?").lower().split())
    return next((ask for ask in _readings(plain) if ask is not None), None)


def readings(text: str) -> list[Ask]:
    """Return every reading that the grammar has of a text: one, where it is sound."""
    return [ask for ask in _readings(" ".join(text.strip().rstrip("?").lower().split())) if ask is not None]


def _readings(plain: str) -> list[Ask | None]:
    return [
        _read(form, slots, match.groups(), is_now=is_now)
        for form, is_now, slots, pattern in _patterns()
        if (match := pattern.fullmatch(plain))
    ]


def _templates(ask: Ask) -> tuple[str, ...]:
    form = FORMS[ask.form]
    return form.now if ask.at == NOW else form.then


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, bool, tuple[str, ...], re.Pattern[str]]]:
    found = []
    for name, form in FORMS.items():
        for is_now, texts in ((True, form.now), (False, form.then)):
            for text in texts:
                pattern = _SLOT.sub(lambda slot: f"({_SLOTS[slot[1]]})", text)
                found.append((name, is_now, tuple(_SLOT.findall(text)), re.compile(pattern)))
    return found


def _read(form: str, slots: tuple[str, ...], words: tuple[str, ...], *, is_now: bool) -> Ask | None:
    mentions: list[Mention | None] = []
    happenings: list[Happening | None] = []
    what: Description | None = None
    number: int | None = None
    at, period, side, sounds = NOW if is_now else None, None, None, []
    good = True
    for slot, text in zip(slots, words, strict=True):
        match slot:
            case "m":
                mentions.append(read_mention(text))
            case "h" | "p":
                happenings.append(_read_happening(text, past=slot == "p"))
            case "s":
                sounds.append(text)
            case "side":
                side = next(name for name, phrase in SIDE_PHRASES.items() if phrase == text)
            case "at":
                at = read_point(text)
                good &= at is not None
            case "in":
                period = read_period(text)
                good &= period is not None
            case "k":
                counted = read_counted(text)
                number, what = counted or (None, None)
                good &= counted is not None
            case _:
                what = read_many(text) if slot == "d" else read_one(text)
                good &= what is not None
    named, happened = [one for one in mentions if one], [one for one in happenings if one]
    if not good or len(named) < len(mentions) or len(happened) < len(happenings):
        return None
    return Ask(
        form=form, mentions=tuple(named), what=what, number=number, at=at, period=period, side=side,
        sounds=tuple(sounds), happenings=tuple(happened),
    )  # fmt: skip


def _read_happening(text: str, *, past: bool) -> Happening | None:
    for verb, ways in VERBS.items():
        pattern = _SLOT.sub(lambda slot: f"({_SLOTS[slot[1]]})", ways[int(past)])
        if match := re.fullmatch(pattern, text):
            is_sound = verb == "sounds"
            who = None if is_sound or not match.groups() else read_mention(match[1])
            return Happening(verb=verb, who=who, sound=match[1] if is_sound else None)
    return None
