"""The words of a question that are to be found in what was said: in quotation marks, or after a verb of saying."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reasoning import vocabulary as vocab
from reasoning.match import words as split_words
from reasoning.patterns import either, word

_QUOTE = re.compile(r"[\"“”«»„]([^\"“”«»„]+)[\"“”«»„]|(?:(?<=\s)|^)'([^']+)'(?=[\s?.!,;]|$)")
_SAYING = either(
    word(r"say|says|said|saying|mention\w*|utter\w*|shout\w*|whisper\w*|announc\w*|discuss\w*|quote[sd]?"),
    word(
        r"talk\w*|sp[eo]a?k\w*|chat\w*|tell|told|hear|heard|ask\w*|conversation|lecture|remark\w*|statement|read\w*",
        r"words?|sentences?|topic|subject|reference|referred|commands?|orders?|instructions?|think\w*|thought",
    )
    + r"\s+(?:about|of|on)\b",
    r"\b(?:anything|something)\s+about\b",
    word(r"commands?|commanded|orders?|ordered|instructions?|instructed|asked|told") + r"\s+(?:\w+\s+)?to\b",
    r"\b(?:words?|phrase|sentence|term|name)\b(?=\s+(?!of\b|about\b)\w)",
)
_AFTER = re.compile(
    rf"{_SAYING}\s*(?:(?:anything|something|much|a\s+lot|things|out|loud)\s+)?"
    r"(?:(?:about|of|that|on|:|the\s+(?:words?|phrase|sentence|name|term)|words?)\s+)*(?P<words>[^?.!;:,]+)"
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|been|being|has|have|had)\s+(?:there\s+)?(?P<words>[^?.!;,]+?)\s+(?:(?:been|being|ever|actually)\s+)*"
    r"(?:said|mentioned|spoken|uttered|announced|discussed|talked\s+about|shouted|whispered|referred\s+to)\b"
)
_LEADING = re.compile(r"^(?:(?:the|a|an|any|some)\s+)?(?:words?|phrase|sentence|term|name)\s+")
_TRAILING = re.compile(
    r"\s*\b"
    + either(
        r"or\s+not|out\s+loud|aloud|at\s+all|anywhere|somewhere|again|too|please|right|ever|at\s+any\s+time|at\s+some\s+point",
        r"(?:for\s+)?the\s+(?:\w+\s+)?time",
        r"and\s+(?:when|if|how|where|what)\b.*",
        r"(?:is|was|were|been|being|get|got)?\s*(?:ever\s+)?(?:said|spoken|mentioned|uttered|heard|used|audible)",
        r"(?:come|came|comes)\s+up|occurs?|occurred|appears?|appeared|falls?",
    )
    + r"\s*$"
)
_EMPTY = (vocab.STOP - {"no", "go", "going"}) | vocab.SPEECH | vocab.PEOPLE | vocab.HEARD | vocab.NTH.keys()


def take_quotes(text: str) -> tuple[str, list[str]]:
    """Put `quote0`, `quote1`, ... where words stood in quotation marks, so that nothing reads them as a question."""
    quotes: list[str] = []

    def mask(match: re.Match[str]) -> str:
        quotes.append(match[1] or match[2])
        return f" quote{len(quotes) - 1} "

    return " ".join(_QUOTE.sub(mask, text).split()), quotes


def quoted_words(text: str, quotes: Sequence[str]) -> str:
    """Return the quotes whose marks stand in `text`."""
    places = [int(digits) for digits in re.findall(r"\bquote(\d{1,3})\b", text)]
    return " ".join(quotes[place] for place in places if place < len(quotes))


def said_words(text: str) -> str:
    """Return the words after a verb of saying, or between "was" and "mentioned"; "" where they carry nothing."""
    for pattern in (_AFTER, _PASSIVE):
        for match in pattern.finditer(text):
            words = _trim(match["words"])
            if any(word not in _EMPTY for word in split_words(words)):
                return words
    return ""


def _trim(words: str) -> str:
    """Cut what may stand around the words without being part of them: "for the second time", "at all"."""
    words = words.strip()
    while (shorter := _TRAILING.sub("", words).strip()) != words:
        words = shorter
    return _LEADING.sub("", words)
