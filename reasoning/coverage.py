"""Which part of the windows each stream watched: what no stream of a sense watched is unknown, not quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from reasoning.episodes import QUIET_NS, Episode, cut, reason
from reasoning.lapses import ENDED
from reasoning.phrases import NAMED_MAX
from reasoning.timepoints import S_NS
from reasoning.wording import Clock, length, listing, plain
from runtime.messages import Sensor

# Perception tells of a blindness in pieces of 10 s, once it has lasted 2 s: so much of the newest may be untold.
UNTOLD_NS = 13 * S_NS
NAMES: dict[Sensor, str] = {
    "video": "camera",
    "audio": "microphone",
    "radar": "radar",
    "events": "event camera",
    "pose": "pose source",
    "imu": "inertial sensor",
}
PERCEIVED: tuple[Sensor, ...] = ("video", "audio", "events")  # what records can come of
_ABSENT: dict[Sensor, str] = {
    "audio": "I cannot tell: there is no sound here, neither a microphone nor a sound track.",
    "video": "I cannot tell: there is no picture here, neither a camera nor a video track.",
    "events": "I cannot tell: there is no event camera here.",
    "radar": "I cannot tell: there is no radar here.",
}
# Others gave nothing.
_MISSED: dict[Sensor, str] = {"video": "saw nothing", "audio": "could hear nothing", "events": "saw nothing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The streams, and when each of them saw or heard nothing."""

    streams: Mapping[str, Sensor]
    blind: Mapping[str, str]  # stream -> why it sees or hears nothing now
    clock: Clock
    blind_ns: Mapping[str, int] = field(default_factory=dict)  # since when, where that is known
    windows: tuple[tuple[int, int], ...] = ()
    gaps: Sequence[Episode] = ()  # oldest first

    def watching(self, sensors: Iterable[Sensor]) -> list[str]:
        """Return the streams of these senses that watched at least half of the windows."""
        return [name for name in self._of(sensors) if not self._is_most(self._unwatched(name))]

    def watched(self, sensors: Iterable[Sensor]) -> set[Sensor]:
        """Return those of the senses that watched at least half of the windows, one stream or another."""
        return {
            sensor for sensor in sensors if self._of([sensor]) and not self._is_most(self._unwatched_by_all(sensor))
        }

    def unwatched(self, sensors: Iterable[Sensor]) -> list[tuple[int, int]]:
        """Return when one of these senses had no stream that watched, where that is worth a word."""
        spans = [span for sensor in sensors if self._of([sensor]) for span in self._unwatched_by_all(sensor)]
        return [(a, b) for a, b in cut(spans, self._spans()) if b - a >= QUIET_NS]

    def why_not(self, sensors: Iterable[Sensor]) -> str:
        """Return why nothing can be said about the windows: no such sensor, or none that watched; else ""."""
        wanted = set(sensors)
        if not self._of(wanted):
            only = next(iter(wanted)) if len(wanted) == 1 else None
            return _ABSENT[only] if only else "I cannot tell: no camera and no microphone is running."
        if self.watched(wanted):
            return ""
        return " ".join(["I cannot tell.", *self.notes(wanted)])

    def notes(self, sensors: Iterable[Sensor]) -> list[str]:
        """Return a sentence for each stream of these senses that missed something."""
        return [note for name in self._of(sensors) for note in self._notes(name)]

    def blindness(self, sensors: Iterable[Sensor]) -> str:
        """Return a sentence for each stream of these senses that is blind now."""
        return " ".join(self._state(name) for name in self._of(sensors) if name in self.blind)

    def has_ended(self, name: str) -> bool:
        """Whether a stream gives nothing any more because it is over."""
        return self.blind.get(name) == ENDED

    def _state(self, name: str) -> str:
        if self.has_ended(name) and name in self.blind_ns:
            return f"{self._title(name)} ended at {self.clock.at(self.blind_ns[name])}."
        return f"{self._title(name)} is blind: {plain(self.blind[name])}."

    def _title(self, name: str) -> str:
        return f"{NAMES[self.streams[name]].capitalize()} {plain(name)!r}"

    def _notes(self, name: str) -> list[str]:
        title = self._title(name)
        missed, lost = self._told(name, is_lost=False), self._told(name, is_lost=True)
        notes = []
        if self.has_ended(name) and name in self.blind_ns:
            ended = [gap for gap in missed if reason(gap.hits[0]) == ENDED]
            notes += [self._state(name)] if self._is_long(ended) else []
            missed = [gap for gap in missed if gap not in ended]
        if self._is_long(missed):
            verb = _MISSED.get(self.streams[name], "gave nothing")
            notes.append(f"{title} {verb} {self._when(missed, name)} ({_reasons(missed)}).")
        elif not notes and cut(self._blind_span(name), self._spans()):
            notes.append(self._state(name))
        if self._is_long(lost):
            notes.append(f"{title} gave nothing {self._when(lost)} (lost on the way in: {_reasons(lost)}).")
        return notes

    def _when(self, gaps: Sequence[Episode], name: str = "") -> str:
        """Return "from 0:12.0 to 0:31.0"; of many stretches how many, between which times, and how long in all."""
        spans = [(gap.start_ns, gap.end_ns) for gap in gaps]
        spans += [span for span in self._blind_span(name) if span[0] <= spans[-1][1]]  # and it goes on
        seams = [(a, b) for (_, a), (b, _) in pairwise(spans) if b - a < QUIET_NS]  # too short to be told apart
        spans = cut([*spans, *seams], [(spans[0][0], max(end_ns for _, end_ns in spans))])
        if len(spans) <= NAMED_MAX:
            return listing([self.clock.stretch(*span) for span in spans])
        return (
            f"{len(spans)} times between {self.clock.at(spans[0][0])} and {self.clock.at(spans[-1][1])},"
            f" for {length(_total(spans))} in all"
        )

    def _told(self, name: str, *, is_lost: bool) -> list[Episode]:
        return [gap for gap in self.gaps if gap.hits[0].stream == name and (gap.level > 0) == is_lost]

    def _is_long(self, gaps: Sequence[Episode]) -> bool:
        """Whether they take so much of the windows that it is worth a word."""
        total_ns = _total(cut([(gap.start_ns, gap.end_ns) for gap in gaps], self._spans()))
        return total_ns > 0 and total_ns >= min(QUIET_NS, _total(self._spans()))

    def _of(self, sensors: Iterable[Sensor]) -> list[str]:
        wanted = set(sensors)
        return sorted(name for name, sensor in self.streams.items() if sensor in wanted)

    def _spans(self) -> list[tuple[int, int]]:
        return [(start_ns, max(end_ns, start_ns + 1)) for start_ns, end_ns in self.windows]  # a moment is one too

    def _blind_span(self, name: str) -> list[tuple[int, int]]:
        since_ns = self.blind_ns.get(name, self.clock.asked_ns - UNTOLD_NS)
        return [(since_ns, self.clock.asked_ns + 1)] if name in self.blind else []

    def _unwatched(self, name: str) -> list[tuple[int, int]]:
        told = [(gap.start_ns, max(gap.end_ns, gap.start_ns + 1)) for gap in self.gaps if gap.hits[0].stream == name]
        return cut([*told, *self._blind_span(name)], self._spans())

    def _unwatched_by_all(self, sensor: Sensor) -> list[tuple[int, int]]:
        first, *others = [self._unwatched(name) for name in self._of([sensor])]
        for other in others:
            first = cut(first, other)
        return first

    def _is_most(self, unwatched: Sequence[tuple[int, int]]) -> bool:
        return 2 * _total(unwatched) > _total(cut(self._spans(), self._spans()))


def _total(spans: Iterable[tuple[int, int]]) -> int:
    return sum(end_ns - start_ns for start_ns, end_ns in spans)


def _reasons(gaps: Iterable[Episode]) -> str:
    return listing(list(dict.fromkeys(plain(reason(hit)) for gap in gaps for hit in gap.hits)))
