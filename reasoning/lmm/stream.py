"""One endless stream into one LMM: frames as they come, questions in between, and no trace of a question afterwards.

    begin(words) -> append_frame ... append_text ... -> answer(question) -> tokens, one at a time

What goes in is compressed (drop, merge), what is cached is bounded (the oldest frames leave, the system prompt moves up
behind them), and a question and its answer are forgotten once given, so that they cost nothing later. The model is
shared: a stream holds only its cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reasoning.lmm.answer import Answering, Decide, greedy
from reasoning.lmm.attention import Reading
from reasoning.lmm.blocks import BlockStore
from reasoning.lmm.cache import TEXT, Notes, StreamCache, notes_of_text
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.ingest import Ingest, Piece, in_one
from reasoning.lmm.leaving import last_to_leave
from reasoning.lmm.rotary import Turner
from reasoning.lmm.sinks import SinkFinder
from reasoning.lmm.tworows import read_two_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of a stream is kept; the defaults keep every token of every frame."""

    threshold: float = 2.0  # a token is dropped whose cosine to the last kept one of its place is above
    keep_rate: float = 1.0  # below 1 each camera's threshold is found on its first frames, so that this share is kept
    refresh: int = 32  # frames after which a place is kept again
    frame_tokens: int = 256  # that a tower may give, where it can choose
    dominant: int = 1_000_000  # tokens of a frame that stay as they are
    contextual: int = 10  # into which the others are averaged
    chunk: int = 1  # visual tokens that wait to be read at once; a question never waits for more
    window: int = 1_000_000  # tokens of frames and sound in the cache; beyond that the oldest leave
    recalled: int = 0  # frames that left and come back for a question
    room_bytes: int = 1_000_000_000  # for frames that left
    reach: int = 1_000_000  # positions that the window may span, dropped tokens' too: what lies further back leaves
    far: int = 8192  # positions after which counting begins anew: of large angles float32 is coarse


class LmmStream:
    """The cache of one stream and what goes into it."""

    def __init__(self, family: Family, budget: Budget, sinks: SinkFinder | None = None) -> None:
        """Begin with nothing; `attention.install` must have been called on the model.

        With a finder the cache knows which of its tokens are attention sinks.
        """
        self.position = 0  # of the next token
        self.frames = 0  # seen, and pieces of sound heard
        self.family = family
        self.budget = budget
        self._text = family.text
        layers = len(self._text.layers)
        make_drop = partial(TokenDrop, budget.threshold, budget.refresh, budget.keep_rate)
        self._ingest = Ingest(family, make_drop, budget.dominant, budget.contextual, layers)
        self._pending: list[Piece] = []  # frames that the decoder has not read yet
        turner = Turner(family.text, family.axes)
        self.cache = StreamCache(layers, turner)
        self.store = BlockStore(turner, budget.room_bytes)
        self._spans: dict[int, int] = {}  # positions that each frame in the cache took
        self.prompt: list[int] = []
        self._sinks = sinks
        self.logits: Tensor | None = None  # after the newest token
        self.is_cancelled = False

    @property
    def keep_rate(self) -> float:
        """Return which share of the visual tokens was kept so far."""
        return self._ingest.keep_rate

    @property
    def returning(self) -> int:
        """Return how many frames may come back for a question: they take at most half of the reach."""
        span = max(1, self._spans[max(self._spans)]) if self._spans else 1
        return min(self.budget.recalled, self.budget.reach // 2 // span)

    @torch.inference_mode()
    def begin(self, ids: Sequence[int]) -> None:
        """Read the system prompt: it stays, whatever leaves the window."""
        self.append_text(ids)
        self.prompt = list(ids)
        self.cache.pin(len(self.cache))

    @torch.inference_mode()
    def append_text(self, ids: Sequence[int]) -> None:
        """Read words, after the frames before them."""
        self.flush()
        self.read_text(ids, Reading())

    @torch.inference_mode()
    def append_audio(self, samples: NDArray[np.float32]) -> int:
        """Listen to samples (T,) at 16 kHz and return how many tokens they became. Raises ModelError."""
        self.flush()
        tokens = self.family.listen(samples)
        self._spans[self.frames] = len(tokens)
        self._read_words(tokens, Reading(), self.frames)
        self.frames += 1
        self._forget_oldest()
        self._count_anew()
        return len(tokens)

    @torch.inference_mode()
    def append_frame(self, image: NDArray[np.uint8]) -> int:
        """Look at a picture (H, W, 3) and return how many tokens it became."""
        return self.append_tokens(self.family.encode(image, self.budget.frame_tokens))

    @torch.inference_mode()
    def append_tokens(
        self, frame: FrameTokens, *, camera: str = "", before: Sequence[int] = (), after: Sequence[int] = ()
    ) -> int:
        """Take a picture that is encoded already, compress it and return how many tokens it became.

        It is compared with what its `camera` showed before. The words `before` and `after` it come along unless
        nothing of it is kept.
        """
        pieces, end = self._ingest.step(frame, self.frames, self.position, camera, before, after)
        if pieces:
            self._pending += pieces
            self._spans[self.frames] = end - self.position
        self.frames += 1
        self.position = end
        if sum(len(one.notes) for one in self._pending) >= self.budget.chunk:
            self.flush()
        return sum(int(piece.notes.visual.sum()) for piece in pieces)

    @torch.inference_mode()
    def flush(self) -> None:
        """Let the decoder read the frames that wait: a few at once cost little more than one."""
        self._forget_oldest()  # frames of which nothing was kept took their positions all the same
        if not self._pending:
            return
        piece = in_one(self._pending)
        self._pending.clear()
        if 0 < len(self.cache) == self.cache.pinned:
            self.cache.pin_before(int(piece.notes.position[0]))  # else far from it where all before has left
        extra: dict[str, Any] = {}
        if piece.deepstack:  # features of later layers are added at the same places
            extra["visual_pos_masks"] = piece.notes.visual[None].to(self._device)
            extra["deepstack_visual_embeds"] = list(piece.deepstack)
        self._read(piece.tokens, piece.places, piece.notes, Reading(), **extra)
        self._forget_oldest()
        self._count_anew()

    def answer(
        self,
        ids: Sequence[int],
        *,
        limit: int,
        stops: frozenset[int] = frozenset(),
        decide: Decide = greedy,
        ground: Callable[[StreamCache], Grounding] | None = None,
        contrast: Contrast | None = None,
    ) -> Generator[int]:
        """Yield the answer's tokens, at most `limit`, until one of `stops`; then the question is forgotten.

        Frames that left the window and are like the question come back for it. `ground` says how its rows read the
        cache; a `contrast` needs it. `cancel` ends the answer before its next token, also before the first, and also
        from another thread.
        """
        self.is_cancelled = False
        return Answering(self, decide, ground, contrast).tokens(ids, limit, stops)

    def score(
        self,
        ids: Sequence[int],
        said: Sequence[int],
        hides: Callable[[Notes], Sequence[Tensor]],
        ground: Callable[[StreamCache], Grounding] | None = None,
    ) -> list[float]:
        """Return how likely an answer of tokens is, in nats: with all there is, then with each mask's keys hidden.

        The masks (N,) bool are made of the cache's notes and may go on into the question's own keys; `ground` as when
        it was answered.
        """
        return Answering(self, greedy, ground).score(ids, said, hides)

    def snapshot(self) -> LmmStream:
        """Return a stream of its own that has seen and read what this one has; the model stays shared."""
        self.flush()
        other = LmmStream(self.family, self.budget, self._sinks)
        other.position, other.frames, other.logits = self.position, self.frames, self.logits
        other.prompt, other._spans = self.prompt, dict(self._spans)
        other._ingest = self._ingest.copy()
        other.cache, other.store = self.cache.copy(), self.store.copy()
        return other

    def without_pictures(self) -> LmmStream:
        """Return a stream of its own that has read the system prompt and nothing else."""
        other = LmmStream(self.family, Budget())
        other.begin(self.prompt)
        return other

    def cancel(self) -> None:
        """End the answer that is being given."""
        self.is_cancelled = True

    def read_text(self, ids: Sequence[int], reading: Reading) -> Tensor | None:
        """Read words as `reading` says and return what the decoder makes of each, (N, C)."""
        if not ids:
            return None
        return self._read_words(self.family.embed(torch.tensor(ids, device=self._device)), reading)

    def read_beside(self, ids: Sequence[int], reading: Reading) -> None:
        """Read words twice at once, once without pictures, and forget them: the reading's grounding has its heads."""
        reading.log_size = self._log_size(self._notes_of(len(ids)), reading.hidden)
        tokens = self.family.embed(torch.tensor(ids, device=self._device))
        places = torch.arange(self.position, self.position + len(ids), device=self._device)
        read_two_rows(self._text, self.cache, tokens, places.expand(self.family.axes, -1), reading)

    def _read_words(self, tokens: Tensor, reading: Reading, block: int = TEXT) -> Tensor:
        """Read tokens (N, C) that stand one after the other: words, or sound, which is a block as frames are."""
        notes = self._notes_of(len(tokens))
        notes = replace(notes, block=torch.full_like(notes.block, block))
        states = self._read(tokens, notes.position.expand(self.family.axes, -1), notes, reading)
        self.position += len(tokens)
        return states

    def _read(self, tokens: Tensor, places: Tensor, notes: Notes, reading: Reading, **extra: Any) -> Tensor:
        """Run the decoder over tokens (N, C) at positions (axes, N), note what it has cached, return its states."""
        reading.log_size = self._log_size(notes, reading.hidden)
        places = places.to(self._device)
        with self._sinks.watch() if self._sinks is not None else nullcontext():
            step = self._text(
                inputs_embeds=tokens[None],
                position_ids=places[:, None] if self.family.axes == 3 else places,
                past_key_values=self.cache.kv,
                reading=reading,
                **extra,
            )
        if self._sinks is not None:
            notes = replace(notes, sinks=self._sinks.sinks().T.cpu())
        self.cache.note(notes)
        states: Tensor = step.last_hidden_state[0]
        self.logits = self.family.head(states[-1])
        return states

    def _notes_of(self, count: int) -> Notes:
        return notes_of_text(count, self.position, len(self.cache.layers))

    def _log_size(self, notes: Notes, hidden: Tensor | None) -> Tensor | None:
        """Return the log sizes of what is cached and of what comes, None where every token is one.

        What is hidden counts for nothing.
        """
        sizes = torch.cat((self.cache.notes.log_size, notes.log_size))
        if hidden is not None:
            sizes[: len(hidden)] = sizes[: len(hidden)].masked_fill(hidden[: len(sizes)], -math.inf)
        return sizes.to(self._device) if bool(sizes.any()) else None

    def _forget_oldest(self) -> None:
        """Let the oldest frames leave until the window fits, in tokens and in positions; the prompt closes up."""
        notes, budget = self.cache.notes, self.budget
        if not self._spans:
            return
        newest = max(self._spans)  # it may still wait to be read
        room = budget.reach - len(self.prompt) - self.returning * self._spans[newest]  # what comes back fits in too
        last = last_to_leave(notes, newest, budget.window, self.position - room)
        if last is None:
            return
        is_gone = (notes.block != TEXT) & (notes.block <= last)
        end = int(is_gone.nonzero()[-1]) + 1
        leaving = notes.block[is_gone].unique().tolist()
        is_gone[self.cache.pinned : end] = True  # words between frames that leave are old as well
        for number in leaving:
            span = self._spans.pop(number)
            if budget.recalled:
                self.store.add(self.cache.take(number, span))
        self.cache.forget(is_gone)
        self.close_up()

    def _count_anew(self) -> None:
        """Move everything back to low positions once they are far: only differences between them count."""
        pinned = self.cache.pinned
        if self.position < self.budget.far or len(self.cache) == pinned:
            return
        shift = pinned - int(self.cache.notes.position[pinned])
        self.cache.move(slice(pinned, len(self.cache)), shift)
        self.position += shift
        self.close_up()

    def close_up(self) -> None:
        """Let the prompt end where the window begins."""
        if len(self.cache) > self.cache.pinned:
            self.cache.pin_before(int(self.cache.notes.position[self.cache.pinned]))

    def blocks(self) -> frozenset[int]:
        """Return the numbers of the frames and sounds that can still be looked at or found again."""
        return self.visible() | self.store.numbers

    def visible(self) -> frozenset[int]:
        """Return the numbers of the frames and sounds that are in the window."""
        waiting = [int(piece.notes.block[0]) for piece in self._pending]
        return frozenset((*self.cache.notes.block.unique().tolist(), *waiting)) - {TEXT}

    @property
    def _device(self) -> torch.device:
        return self._text.get_input_embeddings().weight.device  # type: ignore[no-any-return]
