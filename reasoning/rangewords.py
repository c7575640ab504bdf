"""Which questions a radar may answer: those that name it, and those for a distance, a speed or an approach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasoning.patterns import either, has

if TYPE_CHECKING:
    from reasoning.understand import Question

KIND = "detection"  # of the records that it is answered from

RADAR = r"\bradars?\b"
FAST = r"\bhow\s+(?:fast|quick(?:ly)?)\b|\b(?:what|which)\s+(?:speed|velocity)\b|\b(?:speed|velocity)\s+of\b"
FAR = either(
    r"\bhow\s+(?:far|close|near|distant)\b(?!\s+(?:apart|is\s+it\s+to))",
    r"\b(?:what|which)\s+(?:distance|range)\b|\b(?:distance|range)\s+(?:of|to)\b",
)
NEARER = either(
    r"\bapproach\w*\b",
    r"\b(?:c[ao]m(?:e|es|ing)|got|gets?|getting|mov\w+|near(?:ed|ing|s))\s+(?:\w+\s+)?(?:nearer|closer|near|close|toward|towards)\b",
)
AWAY = r"\b(?:reced\w+|(?:mov\w+|go(?:es|ing)?|went|dr[io]v\w+|walk\w*|r[au]n\w*)\s+(?:\w+\s+)?away|withdr[ae]w\w*)\b"
CLOSEST = r"\bhow\s+(?:close|near)\b|\b(?:closest|nearest)\b"
_HEARS = either(
    r"[\"“”]",
    r"\b(?:sa(?:y|ys|id)|speak\w*|spoke|talk\w*|tell\w*|told|mention\w*|hear\w*|sounds?|tones?|voices?|loud\w*)\b",
)


def asks_range(question: Question) -> bool:
    """Whether a radar may have the answer, if there is one."""
    text = question.text.lower()
    if question.about == "sensors" or has(_HEARS, text):
        return False
    return has(RADAR, text) or has(either(FAST, FAR, NEARER), text)
