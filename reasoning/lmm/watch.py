"""One session before one LMM: frames with their times in, a question with quoted lines, and an answer in sentences.

Every sentence comes with what was looked at while it was said, and with how much it relied on that.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reasoning.lmm.alignment import Alignment, Seen
from reasoning.lmm.answer import greedy
from reasoning.lmm.cache import Notes, StreamCache
from reasoning.lmm.chat import Transcript
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.load import Lmm
from reasoning.lmm.redistribute import Redistribution
from reasoning.lmm.reinforce import Reinforcement
from reasoning.lmm.sinks import SinkFinder
from reasoning.lmm.stream import Budget, LmmStream
from reasoning.prompt import Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENTENCE_END = re.compile(
    r"""\S\s+\S.*?(?:[.!?…]+["')\]]*(?=\s)|\n)   # of two words at least: "1. " is none
    |[\u3002\uff01\uff1f]  # the full stops of Chinese and Japanese
    """,
    re.DOTALL | re.VERBOSE,
)
SPARE = 64  # frames that are remembered beyond those that can still be looked at


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
    frames: list[tuple[Shown, Seen]] = field(default_factory=list)  # strongest first
    lines: list[float] = field(default_factory=list)  # each quoted line's share of what was looked at

    @property
    def reliance(self) -> float | None:
        """Return how much it relied on pictures and lines, on average over its tokens."""
        return sum(self.reliances) / len(self.reliances) if self.reliances else None


class Watcher:
    """Shows frames to a model and asks it; not to be used by two threads at once."""

    def __init__(self, lmm: Lmm, budget: Budget, methods: Methods, system: str) -> None:
        """Begin with the words of `system`, which stay whatever leaves the window."""
        self.spoken: list[Spoken] = []  # sentences of the answer that is being given, or was given last
        self.said: list[int] = []  # its tokens
        self._lmm = lmm
        self._methods = methods
        self._system = system
        head, self._tail = lmm.chat.frame(system)
        finder = SinkFinder(lmm.family.text) if methods.look or methods.redistribution is not None else None
        self.stream = LmmStream(lmm.family, budget, finder)
        self.stream.begin(head)
        self._shown: dict[int, Shown] = {}
        self._since_ns: int | None = None

    def see(self, image: NDArray[np.uint8], frame: Shown, label: str) -> int:
        """Look at a picture (H, W, 3) under a label, its time; return how many tokens of it were kept."""
        chat, family = self._lmm.chat, self._lmm.family
        start, end = family.marks
        with torch.inference_mode():
            tokens = family.encode(image, self.stream.budget.frame_tokens)
        self._shown[self.stream.frames] = Shown(
            record_id=frame.record_id, stream=frame.stream, t_ns=frame.t_ns, rows=tokens.rows, columns=tokens.columns
        )
        before, after = [*chat.words(label), *chat.own(start)], chat.own(end)
        kept = self.stream.append_tokens(tokens, camera=frame.stream, before=before, after=after)
        self._forget_old()
        window = self.window()
        self._since_ns = window[0].t_ns if window else None
        return kept

    def count(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self._lmm.chat.words(text))

    @property
    def since_ns(self) -> int | None:
        """Return the time of the oldest frame that the model still sees, as of the last one that was shown."""
        return self._since_ns

    def window(self) -> list[Shown]:
        """Return the frames that the model still sees, oldest first."""
        return [self._shown[block] for block in sorted(self.stream.visible()) if block in self._shown]

    def answer(self, prompt: Prompt, limit: int) -> Generator[str]:
        """Yield the answer's text token by token, "" where one ends no character; at most `limit` tokens.

        Afterwards `spoken` holds its sentences. Closing the iterator, or `stream.cancel`, ends the answer.
        """
        ids, lines = self._tokens(prompt)
        self.spoken, self.said = [], []
        looking = _Looking(self._methods, len(self._lmm.family.text.layers), len(ids), lines)
        transcript = Transcript(self._lmm.chat)
        tokens = self.stream.answer(
            ids,
            limit=limit,
            stops=self._lmm.chat.stops,
            decide=greedy,
            ground=None if self._methods.are_off else looking.ground,
            contrast=self._methods.contrast,
        )
        try:
            for token in tokens:
                self.said.append(token)
                text = transcript.add(token)
                looking.say(text)
                looking.at_token()
                yield text
        finally:
            tokens.close()
            self.spoken = looking.sentences(self._shown)

    def aside(self) -> Watcher:
        """Return one of its own that has seen what this one has, to be shown other things."""
        other = Watcher(self._lmm, self.stream.budget, self._methods, self._system)
        other.stream, other._shown = self.stream.snapshot(), dict(self._shown)
        return other

    def effects(self, prompt: Prompt, frames: Sequence[str], lines: Sequence[int]) -> tuple[list[float], list[float]]:
        """Return how many nats less likely the last answer is without each frame (by record) and each quoted line.

        Occlusion: what is left out is hidden from the question and the answer. Frames that came later have seen it.
        """
        ids, places = self._tokens(prompt)
        numbers = {shown.record_id: block for block, shown in self._shown.items()}

        def hides(notes: Notes) -> list[Tensor]:
            words = torch.zeros(len(ids), dtype=torch.bool)
            masks = [torch.cat((notes.block == numbers.get(one, -2), words)) for one in frames]
            for line in lines:
                hidden = torch.zeros(len(notes) + len(ids), dtype=torch.bool)
                hidden[len(notes) + places[line].start : len(notes) + places[line].stop] = True
                masks.append(hidden)
            return masks

        if not self.said:
            return [0.0] * len(frames), [0.0] * len(lines)
        whole, *without = self.stream.score(ids, self.said, hides)
        lost = [whole - one for one in without]
        return lost[: len(frames)], lost[len(frames) :]

    def _tokens(self, prompt: Prompt) -> tuple[list[int], list[range]]:
        """Return the question's tokens, and where its quoted lines stand among them."""
        ids = self._lmm.chat.words(prompt.intro)
        places = []
        for line in prompt.lines:
            words = self._lmm.chat.words(line + "\n")
            places.append(range(len(ids), len(ids) + len(words)))
            ids += words
        return [*ids, *self._lmm.chat.words(prompt.closing), *self._tail], places

    def _forget_old(self) -> None:
        alive = self.stream.blocks()
        if len(self._shown) > len(alive) + SPARE:
            self._shown = {block: shown for block, shown in self._shown.items() if block in alive}


class _Looking:
    """Follows what an answer looks at, sentence by sentence."""

    def __init__(self, methods: Methods, layers: int, asked: int, lines: Sequence[range]) -> None:
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
        """Return the sentences with what they rest on."""
        grids = {block: (one.rows, one.columns) for block, one in shown.items()}
        for number, sentence in enumerate(self._sentences):
            if alignment := self._alignments.get(number):
                sentence.frames = [(shown[seen.block], seen) for seen in alignment.frames(grids)]
                sentence.lines = alignment.lines()
            sentence.text = " ".join(sentence.text.split())
        return [sentence for sentence in self._sentences if sentence.text]
