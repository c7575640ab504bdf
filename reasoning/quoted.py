"""The words of a question that are to be found in what was said: in quotation marks, or after a verb of saying."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reasoning import vocabulary as vocab
from reasoning.match import words as split_words
from reasoning.numbers import NUMBER
from reasoning.patterns import REACH_CHARS, either, word

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
    rf"\b(?:is|are|was|were|been|being|has|have|had)\s+(?:there\s+)?(?P<words>[^?.!;,]{{1,{REACH_CHARS}}}?)\s+(?:(?:been|being|ever|actually)\s+)*"
    r"(?:said|mentioned|spoken|uttered|announced|discussed|talked\s+about|shouted|whispered|referred\s+to)\b"
)
# "the library was mentioned", "how often go forward was said"
_PASSIVE_ORDER = re.compile(
    rf"(?P<words>[^?.!;,]{{1,{REACH_CHARS}}}?)\s+(?:is|are|was|were|(?:has|have|had)\s+been|gets?|got|being|comes?|came)\s+"
    r"(?:(?:been|being|ever|actually|first|last|just|also|finally|then)\s+)*"
    r"(?:said|mentioned|spoken(?:\s+(?:of|about))?|uttered|announced|discussed|talked\s+(?:about|of)|shouted|whispered"
    r"|referred\s+to|brought\s+up|quoted|up\s+in\s+(?:the\s+)?(?:conversation|talk|speech|discussion|dialogue))\b"
)
_LEADING = re.compile(
    r"^(?:(?:and|or|when|whether|if|that|which|how\s+(?:often|many\s+times|long)|(?:what|which)\s+(?:time|second|moment|point))"
    r"\s+)+|^(?:(?:the|a|an|any|some)\s+)?(?:words?|phrase|sentence|term|name)\s+"
)
_TRAILING = re.compile(
    r"\s*\b"
    + either(
        r"or\s+not|out\s+loud|aloud|at\s+all|anywhere|somewhere|again|too|please|right|ever|at\s+any\s+time|at\s+some\s+point",
        r"(?:for\s+)?the\s+(?:\w+\s+)?time",
        rf"(?:(?:more\s+than|less\s+than|at\s+(?:least|most)|only|exactly|just)\s+)?(?:once|twice|thrice|{NUMBER}\s+times)",
        r"and\s+(?:when|if|how|where|what)\b.*",
        r"(?:is|was|were|been|being|get|got)?\s*(?:ever\s+)?(?:said|spoken|mentioned|uttered|heard|used|audible)",
        r"(?:come|came|comes)\s+up|occurs?|occurred|appears?|appeared|falls?",
    )
    + r"\s*$"
)
_EMPTY = (
    (vocab.STOP - {"no", "go", "going"})
    | (vocab.SPEECH | vocab.PEOPLE | vocab.HEARD)
    | vocab.NTH.keys()
    | {"once", "twice", "thrice", "same"}
)
# "Say the word man", "was the word man said": what is called a word is one, also where it names somebody.
_CALLED = re.compile(
    r"\b(?:(?:say|says|said|saying|utter\w*|mention\w*|shout\w*|hear|heard|use[ds]?)\s+the\s+(?:words?|phrase|term)\s+"
    r"(?P<words>[^?.!;:,]+)"
    r"|the\s+(?:words?|phrase|term)\s+(?P<passive>\w+)\s+(?:(?:is|was|were|been|ever)\s+)*"
    r"(?:said|mentioned|spoken|uttered|heard|used|shouted)\b)"
)
# After a verb of saying "stop" and "turn left" are commands; before one they are about the speech.
_PATTERNS = ((_AFTER, _EMPTY), (_PASSIVE, _EMPTY), (_PASSIVE_ORDER, _EMPTY | vocab.FORM))


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
    """Return the words after a verb of saying, or before or after "was" with one; "" where they carry nothing."""
    if called := _CALLED.search(text):
        words = _trim(called["words"] or called["passive"])
        if any(word not in vocab.STOP for word in split_words(words)):
            return words
    for pattern, empty in _PATTERNS:
        for match in pattern.finditer(text):
            words = _trim(match["words"])
            if any(word not in empty for word in split_words(words)):
                return words
    return ""


def _trim(words: str) -> str:
    """Cut what may stand around the words without being part of them: "for the second time", "at all"."""
    words = words.strip()
    while (shorter := _TRAILING.sub("", words).strip()) != words:
        words = shorter
    while (shorter := _LEADING.sub("", words)) != words:
        words = shorter
    return words
