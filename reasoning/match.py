"""Tolerant comparison of a question's words with what a speech recogniser wrote down.

A recogniser that errs on a third of all words mostly errs to words that sound alike, so two words count as the same
when their stems, their spelling or their consonants nearly agree. A phrase scores by the share of its telling words
that are found, a little less when they come in another order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from reasoning.numbers import NUMBERS
from reasoning.vocabulary import PEOPLE, STOP

# Calibrated on noisy transcripts of LibriVox and goforward: at this score two of three telling words agree.
SAME_TEXT = 0.6
SAME_WORD = 0.78  # below this similarity two words are different words: "elephant" and "elegant" have 0.75
STOP_WEIGHT = 0.1  # small words decide nothing unless there are no others
ORDER_SHARE = 0.15  # of the score is lost when no two words keep their order


_FULL = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def words(text: str) -> list[str]:
    """Return the lower-case words of a text; numbers in words become digits, so "ten meters" is "10 meters"."""
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))
    return [str(NUMBERS[word]) if word in NUMBERS else _FULL.get(word, word) for word in found]


def stem(word: str) -> str:
    """Cut the commonest English endings: "married", "marries" and "marry" become "marri"."""
    word = word.removesuffix("'s")
    for ending, rest, least in (
        ("ies", "i", 2),
        ("ied", "i", 2),
        ("ing", "", 3),
        ("ed", "", 3),
        ("es", "", 3),
        ("s", "", 3),
    ):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= least:
            word = word[: -len(ending)] + rest
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":  # "stopped" -> "stop"
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word.endswith("y") else word


# What sounds alike to a recogniser, longer spellings first; voiced consonants become their unvoiced partners.
_SOUNDS = {
    **{"ph": "f", "gh": "g", "ck": "k", "qu": "kw", "kn": "n", "wr": "r", "x": "ks"},
    **{"c": "k", "q": "k", "z": "s", "v": "f", "d": "t", "b": "p", "g": "k", "j": "k"},
}


def consonants(word: str) -> str:
    """Return the consonants by how they sound, voiced and unvoiced alike; a first vowel is kept as one sign."""
    for spelling, sound in _SOUNDS.items():
        word = word.replace(spelling, sound)
    kept = re.sub(r"[aeiouyhw]", "", word)
    kept = re.sub(r"(.)\1+", r"\1", kept)
    return ("a" if word[:1] in "aeiou" else "") + kept


def similarity(a: str, b: str) -> float:
    """Return how likely two words are one, 0 to 1; numbers agree or they do not."""
    if a == b:
        return 1.0
    if a.isdecimal() or b.isdigit():
        return 0.0
    a, b = stem(a), stem(b)
    if a == b:
        return 1.0
    if min(len(a), len(b)) < 3:
        return 0.0
    spelling = 1 - edits(a, b) / max(len(a), len(b))
    sound_a, sound_b = consonants(a), consonants(b)
    is_alike = sound_a == sound_b and len(sound_a) >= 3
    if sound_a[:1] != sound_b[:1]:  # "sister" is no "mister": recognisers mostly get the first sound right
        spelling = 0.0
    return max(spelling, 0.9 if is_alike else 0.0)


def edits(a: str, b: str) -> int:
    """Return the Levenshtein distance: how many letters to put in, take out or change."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (letter != other))
    return row[-1]


def score(question: str | Sequence[str], text: str) -> float:
    """Return how surely the words of `question` occur in `text`, 0 to 1."""
    asked = words(question) if isinstance(question, str) else list(question)
    heard = words(text)
    heard += [a + b for a, b in pairwise(heard)]  # recognisers split names: "dash wood"
    if not asked or not heard:
        return 0.0
    weights = [STOP_WEIGHT if word in STOP or word in PEOPLE else 1.0 for word in asked]
    total, found, places = 0.0, sum(weights), []
    for word, weight in zip(asked, weights, strict=True):
        best, place = max(((similarity(word, other), -i) for i, other in enumerate(heard)), default=(0.0, 0))
        if best >= SAME_WORD:
            total += weight * best
            places.append(-place)
    if len(places) < 2:
        return total / found
    kept = sum(a < b for a, b in pairwise(places)) / (len(places) - 1)
    return total / found * (1 - ORDER_SHARE * (1 - kept))
