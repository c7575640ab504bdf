"""An answer while it is being written: a sentence counts as supported exactly when evidence was given with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reasoning.episodes import Episode
from reasoning.timepoints import S_NS
from reasoning.wording import Clock, plain
from runtime.messages import Evidence, Sensor, Sentence

EVIDENCE_MAX = 8
SENSORS: dict[str, Sensor] = {"utterance": "audio", "sound": "audio", "motion": "video", "frame": "video"}


@dataclass(slots=True)
class Draft:
    """Sentences so far, and what they rest on in the order of mention."""

    clock: Clock
    streams: Mapping[str, Sensor]
    blind: Mapping[str, str]  # stream -> why it sees or hears nothing
    sentences: list[Sentence] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    abstained: bool = False
    start_ns: int = -(2**63)  # evidence is cut to the window that was asked about
    end_ns: int = 2**63

    def state(self, text: str, evidence: Sequence[Evidence]) -> None:
        """Add a fact and what it rests on."""
        self.sentences.append(Sentence(text=text, supported=bool(evidence)))
        self.evidence += [item for item in evidence if item not in self.evidence]
        del self.evidence[EVIDENCE_MAX:]

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
        """Return one row of evidence per episode."""
        return [self._row(episode) for episode in episodes if episode.hits]

    def _row(self, episode: Episode) -> Evidence:
        first = episode.hits[0]
        largest = max(episode.hits, key=lambda hit: hit.level)
        return Evidence(
            clip_id=first.clip_id,
            record_id=first.record_id,
            stream=first.stream,
            kind=episode.kind,
            start_s=self._cut_s(episode.start_ns),
            end_s=self._cut_s(episode.end_ns),
            box=largest.box,
            score=round(max(episode.score, first.score), 3),
            text=episode.words if episode.kind == "utterance" else first.text,
        )

    def watched(self, sensors: Iterable[Sensor], start_ns: int, end_ns: int, text: str) -> list[Evidence]:
        """Return the working streams of these senses as evidence that nothing happened in a stretch of time."""
        return [
            Evidence(
                clip_id="",
                record_id="",
                stream=stream,
                kind="watermark",
                start_s=self._cut_s(start_ns),
                end_s=self._cut_s(end_ns),
                box=None,
                score=1.0,
                text=text,
            )
            for stream in self.working(sensors)
        ]

    def working(self, sensors: Iterable[Sensor]) -> list[str]:
        """Return the streams of these senses that are not blind."""
        wanted = set(sensors)
        return sorted(name for name, sensor in self.streams.items() if sensor in wanted and name not in self.blind)

    def why_senseless(self, sensors: Iterable[Sensor]) -> str:
        """Return the sentence that says why nothing can be said about these senses, "" where one of them works."""
        wanted = set(sensors)
        if self.working(wanted):
            return ""
        if any(sensor in wanted for sensor in self.streams.values()):
            return f"I cannot tell. {self.blindness(wanted)}"
        if wanted == {"audio"}:
            return "I cannot tell: there is no sound here, neither a microphone nor a sound track."
        if wanted == {"video"}:
            return "I cannot tell: there is no picture here, neither a camera nor a video track."
        return "I cannot tell: no camera and no microphone is running."

    def blindness(self, sensors: Iterable[Sensor]) -> str:
        """Return a sentence that names the blind streams of these senses, "" where there are none."""
        wanted = set(sensors)
        named = [
            f"{'Camera' if self.streams[name] == 'video' else 'Microphone'} {plain(name)!r} is blind: {plain(reason)}."
            for name, reason in sorted(self.blind.items())
            if name in self.streams and self.streams[name] in wanted
        ]
        return " ".join(named)

    def _cut_s(self, t_ns: int) -> float:
        """Return seconds since the session's start, inside the window."""
        return round((min(max(t_ns, self.start_ns), self.end_ns) - self.clock.origin_ns) / S_NS, 3)
