"""An answer while it is said: its sentences, what each of them looked at, and how much it relied on that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from reasoning.lmm.alignment import Alignment, Seen
from reasoning.lmm.cache import Notes, StreamCache
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement

SENTENCE_END = re.compile(
    r"""\S\s+\S.*?(?:[.!?…]+["')\]]*(?=\s)|\n)   # of two words at least: "1. " is none
    |[\u3002\uff01\uff1f]  # the full stops of Chinese and Japanese
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods:
    """What helps an answer to stay with what is there; with nothing it is the stock model, bit for bit."""

    look: bool = True  # at what every sentence rests on; off, attention is stock and nothing is known of it
    redistribution: Redistribution | None = None
    reinforcement: Reinforcement | None = None
    contrast: Contrast | None = None

    @property
    def are_off(self) -> bool:
        """Whether attention is stock."""
        return not self.look and self.redistribution is None and self.reinforcement is None and self.contrast is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A frame that was shown: where it came from, and its grid."""

    record_id: str
    stream: str
    t_ns: int
    rows: int = 0
    columns: int = 0


@dataclass(slots=True, kw_only=True)
class Spoken:
    """A sentence, and what it rests on."""

    text: str = ""
    reliances: list[float] = field(default_factory=list)  # of its tokens
    frames: list[tuple[Shown, Seen]] = field(default_factory=list)  # all there were, strongest first
    unseen: list[Shown] = field(default_factory=list)  # frames that were kept and were not there to look at
    lines: list[float] = field(default_factory=list)  # each quoted line's share of what was looked at
    pieces: int = 0  # frames and lines that there were to look at

    @property
    def reliance(self) -> float | None:
        """Return how much it relied on pictures and lines, on average over its tokens."""
        return sum(self.reliances) / len(self.reliances) if self.reliances else None


class Looking:
    """Follows what an answer looks at, sentence by sentence."""

    def __init__(self, methods: Methods, layers: int, asked: int, lines: Sequence[range]) -> None:
        """Follow a question of `asked` tokens, in which quoted lines stand at some places."""
        self._methods = methods
        self._layers = layers
        self._lines = lines
        self._quoted = torch.zeros(asked, dtype=torch.bool)
        for line in lines:
            self._quoted[line.start : line.stop] = True
        self._grounding: Grounding | None = None
        self._notes: Notes | None = None
        self._sentences = [Spoken()]
        self._alignments: dict[int, Alignment] = {}  # by the number of the sentence

    def ground(self, cache: StreamCache) -> Grounding:
        """Return how the answer's rows read the cache."""
        self._notes = cache.notes
        device = cache.layers[0].pair[0].device
        rule = self._methods.redistribution
        self._grounding = Grounding(
            visual=cache.notes.visual.to(device),
            layers=self._layers,
            quoted=self._quoted,
            sinks=cache.notes.sinks.T.to(device) if rule is not None else None,
            redistribution=rule,
            reinforcement=self._methods.reinforcement,
        )
        return self._grounding

    def say(self, text: str) -> None:
        """Note the newest text: it may end sentences."""
        text = self._sentences[-1].text + text
        while end := SENTENCE_END.search(text):
            self._sentences[-1].text, text = text[: end.end()], text[end.end() :]
            self._sentences.append(Spoken())
        self._sentences[-1].text = text

    def at_token(self) -> None:
        """Note what the newest token looked at: it belongs to the sentence in which its text ends."""
        if self._notes is None or self._grounding is None or not self._grounding.looks:
            return
        number = len(self._sentences) - 1
        alignment = self._alignments.setdefault(number, Alignment(self._notes, self._lines))
        alignment.add(self._grounding)
        self._sentences[-1].reliances.append(self._grounding.reliance())

    def sentences(self, shown: dict[int, Shown]) -> list[Spoken]:
        """Return the sentences with what they rest on; `shown` are the frames of which something was kept."""
        grids = {block: (one.rows, one.columns) for block, one in shown.items()}
        for number, sentence in enumerate(self._sentences):
            if alignment := self._alignments.get(number):
                seen = {one.block: one for one in alignment.frames(grids)}
                sentence.frames = [(shown[block], one) for block, one in seen.items()]
                sentence.unseen = [one for block, one in shown.items() if block not in seen]
                sentence.lines = alignment.lines()
                sentence.pieces = alignment.pieces
            sentence.text = " ".join(sentence.text.split())
        return [sentence for sentence in self._sentences if sentence.text]
