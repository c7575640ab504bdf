"""One endless stream into one LMM: frames as they come, questions in between, and no trace of a question afterwards.

    begin(words) -> append_frame ... append_text ... -> answer(question) -> tokens, one at a time

What goes in is compressed (drop, merge), what is cached is bounded (the oldest frames leave, the system prompt moves up
behind them), and a question and its answer are forgotten once given, so that they cost nothing later. The model is
shared: a stream holds only its cache.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reasoning.lmm.attention import Reading
from reasoning.lmm.blocks import BlockStore
from reasoning.lmm.cache import Notes, StreamCache, notes_of_text
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.ingest import Ingest, Piece, in_one
from reasoning.lmm.rotary import Turner
from reasoning.lmm.sinks import SinkFinder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Decide = Callable[[Tensor], int]  # logits (V,) -> the next token


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of a stream is kept; the defaults keep every token of every frame."""

    threshold: float = 2.0  # a token is dropped whose cosine to the last kept one of its place is above
    refresh: int = 32  # frames after which a place is kept again
    frame_tokens: int = 256  # that a tower may give, where it can choose
    dominant: int = 1_000_000  # tokens of a frame that stay as they are
    contextual: int = 10  # into which the others are averaged
    chunk: int = 1  # visual tokens that wait to be read at once; a question never waits for more
    window: int = 1_000_000  # visual tokens in the cache; beyond that the oldest frame leaves
    recalled: int = 0  # frames that left and come back for a question
    room_bytes: int = 1_000_000_000  # for frames that left


def greedy(logits: Tensor) -> int:
    """Return the likeliest token."""
    return int(logits.argmax())


class LmmStream:
    """The cache of one stream and what goes into it."""

    def __init__(self, family: Family, budget: Budget, sinks: SinkFinder | None = None) -> None:
        """Begin with nothing; `attention.install` must have been called on the model.

        With a finder the cache knows which of its tokens are attention sinks.
        """
        self.position = 0  # of the next token
        self.frames = 0  # seen
        self._family = family
        self._budget = budget
        self._text = family.text
        layers = len(self._text.layers)
        drop = TokenDrop(budget.threshold, budget.refresh)
        self._ingest = Ingest(family, drop, budget.dominant, budget.contextual, layers)
        self._pending: list[Piece] = []  # frames that the decoder has not read yet
        turner = Turner(family.text, family.axes)
        self.cache = StreamCache(layers, turner)
        self.store = BlockStore(turner, budget.room_bytes)
        self._spans: dict[int, int] = {}  # positions that each frame in the cache took
        self._prompt: list[int] = []
        self._blank: LmmStream | None = None  # the same words without the pictures, once a contrast wants them
        self._sinks = sinks
        self._logits: Tensor | None = None  # after the newest token
        self._cancelled = False

    @property
    def keep_rate(self) -> float:
        """Return which share of the visual tokens was kept so far."""
        return self._ingest.drop.keep_rate

    @torch.inference_mode()
    def begin(self, ids: Sequence[int]) -> None:
        """Read the system prompt: it stays, whatever leaves the window."""
        self.append_text(ids)
        self._prompt = list(ids)
        self.cache.pin(len(self.cache))

    @torch.inference_mode()
    def append_text(self, ids: Sequence[int]) -> None:
        """Read words, after the frames before them."""
        self._flush()
        self._read_text(ids, None)

    @torch.inference_mode()
    def append_audio(self, samples: NDArray[np.float32]) -> int:
        """Listen to samples (T,) at 16 kHz and return how many tokens they became. Raises ModelError."""
        self._flush()
        tokens = self._family.listen(samples)
        self._read_words(tokens, Reading())
        return len(tokens)

    @torch.inference_mode()
    def append_frame(self, image: NDArray[np.uint8]) -> int:
        """Look at a picture (H, W, 3) and return how many tokens it became."""
        return self.append_tokens(self._family.encode(image, self._budget.frame_tokens))

    @torch.inference_mode()
    def append_tokens(self, frame: FrameTokens) -> int:
        """Take a picture that is encoded already, compress it and return how many tokens it became."""
        piece = self._ingest.step(frame, self.frames, self.position)
        _, after = self._family.positions(frame, self.position)
        if len(piece.notes):
            self._pending.append(piece)
            self._spans[self.frames] = after - self.position
        self.frames += 1
        self.position = after
        if sum(len(one.notes) for one in self._pending) >= self._budget.chunk:
            self._flush()
        return len(piece.notes)

    @torch.inference_mode()
    def _flush(self) -> None:
        """Let the decoder read the frames that wait: a few at once cost little more than one."""
        if not self._pending:
            return
        piece = in_one(self._pending)
        self._pending.clear()
        extra: dict[str, Any] = {}
        if piece.deepstack:  # features of later layers are added at the same places
            extra["visual_pos_masks"] = torch.ones(1, len(piece.notes), dtype=torch.bool)
            extra["deepstack_visual_embeds"] = list(piece.deepstack)
        self._read(piece.tokens, piece.places, piece.notes, Reading(), **extra)
        self._forget_oldest()

    def answer(
        self,
        ids: Sequence[int],
        *,
        limit: int,
        stops: frozenset[int] = frozenset(),
        decide: Decide = greedy,
        ground: Callable[[StreamCache], Grounding] | None = None,
        contrast: Contrast | None = None,
    ) -> Iterator[int]:
        """Yield the answer's tokens, at most `limit`, until one of `stops`; then the question is forgotten.

        Frames that left the window and are like the question come back for it. `ground` says how its rows read the
        cache; a `contrast` needs it. `cancel` ends the answer before its next token, also before the first, and also
        from another thread.
        """
        self._cancelled = False
        return self._answer(ids, limit, stops, decide, ground, contrast)

    @torch.inference_mode()
    def _answer(
        self,
        ids: Sequence[int],
        limit: int,
        stops: frozenset[int],
        decide: Decide,
        ground: Callable[[StreamCache], Grounding] | None,
        contrast: Contrast | None,
    ) -> Iterator[int]:
        self._flush()
        length, position, logits = len(self.cache), self.position, self._logits
        recalled = 0
        blank: list[int] = list(ids)  # what the branch without pictures has not read yet
        try:
            recalled = self._recall(ids)
            grounding = ground(self.cache) if ground is not None else None
            self._read_text(ids, grounding)
            for _ in range(limit):
                if self._cancelled:
                    return
                assert self._logits is not None
                seen = self._logits
                if contrast is not None and grounding is not None and contrast.is_needed(seen, grounding.reliance()):
                    seen = contrast.apply(seen, self._without_pictures(blank))
                    blank = []
                token = decide(seen)
                if token in stops:
                    return
                yield token
                blank.append(token)
                self._read_text([token], grounding)
        finally:
            self.cache.rewind(length + recalled)
            self._send_back(recalled)
            self.position, self._logits = position, logits
            if self._blank is not None:
                self._blank.cache.rewind(len(self._prompt))
                self._blank.position = len(self._prompt)

    def snapshot(self) -> LmmStream:
        """Return a stream of its own that has seen and read what this one has; the model stays shared."""
        self._flush()
        other = LmmStream(self._family, self._budget, self._sinks)
        other.position, other.frames, other._logits = self.position, self.frames, self._logits
        other._prompt, other._spans = self._prompt, dict(self._spans)
        other._ingest.drop = copy.deepcopy(self._ingest.drop)
        other.cache, other.store = self.cache.copy(), self.store.copy()
        return other

    def cancel(self) -> None:
        """End the answer that is being given."""
        self._cancelled = True

    def _recall(self, ids: Sequence[int]) -> int:
        """Bring frames back that are like the question; return how many tokens they have."""
        if not len(self.store) or not self._budget.recalled or not ids:
            return 0
        length, position = len(self.cache), self.position
        queries: dict[int, Tensor] = {}
        self._read_text(ids, None, queries)
        self.cache.rewind(length)
        self.position = position
        blocks = self.store.choose(queries, torch.arange(position, position + len(ids)), self._budget.recalled)
        pinned = self.cache.pinned
        window = int(self.cache.notes.position[pinned]) if length > pinned else position
        start = window - sum(block.span for block in blocks)
        self.cache.insert(pinned, blocks, start)
        self.cache.pin_before(start)
        return sum(len(block.notes) for block in blocks)

    def _send_back(self, recalled: int) -> None:
        """Take the frames that came back out again."""
        if not recalled:
            return
        gone = torch.zeros(len(self.cache), dtype=torch.bool)
        gone[self.cache.pinned : self.cache.pinned + recalled] = True
        self.cache.forget(gone)
        self._close_up()

    def _without_pictures(self, ids: Sequence[int]) -> Tensor:
        """Read on in the branch that has the same words and no pictures, and return what it would say next."""
        if self._blank is None:
            self._blank = LmmStream(self._family, Budget())
            self._blank.begin(self._prompt)
        self._blank.append_text(ids)
        assert self._blank._logits is not None
        return self._blank._logits

    def _read_text(
        self, ids: Sequence[int], grounding: Grounding | None, queries: dict[int, Tensor] | None = None
    ) -> None:
        if not ids:
            return
        tokens = self._family.embed(torch.tensor(ids, device=self._device))
        self._read_words(tokens, Reading(grounding=grounding, queries=queries))

    def _read_words(self, tokens: Tensor, reading: Reading) -> None:
        """Read tokens (N, C) that stand one after the other: words, or sound."""
        notes = notes_of_text(len(tokens), self.position, len(self.cache.layers))
        self._read(tokens, notes.position.expand(self._family.axes, -1), notes, reading)
        self.position += len(tokens)

    def _read(self, tokens: Tensor, places: Tensor, notes: Notes, reading: Reading, **extra: Any) -> None:
        """Run the decoder over tokens (N, C) at positions (axes, N) and note what it has cached."""
        reading.log_size = self._log_size(notes)
        places = places.to(self._device)
        with self._sinks.watch() if self._sinks is not None else nullcontext():
            step = self._text(
                inputs_embeds=tokens[None],
                position_ids=places[:, None] if self._family.axes == 3 else places,
                past_key_values=self.cache.kv,
                reading=reading,
                **extra,
            )
        if self._sinks is not None:
            notes = replace(notes, sinks=self._sinks.sinks().T.cpu())
        self.cache.note(notes)
        self._logits = self._family.head(step.last_hidden_state[0, -1])

    def _log_size(self, notes: Notes) -> Tensor | None:
        """Return the log sizes of what is cached and of what comes, None where every token is one."""
        sizes = torch.cat((self.cache.notes.log_size, notes.log_size))
        return sizes.to(self._device) if bool(sizes.any()) else None

    def _forget_oldest(self) -> None:
        """Let the oldest frames leave until the window fits; the system prompt closes up."""
        notes = self.cache.notes
        over = int(notes.visual.sum()) - self._budget.window
        if over <= 0:
            return
        blocks, sizes = notes.block[notes.visual].unique(return_counts=True)
        count = int((sizes.cumsum(0) < over).sum()) + 1
        last = min(int(blocks[count - 1]), int(blocks[-1]) - 1)  # the newest frame stays, however large
        is_gone = notes.visual & (notes.block <= last)
        if not is_gone.any():
            return
        end = int(is_gone.nonzero()[-1]) + 1
        is_gone[self.cache.pinned : end] = True  # words between frames that leave are old as well
        for number in blocks[blocks <= last].tolist():
            span = self._spans.pop(number)
            if self._budget.recalled:
                self.store.add(self.cache.take(number, span))
        self.cache.forget(is_gone)
        self._close_up()

    def _close_up(self) -> None:
        """Let the prompt end where the window begins."""
        if len(self.cache) > self.cache.pinned:
            self.cache.pin_before(int(self.cache.notes.position[self.cache.pinned]))

    @property
    def _device(self) -> torch.device:
        return self._text.get_input_embeddings().weight.device  # type: ignore[no-any-return]
