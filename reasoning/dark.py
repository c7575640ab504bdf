"""Darkness as an event: "while it was dark", "before it got dark", "when the lights came on".

A picture is dark where its camera says so. What the camera then misses of movement is another matter: it sees the dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from reasoning.episodes import Episode, gather, quiet, reason
from reasoning.lapses import ENDED
from reasoning.patterns import either, has
from runtime.messages import Hit, Sensor

if TYPE_CHECKING:
    from reasoning.coverage import Coverage

Edge: TypeAlias = Literal["", "start", "end"]

WORDS = frozenset(
    """
    dark darker darkness darkened light lights lit bright lamp lamps black out on off again back go went get got come
    came
    """.split()
)
_SUBJECT = either(
    r"\b(?:it|everything|all|things?|here|there)",
    r"\b(?:the|your|any|a)\s+(?:\w+\s+)?(?:room|picture|pictures|screen|view|image|video|scene|place|hall|street|office)",
)
_FILL = (
    r"(?:(?:been|being|ever|still|already|too|very|quite|completely|totally|pitch|so|also|again|really|just"
    r"|all|not|never|no|longer|now|once|fully|get|become|last|first|yet|rather|pretty|as|before|always)[\s-]+)*"
)
_TURNS = either(
    r"gets?|got|gotten|getting|goes|go|went|going|gone",
    r"turns?|turned|turning|becomes?|became|becoming|grew|falls?|fell",
)
_LAMPS = r"\b(?:lights?|lamps?)\b"
_BACK = r"(?:(?:\w+\s+)?(?:back|again)\s+)?"
_GOES_OFF = either(
    rf"{_LAMPS}\s+(?:\w+\s+){{0,3}}?(?:go|goes|went|gone|going|turn\w*|switch\w*|put|shut|come|were|was|are)\s+{_BACK}(?:off|out)\b",
    rf"\b(?:turn\w*|switch\w*|put|shut)\s+(?:off|out)\s+(?:the\s+|all\s+)*{_LAMPS}",
    rf"\b(?:turn\w*|switch\w*|put|shut)\s+(?:the\s+|all\s+)*{_LAMPS}\s+(?:off|out)\b",
)
_GOES_ON = either(
    rf"{_LAMPS}\s+(?:\w+\s+){{0,3}}?(?:go|goes|went|gone|going|turn\w*|switch\w*|put|come|comes|came|were|was)\s+{_BACK}on\b",
    rf"{_LAMPS}\s+(?:\w+\s+)?(?:come|comes|came)\s+back\b",
    rf"\b(?:turn\w*|switch\w*|put)\s+{_BACK}on\s+(?:the\s+|all\s+)*{_LAMPS}",
    rf"\b(?:turn\w*|switch\w*|put)\s+(?:the\s+|all\s+)*{_LAMPS}\s+{_BACK}on\b",
)
_OVER = either(
    r"\bdark(?:ness)?\s+(?:\w+\s+)?(?:end\w*|stop\w*|over|ceas\w*|finish\w*)\b",
    r"\b(?:stop\w*|ceas\w*)\s+(?:being|to\s+be)\s+dark\b",
    r"\bno\s+longer\s+dark\b",
)
_IS_DARK = either(
    rf"{_SUBJECT}\b(?:'s|\s+(?:is|was|were|are|be|been|has|had|stay\w*|remain\w*|{_TURNS}))?(?:n't)?\s+{_FILL}(?:dark|bright|light)\b",
    rf"\b(?:it|everything)\s+(?:{_TURNS})\s+{_FILL}black\b",
    rf"\b(?:picture|screen|view|image|video)\s+(?:is|was|been|stay\w*|remain\w*|{_TURNS})\s+{_FILL}black\b",
    r"\bdarkness\b",
    r"\b(?:in|during|after|before|since|until|between|through)\s+the\s+(?:\w+\s+)?dark\b(?!\s+(?:car|room|van|coat))",
    r"\bthe\s+dark\s+(?:begin|began|beg[iu]n|start\w*|end\w*|stop\w*|last\w*|set|come|came)\b",
    r"\bdark\s+(?:stretch|stretches|phase|phases|period|periods|moment|moments|times?|parts?|spells?|ones?|patch|patches|intervals?)\b",
    rf"\b{_TURNS}\s+{_FILL}(?:dark|light|bright)\b",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """What a text says of the light: the dark, its beginning or its end, or that there was light."""

    edge: Edge
    is_lit: bool = False  # it asks for light, which is the absence of dark
    is_switched: bool = False  # it tells of lamps that go on or off, which is no movement


def spell_out(text: str) -> str:
    """Return `text` with "in the dark", or "in the last dark phase", as the moment that it names."""
    text = re.sub(r"\b(?:in|at|over)\s+(?=the\s+(?:\w+\s+)?dark\s+\w)", "during ", text, flags=re.IGNORECASE)
    return re.sub(r"\bin\s+(?:the\s+dark(?:ness)?|darkness)\b", "while it was dark", text, flags=re.IGNORECASE)


def find_dark(text: str) -> Dark | None:
    """Return what a text says of the light, None where it says nothing that a camera could tell."""
    if has(r"\bhow\s+(?:dark|bright|light)\b|\btoo\s+(?:bright|light)\b|\bdarker\b", text):
        return None
    turns = has(rf"\b{_TURNS}\b", text)
    if has(_GOES_OFF, text):
        return Dark(edge="start", is_switched=True)
    if has(_GOES_ON, text):
        return Dark(edge="end", is_switched=True)
    if has(_OVER, text):
        return Dark(edge="end")
    if not has(_IS_DARK, text):
        return None
    is_light = has(r"\b(?:light|bright)\b", text) and not has(r"\bdark", text)
    if is_light:
        return Dark(edge="end" if turns else "", is_lit=not turns)
    return Dark(edge="start" if turns else "")


def is_dark(reason: str) -> bool:
    """Whether a camera that sees nothing for this reason looks into the dark."""
    return "dark" in reason.split()


def phases(hits: Iterable[Hit]) -> list[Episode]:
    """Return when it was dark, oldest first."""
    return joined(gap for gap in _gaps(hits) if is_dark(reason(gap.hits[0])))


def blind(
    senses: AbstractSet[Sensor], hits: Iterable[Hit], streams: Mapping[str, Sensor], *, is_end: bool = False
) -> list[Episode]:
    """Return when a stream of these senses, or of any, gave nothing that could be perceived, oldest first.

    With `is_end` only because it has ended.
    """
    own = [gap for gap in _gaps(hits) if not senses or streams.get(gap.hits[0].stream) in senses]
    return joined(gap for gap in own if not is_end or reason(gap.hits[0]) == ENDED)


def light(hits: Iterable[Hit], streams: Mapping[str, Sensor], start_ns: int, end_ns: int) -> list[Episode]:
    """Return when no camera was blind, which is when it was light for all of them."""
    spans = quiet(blind({"video"}, hits, streams), start_ns, end_ns)
    return [Episode(kind="light", start_ns=a, end_ns=b, hits=()) for a, b in spans]


def _gaps(hits: Iterable[Hit]) -> list[Episode]:
    return [gap for gap in gather(hits, "gap") if gap.level == 0]  # what was lost on the way in was seen by somebody


def joined(episodes: Iterable[Episode]) -> list[Episode]:
    """Return stretches of several streams that overlap or touch as one: what was dark for one camera was dark."""
    found: list[Episode] = []
    for episode in sorted(episodes, key=lambda one: (one.start_ns, one.end_ns)):
        if found and episode.start_ns <= found[-1].end_ns:
            last = found[-1]
            end_ns = max(last.end_ns, episode.end_ns)
            found[-1] = replace(last, end_ns=end_ns, hits=(*last.hits, *episode.hits))
        else:
            found.append(episode)
    return found


def at_edge(episode: Episode, edge: Edge) -> Episode:
    """Return the moment at which a stretch began or ended."""
    at_ns = episode.start_ns if edge == "start" else episode.end_ns
    return replace(episode, start_ns=at_ns, end_ns=at_ns) if edge else episode


def seeing(coverage: Coverage) -> Coverage:
    """Return who watched for the dark: a camera that looks into it does."""
    gaps = [gap for gap in coverage.gaps if not is_dark(reason(gap.hits[0]))]
    return replace(coverage, gaps=gaps, blind={name: why for name, why in coverage.blind.items() if not is_dark(why)})
