"""What is true in the demo's yard, read from the truth channel of its recording: movements, sounds, the light."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from perception.yard.kinds import CLASSES
from perception.yard.oracle import oracle
from perception.yard.record import NAMES
from perception.yard.truth import Truth, is_visible
from runtime.apps.yard_recording import Pictures, picture_at, pictures_in, plot_in, truths_in

NS_PER_S = 1_000_000_000
CAMERA = f"yard-{NAMES['image']}"  # as a replay of yard.mcap beside another file calls it
VOICES = {one.voice.name: one.voice for one in CLASSES.values()}
HEARD_BREAK_S = 0.25  # a break that is shorter ends no sound (perception/loudness.py)
THIRDS = ("left", "middle", "right")

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class YardTruth:
    """All that is known of a recording of the yard, and its pictures."""

    truths: tuple[Truth, ...]  # by time, one for each picture
    calls: tuple[tuple[str, float, float], ...]  # voices: name, start and end in s
    pictures: Pictures

    @property
    def dark_s(self) -> float:
        """When night falls; no sooner than the end where it does not."""
        return next((one.t_ns / NS_PER_S for one in self.truths if one.light == "night"), float("inf"))

    def movements_s(self, start_s: float, end_s: float) -> list[Interval]:
        """Return when something moved that could be seen by daylight: from its first to its last picture."""
        found: list[Interval] = []
        was_moving = False
        for truth in self._between(start_s, end_s):
            t_s = truth.t_ns / NS_PER_S
            is_moving = t_s < self.dark_s and any(one.is_moving and is_visible(one) for one in truth.entities)
            if is_moving:
                found[-1:] = [(found[-1][0], t_s)] if was_moving else [*found[-1:], (t_s, t_s)]
            was_moving = is_moving
        return found

    def sides(self, start_s: float, end_s: float) -> set[str]:
        """Return in which thirds of the picture the middle of something visible was that moved."""
        boxes = [
            one.box
            for truth in self._between(start_s, end_s)
            for one in truth.entities
            if one.is_moving and is_visible(one) and one.box is not None
        ]
        return {THIRDS[min(2, int(3 * (box[0] + box[2]) / 2))] for box in boxes}

    def has_movement(self, start_s: float, end_s: float) -> bool:
        """Say whether anything moved, seen or not."""
        return any(one.is_moving for truth in self._between(start_s, end_s) for one in truth.entities)

    def noises_s(self, start_s: float, end_s: float) -> list[Interval]:
        """Return every pulse of every voice between two times; those that touch are one."""
        pulses = sorted(pulse for call in self.calls for pulse in pulses_of(*call))
        found: list[Interval] = []
        for a_s, b_s in pulses:
            if b_s < start_s or a_s > end_s:
                continue
            is_more = bool(found) and a_s <= found[-1][1]
            found[-1:] = [(found[-1][0], max(found[-1][1], b_s))] if is_more else [*found[-1:], (a_s, b_s)]
        return found

    def answer(self, question: str, asked_s: float) -> str:
        """Return what the rules of the yard's own grammar answer."""
        return oracle(question, asked_s, self.truths)

    def picture_at(self, t_s: float) -> bytes:
        """Return the last picture up to then, the first where there is none."""
        return picture_at(self.pictures, t_s)

    def _between(self, start_s: float, end_s: float) -> Iterable[Truth]:
        return (one for one in self.truths if start_s <= one.t_ns / NS_PER_S <= end_s)


def pulses_of(name: str, start_s: float, end_s: float) -> list[Interval]:
    """Return when a call sounds: voices come in pulses, and those with the shortest breaks are heard as one."""
    voice = VOICES[name]
    if not voice.pulse_hz or (1 - voice.duty) / voice.pulse_hz < HEARD_BREAK_S:
        return [(start_s, end_s)]
    count = int((end_s - start_s) * voice.pulse_hz) + 1
    borders_s = [start_s + number / voice.pulse_hz for number in range(count + 1)]
    pulses = ((a_s, min(end_s, a_s + voice.duty / voice.pulse_hz)) for a_s, _ in pairwise(borders_s))
    return [(a_s, b_s) for a_s, b_s in pulses if a_s < b_s]


def read_truth(path: Path) -> YardTruth:
    """Return the truth of a recording of the yard. Raises InputError where it cannot be read."""
    sounds = [one for one in plot_in(path) if one["kind"] == "sounds"]
    calls = tuple((one["value"], one["start_s"], one["end_s"]) for one in sounds)
    return YardTruth(truths=tuple(truths_in(path)), calls=calls, pictures=pictures_in(path))
