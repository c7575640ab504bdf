"""Records -> what happened: pieces of one movement or one turn of speech become one episode.

Perception sends a long movement as pieces that touch, and cuts speech at short pauses; people count neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reasoning.plan import CUT_TEXT
from reasoning.timepoints import S_NS
from reasoning.wording import place
from runtime.messages import Box, Hit

# The longest pause inside one episode; scene changes are moments and never merge, nor does what a radar follows: beside
# each other several things are.
GAP_NS = {"motion": S_NS, "utterance": 700_000_000, "sound": 100_000_000, "frame": -1, "gap": 0, "detection": -(2**62)}
OVERLAP_NS = 200_000_000  # what reaches into a window by less may be a border's error
QUIET_NS = 500_000_000  # a shorter pause is no quiet
STEADY = "steady noise"  # a background that is loud itself; it too comes in pieces, and speech interrupts it
NO_WORDS = "speech without recognised words"  # how memory describes an utterance that gave no text
TOLD_PLACES_MAX = 3
PITCH_SHARE = 0.06  # one semitone: tones that differ by less are the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Something that lasted: one movement, one turn of speech, one sound, one scene change."""

    kind: str
    start_ns: int
    end_ns: int
    hits: tuple[Hit, ...]  # its records, oldest first
    score: float = 0.0

    @property
    def length_ns(self) -> int:
        """How long it lasted."""
        return self.end_ns - self.start_ns

    @property
    def level(self) -> float:
        """How strong it was: area of a movement, dB of a sound above the background."""
        return max((hit.level for hit in self.hits), default=0.0)

    @property
    def label(self) -> str:
        """What memory calls it: "tone at 440 Hz"."""
        return self.hits[0].text if self.hits else ""

    @property
    def words(self) -> str:
        """What was said, "" where nothing was said or recognised."""
        if self.kind != "utterance":
            return ""
        return " ".join(hit.text for hit in self.hits if hit.text.strip() and hit.text != NO_WORDS)

    @property
    def is_open(self) -> bool:
        """Whether it was still going on when it was asked about: no record tells of all of it yet."""
        return any(not hit.record_id for hit in self.hits)

    @property
    def pitch_hz(self) -> int:
        """How high a tone is, 0 where it has no pitch."""
        found = re.search(r"(\d{1,6}) Hz", self.label)
        return int(found[1]) if self.kind == "sound" and found else 0

    @property
    def told(self) -> str:
        """What its records say, in one text that goes with `box`."""
        if self.kind == "utterance":
            return self.words
        if self.kind == "motion" and len({hit.text for hit in self.hits}) > 1 and self.places:
            return f"movement {self.path}"
        return reason(self.hits[0]) if self.kind == "gap" else self.label

    @property
    def box(self) -> Box | None:
        """Return the part of the picture that it went through."""
        if not self.boxes:
            return None
        left, top, right, bottom = zip(*self.boxes, strict=True)
        return min(left), min(top), max(right), max(bottom)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Where it was, over time."""
        return tuple(hit.box for hit in self.hits if hit.box is not None)

    @property
    def path(self) -> str:
        """The first of its places as they are told, "" where none are known."""
        more = ("elsewhere",) if len(self.places) > TOLD_PLACES_MAX else ()
        return ", then ".join((*self.places[:TOLD_PLACES_MAX], *more))

    @property
    def places(self) -> tuple[str, ...]:
        """The places in the picture that it went through, in order."""
        return tuple(dict.fromkeys(place(box) for box in self.boxes))


def reason(gap: Hit) -> str:
    """Return why a sensor saw or heard nothing: "covered or dark"."""
    return re.sub(r"^nothing received for [\d.]+ s: ", "", gap.text)


def gather(hits: Iterable[Hit], kind: str, gap_ns: int | None = None) -> list[Episode]:
    """Return the episodes of one kind, oldest first; each stream by itself, `gap_ns` replaces the kind's own gap."""
    last: dict[str, Episode] = {}
    done: list[Episode] = []
    for hit in sorted(hits, key=lambda hit: (hit.start_ns, hit.end_ns, hit.record_id)):
        if hit.kind != kind or (kind == "frame" and not hit.text.startswith(CUT_TEXT)):
            continue
        end_ns = max(hit.start_ns, hit.end_ns)
        before = last.get(hit.stream)
        if before is not None and _continues(before, hit, _gap_ns(hit) if gap_ns is None else gap_ns):
            before = replace(before, end_ns=max(before.end_ns, end_ns), hits=(*before.hits, hit))
            last[hit.stream] = before
            continue
        if before is not None:
            done.append(before)
        last[hit.stream] = Episode(kind=kind, start_ns=hit.start_ns, end_ns=end_ns, hits=(hit,), score=hit.score)
    return sorted([*done, *last.values()], key=lambda episode: (episode.start_ns, episode.end_ns))


def _gap_ns(hit: Hit) -> int:
    return GAP_NS["motion"] if hit.text == STEADY else GAP_NS[hit.kind]


def _continues(episode: Episode, hit: Hit, gap_ns: int) -> bool:
    last = episode.hits[-1]
    is_same = hit.text == last.text if hit.kind == "sound" else hit.kind != "gap" or reason(hit) == reason(last)
    return is_same and hit.start_ns - episode.end_ns <= gap_ns


def within(episodes: Iterable[Episode], start_ns: int, end_ns: int) -> list[Episode]:
    """Return what happened in the window, cut to it; what only grazes it is left out."""
    kept = []
    for episode in episodes:
        first_ns, last_ns = max(episode.start_ns, start_ns), min(episode.end_ns, end_ns)
        if last_ns - first_ns >= min(OVERLAP_NS, episode.length_ns, max(0, end_ns - start_ns)):
            hits = tuple(hit for hit in episode.hits if hit.end_ns >= first_ns and hit.start_ns <= last_ns)
            kept.append(replace(episode, start_ns=first_ns, end_ns=last_ns, hits=hits or episode.hits[:1]))
    return kept


def quiet(episodes: Sequence[Episode], start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """Return the stretches of the window in which nothing of this happened."""
    stretches, at_ns = [], start_ns
    least_ns = min(QUIET_NS, max(0, end_ns - start_ns) // 4)  # in a second, a quarter of it is quiet enough
    for episode in sorted(episodes, key=lambda episode: episode.start_ns):
        if episode.start_ns - at_ns > least_ns:
            stretches.append((at_ns, episode.start_ns))
        at_ns = max(at_ns, episode.end_ns)
    if end_ns - at_ns > least_ns:
        stretches.append((at_ns, end_ns))
    return stretches


def total_ns(episodes: Sequence[Episode]) -> int:
    """Return for how long at least one of them lasted."""
    total, at_ns = 0, None
    for episode in sorted(episodes, key=lambda episode: episode.start_ns):
        start_ns = episode.start_ns if at_ns is None else max(episode.start_ns, at_ns)
        total += max(0, episode.end_ns - start_ns)
        at_ns = episode.end_ns if at_ns is None else max(at_ns, episode.end_ns)
    return total


def cut(spans: Iterable[tuple[int, int]], windows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of the spans that lie in the windows, oldest first, without overlap."""
    parts = sorted((max(a, c), min(b, d)) for c, d in windows for a, b in spans)
    merged: list[tuple[int, int]] = []
    for a, b in parts:
        if b <= a:
            continue
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        else:
            merged.append((a, b))
    return merged
