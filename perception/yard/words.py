"""The closed vocabulary of the yard with its synonyms, and how numbers, spans and clock times are said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

CLASS_WORDS: Mapping[str, tuple[str, ...]] = {
    "person": ("person", "persons", "people", "man", "men", "woman", "women", "human", "humans", "pedestrian",
               "pedestrians", "somebody", "someone", "child", "guy", "walker"),
    "dog": ("dog", "dogs", "puppy", "hound", "doggy", "pup"),
    "car": ("car", "cars", "auto", "autos", "automobile", "automobiles", "sedan"),
    "truck": ("truck", "trucks", "lorry", "lorries"),
    "bicycle": ("bicycle", "bicycles", "bike", "bikes", "cyclist", "cyclists", "cycle", "pushbike"),
}  # fmt: skip
COLOUR_WORDS: Mapping[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet", "reddish"),
    "green": ("green", "greenish"),
    "blue": ("blue", "bluish"),
    "yellow": ("yellow", "yellowish"),
    "white": ("white", "whitish"),
    "black": ("black", "blackish"),
}
SIZE_WORDS: Mapping[str, tuple[str, ...]] = {
    "small": ("small", "little", "tiny"),
    "large": ("large", "big", "huge"),
}
SOUND_WORDS: Mapping[str, tuple[str, ...]] = {
    "whistling": ("whistling", "whistle", "whistles", "whistled"),
    "barking": ("barking", "bark", "barks", "barked", "woof", "woofing"),
    "honking": ("honking", "honk", "honks", "honked", "horn", "hooting", "beeping"),
    "rumbling": ("rumbling", "rumble", "rumbles", "rumbled", "engine", "diesel"),
    "ringing": ("ringing", "ring", "rings", "rang", "bell"),
}
SIDE_WORDS: Mapping[str, tuple[str, ...]] = {
    "left": ("left", "left hand"),
    "middle": ("middle", "centre", "center", "ahead", "central"),
    "right": ("right", "right hand"),
}
DIRECTION_WORDS: Mapping[str, tuple[str, ...]] = {
    "left": ("left", "leftward", "leftwards"),
    "right": ("right", "rightward", "rightwards"),
    "towards": ("towards", "toward", "closer", "nearer", "approaching", "approaches", "approached"),
    "away": ("away", "receding", "departing", "retreating", "off"),
}
SPEED_WORDS: Mapping[str, tuple[str, ...]] = {
    "slow": ("slow", "slowly", "leisurely", "walking pace"),
    "fast": ("fast", "quick", "quickly", "rapidly", "swiftly"),
}
HAPPENING_WORDS: Mapping[str, tuple[str, ...]] = {
    **SOUND_WORDS,
    "approach": ("approach", "approached", "approaching", "closer", "nearer", "towards"),
    "retreat": ("retreat", "retreated", "away", "receded", "departed"),
}
ORDER_WORDS: Mapping[str, tuple[str, ...]] = {
    "before": ("before", "earlier", "beforehand"),
    "after": ("after", "later", "afterwards"),
}
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
UNITS_S = {"second": 1.0, "sec": 1.0, "s": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "h": 3600.0}
CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d(?:\.\d+)?)(?![\d:])")
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(hour|h|minute|min|second|sec|s)s?\b( and a half)?")


def plain(text: str) -> str:
    """Return text in small letters without marks; colons and points stay where digits are around them."""
    text = text.lower().replace("'", "").replace("\u2019", "")
    text = re.sub(r"(?<!\d)[.:,]|[.:,](?!\d)|(?<=\d),(?=\d)", " ", text)
    return " ".join(re.sub(r"[^a-z0-9.: ]+", " ", text).split())


def found(text: str, words: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the values whose words occur in plain text, by where they occur first."""
    places = {}
    for value, names in words.items():
        match = re.search(rf"\b(?:{'|'.join(names)})\b", text)
        if match:
            places[value] = match.start()
    return sorted(places, key=lambda value: places[value])


def digits(text: str) -> str:
    """Return plain text with number words as digits: "a couple of" as 2, "half a minute" as 30 s."""
    text = re.sub(r"\bhalf an? (minute|hour)\b", lambda m: "30 second" if m[1] == "minute" else "30 minute", text)
    text = re.sub(r"\b(minute|hour|second)s? and a half\b", r"\1 and a half", text)
    ones = "|".join(NUMBERS[1:10])
    text = re.sub(
        rf"\b({'|'.join(TENS)})(?: ({ones}))?\b",
        lambda m: str(TENS[m[1]] + (NUMBERS.index(m[2]) if m[2] else 0)),
        text,
    )
    text = re.sub(rf"\b({'|'.join(NUMBERS)})\b", lambda m: str(NUMBERS.index(m[1])), text)
    text = re.sub(r"\ba (?:couple|pair)(?: of)?\b", "2", text)
    text = re.sub(r"\ba dozen\b", "12", text)
    return re.sub(r"\ban? (?:single )?(?=second|minute|min\b|hour)", "1 ", text)


def read_clock(text: str) -> float | None:
    """Return the seconds of the one clock time in the text ("1:05", "1:00:05"), none where there is not exactly one."""
    times = {
        float(hours or 0) * 3600 + float(minutes) * 60 + float(seconds)
        for hours, minutes, seconds in CLOCK.findall(text)
    }
    return times.pop() if len(times) == 1 else None


def read_span(text: str) -> float | None:
    """Return the seconds of the one span in plain text ("a minute and 5 seconds"), none where there is no one."""
    text = digits(text)
    parts = list(_SPAN.finditer(text))
    if not parts:
        return None
    between = [text[one.end() : other.start()].strip() for one, other in itertools.pairwise(parts)]
    if any(words not in {"", "and"} for words in between):
        return None  # two spans
    units = [UNITS_S[part[2]] for part in parts]
    if any(one <= other for one, other in itertools.pairwise(units)):
        return None
    return sum((float(part[1]) + (0.5 if part[3] else 0)) * unit for part, unit in zip(parts, units, strict=True))


def say_clock(t_s: float) -> str:
    """Return 75 as "1:15", 3675 as "1:01:15", tenths where there are any."""
    tenths = round(t_s * 10)
    rest = f"{tenths // 10 % 60:02d}" + (f".{tenths % 10}" if tenths % 10 else "")
    hours, minutes = tenths // 36000, tenths // 600 % 60
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def say_span(span_s: float) -> str:
    """Return 1 as "1 second", 75 as "1 minute and 15 seconds", 2.5 as "2.5 seconds"."""
    tenths = round(span_s * 10)
    hours, minutes, seconds = tenths // 36000, tenths // 600 % 60, tenths % 600 / 10
    parts = [_count(hours, "hour")] if hours else []
    parts += [_count(minutes, "minute")] if minutes else []
    parts += [_count(seconds, "second")] if seconds or not parts else []
    return " and ".join([" ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _count(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
