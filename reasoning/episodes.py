"""Records -> what happened: pieces of one movement or one turn of speech become one episode.

Perception sends a long movement as pieces that touch, and cuts speech at short pauses; people count neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reasoning.plan import CUT_TEXT
from reasoning.timepoints import S_NS
from reasoning.wording import place
from runtime.messages import Box, Hit

# The longest pause inside one episode; scene changes are moments and never merge.
GAP_NS = {"motion": S_NS, "utterance": 700_000_000, "sound": 100_000_000, "frame": -1, "gap": 0}
OVERLAP_NS = 200_000_000  # what reaches into a window by less may be a border's error
QUIET_NS = 500_000_000  # a shorter pause is no quiet
NO_WORDS = "speech without recognised words"  # how memory describes an utterance that gave no text
PLACES_MAX = 3


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
    def boxes(self) -> tuple[Box, ...]:
        """Where it was, over time."""
        return tuple(hit.box for hit in self.hits if hit.box is not None)

    @property
    def places(self) -> tuple[str, ...]:
        """The places in the picture that it went through, in order."""
        return tuple(dict.fromkeys(place(box) for box in self.boxes))[:PLACES_MAX]


def gather(hits: Iterable[Hit], kind: str, gap_ns: int | None = None) -> list[Episode]:
    """Return the episodes of one kind, oldest first; each stream by itself, `gap_ns` replaces the kind's own gap."""
    gap_ns = GAP_NS[kind] if gap_ns is None else gap_ns
    last: dict[str, Episode] = {}
    done: list[Episode] = []
    for hit in sorted(hits, key=lambda hit: (hit.start_ns, hit.end_ns, hit.record_id)):
        if hit.kind != kind or (kind == "frame" and not hit.text.startswith(CUT_TEXT)):
            continue
        end_ns = max(hit.start_ns, hit.end_ns)
        before = last.get(hit.stream)
        if before is not None and _continues(before, hit, gap_ns):
            before = replace(before, end_ns=max(before.end_ns, end_ns), hits=(*before.hits, hit))
            last[hit.stream] = before
            continue
        if before is not None:
            done.append(before)
        last[hit.stream] = Episode(kind=kind, start_ns=hit.start_ns, end_ns=end_ns, hits=(hit,), score=hit.score)
    return sorted([*done, *last.values()], key=lambda episode: (episode.start_ns, episode.end_ns))


def _continues(episode: Episode, hit: Hit, gap_ns: int) -> bool:
    is_same = hit.kind != "sound" or hit.text == episode.hits[-1].text
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
    for episode in sorted(episodes, key=lambda episode: episode.start_ns):
        if episode.start_ns - at_ns >= QUIET_NS:
            stretches.append((at_ns, episode.start_ns))
        at_ns = max(at_ns, episode.end_ns)
    if end_ns - at_ns >= QUIET_NS:
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
