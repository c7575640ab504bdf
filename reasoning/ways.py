"""Where a movement begins and where it ends: "enter from the left", "leave to the right", "from top to bottom"."""

from __future__ import annotations

import re

from reasoning import vocabulary as vocab
from reasoning.patterns import either, word
from reasoning.wording import place
from runtime.messages import Box

NEAR = 0.03  # of the picture: what comes so close to its edge touches it
ON_SIDE = {
    "left": "on the left",
    "right": "on the right",
    "middle": "in the middle",
    "top": "at the top",
    "bottom": "at the bottom",
}
_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
_THE = rf"(?:the\s+)?(?:\w+\s+)?(?P<side>{'|'.join(sorted(vocab.SIDES, key=len, reverse=True))})\b"
_VIA = r"(?:on|at|through|by|via|over|across|along)"
_ENTER = word(r"enter\w*", r"c[ao]m(?:e|es|ing)", r"appear\w*", r"arriv\w*", r"emerg\w*", r"(?:show|turn|pop)\w*\s+up")
_LEAVE = either(
    word(r"leav\w+", r"exit\w*", r"depart\w*", r"disappear\w*", r"vanish\w*"),
    r"\bleft(?=\s+(?:the\s+\w+\s+)?(?:on|at|to|towards?|through|by|via|from)\b)",
    r"\b(?:go|goes|went|gone|going|walk\w*|dr[io]v\w*|mov\w+|r[au]n\w*)\s+(?:out|off|away)\b",
)
_BEYOND = r"(?!\s+of\s+(?!the\s+(?:picture|image|frame|screen|view|video|scene)\b))"  # "to the left of the table"
_ENDS = (
    re.compile(rf"{_LEAVE}[^?.!;,]*?\b(?:{_VIA}|from|to|towards?)\s+{_THE}"),
    re.compile(rf"\b(?:to|towards?)\s+{_THE}{_BEYOND}"),
)
_BEGINS = (
    re.compile(rf"\bfrom\s+{_THE}"),
    re.compile(rf"{_ENTER}[^?.!;,]*?\b{_VIA}\s+{_THE}"),
)


def find_way(text: str) -> tuple[str, str]:
    """Return the sides of the picture on which a movement is asked to begin and to end, "" for any."""
    ends = next((match for pattern in _ENDS if (match := pattern.search(text))), None)
    rest = text if ends is None else f"{text[: ends.start('side')]}{text[ends.end('side') :]}"
    begins = next((match for pattern in _BEGINS if (match := pattern.search(rest))), None)
    return (
        vocab.SIDES[begins["side"]] if begins is not None else "",
        vocab.SIDES[ends["side"]] if ends is not None else "",
    )


def is_near(box: Box, side: str) -> bool:
    """Whether a box touches that edge of the picture; one that touches none has to lie in that third."""
    touched = _touches(box)
    if is_across(box, side):  # on neither side
        return False
    if side in touched and any(touched.values()):
        return touched[side]
    return side in place(box).split()


def _touches(box: Box) -> dict[str, bool]:
    left, top, right, bottom = box
    return {"left": left <= NEAR, "top": top <= NEAR, "right": right >= 1 - NEAR, "bottom": bottom >= 1 - NEAR}


def is_across(box: Box, side: str) -> bool:
    """Whether a box reaches from that edge of the picture to the opposite one: it shows no direction."""
    touched = _touches(box)
    return touched.get(side, False) and touched[_OPPOSITE[side]]


def name_way(begins: str, ends: str) -> str:
    """Return "began on the left", "ended on the right", or both."""
    named = [
        *([f"began {ON_SIDE[begins]}"] if begins else []),
        *([f"ended {ON_SIDE[ends]}"] if ends else []),
    ]
    return " and ".join(named)
