"""An answer while it is being written: a sentence counts as supported exactly when evidence was given with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from reasoning.episodes import Episode
from reasoning.timepoints import S_NS
from reasoning.wording import Clock
from runtime.messages import Evidence, Sensor, Sentence

EVIDENCE_MAX = 8
OPEN = {"motion": "something is moving", "utterance": "somebody is speaking"}
SENSORS: dict[str, Sensor] = {
    "utterance": "audio",
    "sound": "audio",
    "motion": "video",
    "frame": "video",
    "gap": "video",
    "detection": "radar",
}


@dataclass(slots=True)
class Draft:
    """Sentences so far, and what they rest on in the order of mention."""

    clock: Clock
    sentences: list[Sentence] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    abstained: bool = False
    start_ns: int = -(2**63)  # evidence is cut to the window that was asked about
    end_ns: int = 2**63

    def state(self, text: str, evidence: Sequence[Evidence]) -> None:
        """Add a fact and what it rests on."""
        self.evidence += [item for item in evidence if item not in self.evidence]
        del self.evidence[EVIDENCE_MAX:]
        rests_on = tuple(place for place, item in enumerate(self.evidence) if item in evidence)
        self.sentences.append(Sentence(text=text, supported=bool(evidence), rests_on=rests_on))

    def remark(self, text: str) -> None:
        """Add a sentence about what cannot be said; an empty one is none, and none is said twice."""
        if text and not any(text in sentence.text for sentence in self.sentences):
            self.sentences.append(Sentence(text=text, supported=False))

    def abstain(self, *texts: str) -> None:
        """Give up: say why, and what there is instead."""
        self.abstained = True
        for text in texts:
            self.remark(text)

    def rows(self, episodes: Iterable[Episode]) -> list[Evidence]:
        """Return one row of evidence per episode, and one for what no record tells of yet."""
        return [row for episode in episodes for row in self._rows(episode)]

    def _rows(self, episode: Episode) -> list[Evidence]:
        recorded = tuple(hit for hit in episode.hits if hit.record_id)
        rows = []
        if recorded:
            end_ns = max(hit.end_ns for hit in recorded) if episode.is_open else episode.end_ns
            rows.append(self._row(replace(episode, end_ns=min(end_ns, episode.end_ns), hits=recorded)))
        for hit in episode.hits:
            if not hit.record_id:
                rows.append(self._row(replace(episode, start_ns=hit.start_ns, end_ns=hit.end_ns, hits=(hit,))))
        return rows

    def _row(self, episode: Episode) -> Evidence:
        first = episode.hits[0]
        return Evidence(
            clip_id=first.clip_id,
            record_id=first.record_id,
            stream=first.stream,
            kind=episode.kind,
            start_s=self._cut_s(episode.start_ns),
            end_s=self._cut_s(episode.end_ns),
            box=episode.box,
            score=round(max(episode.score, first.score), 3),
            text=unquoted(OPEN.get(episode.kind, episode.told) if episode.is_open else episode.told),
        )

    def watched(self, names: Iterable[str], start_ns: int, end_ns: int, text: str) -> list[Evidence]:
        """Return the streams that watched as evidence of what did not happen in a stretch of time."""
        return [
            Evidence(
                clip_id="",
                record_id="",
                stream=name,
                kind="watermark",
                start_s=self._cut_s(start_ns),
                end_s=self._cut_s(end_ns),
                box=None,
                score=1.0,
                text=unquoted(text),
            )
            for name in names
        ]

    def _cut_s(self, t_ns: int) -> float:
        """Return seconds since the session's start, inside the window."""
        return round((min(max(t_ns, self.start_ns), self.end_ns) - self.clock.origin_ns) / S_NS, 3)


def unquoted(text: str) -> str:
    """Return text that stays readable inside quotation marks: its own become single ones."""
    return re.sub('["“”„«»]', "'", text)
