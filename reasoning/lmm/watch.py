"""One session before one LMM: frames with their times in, a question with quoted lines, and an answer in sentences.

Every sentence comes with what was looked at while it was said, and with how much it relied on that.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reasoning.lmm.answer import greedy
from reasoning.lmm.cache import Notes
from reasoning.lmm.chat import Transcript
from reasoning.lmm.load import Lmm
from reasoning.lmm.looking import Looking, Methods, Shown, Spoken
from reasoning.lmm.sinks import SinkFinder
from reasoning.lmm.stream import Budget, LmmStream
from reasoning.prompt import Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPARE = 64  # frames that are remembered beyond those that can still be looked at


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
        self._label = ""  # of the newest frame
        self._since_ns: int | None = None

    def see(self, image: NDArray[np.uint8], frame: Shown, label: str) -> int:
        """Look at a picture (H, W, 3) under a label, its time; return how many tokens of it were kept.

        What one label holds for is told it once.
        """
        chat, family = self._lmm.chat, self._lmm.family
        start, end = family.marks
        with torch.inference_mode():
            tokens = family.encode(image, self.stream.budget.frame_tokens)
        block = self.stream.frames
        words = chat.words("" if label == self._label else label)
        before, after = [*words, *chat.own(start)], chat.own(end)
        kept = self.stream.append_tokens(tokens, camera=frame.stream, before=before, after=after)
        if kept:  # else its words went with it
            self._label = label
            self._shown[block] = replace(frame, rows=tokens.rows, columns=tokens.columns)
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
        self.spoken, self.said = [], []  # at once: who never gets to the first token has said nothing
        return self._answer(prompt, limit)

    def _answer(self, prompt: Prompt, limit: int) -> Generator[str]:
        ids, lines = self._tokens(prompt)
        looking = Looking(self._methods, len(self._lmm.family.text.layers), len(ids), lines)
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
        other.stream, other._shown, other._label = self.stream.snapshot(), dict(self._shown), self._label
        return other

    def effects(
        self, prompt: Prompt, frames: Sequence[Collection[str]], lines: Sequence[Sequence[int]]
    ) -> tuple[list[float], list[float]]:
        """Return how many nats less likely the last answer is without some frames (by record) and some quoted lines.

        Occlusion: what is left out together is hidden from question and answer. Frames that came later have seen it.
        """
        ids, places = self._tokens(prompt)
        blocks = [  # a picture that came back may have been shown twice
            [block for block, shown in self._shown.items() if shown.record_id in together] for together in frames
        ]

        def hides(notes: Notes) -> list[Tensor]:
            words = torch.zeros(len(ids), dtype=torch.bool)
            masks = [torch.cat((torch.isin(notes.block, torch.tensor(one, dtype=torch.long)), words)) for one in blocks]
            for together in lines:
                hidden = torch.zeros(len(notes) + len(ids), dtype=torch.bool)
                for line in together:
                    hidden[len(notes) + places[line].start : len(notes) + places[line].stop] = True
                masks.append(hidden)
            return masks

        if not self.said:
            return [0.0] * len(frames), [0.0] * len(lines)
        looking = Looking(self._methods, len(self._lmm.family.text.layers), len(ids), places)
        ground = None if self._methods.are_off else looking.ground
        whole, *without = self.stream.score(ids, self.said, hides, ground)
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
