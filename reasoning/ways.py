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
_ACROSS, _DOWN = r"left(?:hand|most)?|right(?:hand|most)?|middle|cent(?:er|re)", r"top|upper|bottom|lower"
_CORNER = re.compile(rf"\b(?:(?P<a>{_DOWN})[\s-]*(?P<b>{_ACROSS})|(?P<c>{_ACROSS})[\s-]*(?P<d>{_DOWN}))\b")
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


def find_corner(text: str) -> str:
    """Return "top right" where two sides of the picture name one part of it together, else ""."""
    match = _CORNER.search(text)
    return f"{vocab.SIDES[match['a'] or match['d']]} {vocab.SIDES[match['b'] or match['c']]}" if match else ""


def lies_at(box: Box, side: str) -> bool:
    """Whether the middle of a box lies in that third of the picture, or in that corner."""
    names, told = side.split(), place(box).split()
    if len(names) == 2 and "middle" in names:  # "top middle"
        return len(told) == 3 and told[-1] in names and told[-1] != "middle"
    return all(name in told for name in names)


def reaches(box: Box, side: str) -> bool:
    """Whether a box lies in that part of the picture at least with an edge of it."""
    left, top, right, bottom = box
    third, two_thirds = 1 / 3 - NEAR, 2 / 3 + NEAR
    is_central = {"left": left < two_thirds and right > third, "top": top < two_thirds and bottom > third}
    into = {
        "left": left < third,
        "right": right > two_thirds,
        "top": top < third,
        "bottom": bottom > two_thirds,
        "middle": is_central["left"] and (side != "middle" or is_central["top"]),
    }
    return all(into[name] for name in side.split())


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
