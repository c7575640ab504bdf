"""One endless stream into one LMM: frames as they come, questions in between, and no trace of a question afterwards.

    begin(words) -> append_frame ... append_text ... -> answer(question) -> tokens, one at a time

What goes in is compressed (drop, merge), what is cached is bounded (the oldest frames leave, the system prompt moves up
behind them), and a question and its answer are forgotten once given, so that they cost nothing later. The model is
shared: a stream holds only its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reasoning.lmm.attention import Reading
from reasoning.lmm.cache import Notes, StreamCache, notes_of_text
from reasoning.lmm.drop import TokenDrop
from reasoning.lmm.families import Family, FrameTokens
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.merge import merge
from reasoning.lmm.rotary import Turner

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
    window: int = 1_000_000  # visual tokens in the cache; beyond that the oldest frame leaves


def greedy(logits: Tensor) -> int:
    """Return the likeliest token."""
    return int(logits.argmax())


class LmmStream:
    """The cache of one stream and what goes into it."""

    def __init__(self, family: Family, budget: Budget) -> None:
        """Begin with nothing; `attention.install` must have been called on the model."""
        self.position = 0  # of the next token
        self.frames = 0  # seen
        self._family = family
        self._budget = budget
        self._text = family.text
        self._drop = TokenDrop(budget.threshold, budget.refresh)
        self.cache = StreamCache(len(self._text.layers), Turner(family.text, family.axes))
        self._logits: Tensor | None = None  # after the newest token
        self._cancelled = False

    @property
    def keep_rate(self) -> float:
        """Return which share of the visual tokens was kept so far."""
        return self._drop.keep_rate

    @torch.inference_mode()
    def begin(self, ids: Sequence[int]) -> None:
        """Read the system prompt: it stays, whatever leaves the window."""
        self.append_text(ids)
        self.cache.pin(len(self.cache))

    @torch.inference_mode()
    def append_text(self, ids: Sequence[int]) -> None:
        """Read words."""
        self._read_text(ids, None)

    @torch.inference_mode()
    def append_frame(self, image: NDArray[np.uint8]) -> int:
        """Look at a picture (H, W, 3) and return how many of its tokens were kept."""
        return self.append_tokens(self._family.encode(image, self._budget.frame_tokens))

    @torch.inference_mode()
    def append_tokens(self, frame: FrameTokens) -> int:
        """Take a picture that is encoded already, compress it and return how many of its tokens were kept."""
        novelty = 1 - self._drop.likeness(frame.tokens)
        kept = self._drop.step(frame.tokens).nonzero().squeeze(-1)
        places, after = self._family.positions(frame, self.position)
        if len(kept):
            merged = merge(frame.tokens[kept], novelty[kept], self._budget.dominant, self._budget.contextual)
            index = kept[merged.index]  # a merged token stands at its target's place
            notes = Notes(
                visual=torch.ones(len(index), dtype=torch.bool),
                log_size=merged.size.float().log(),
                block=torch.full((len(index),), self.frames),
                place=index.cpu(),
                position=places[0, index.cpu()],
            )
            extra: dict[str, Any] = {}
            if frame.deepstack:  # features of later layers are added at the same places
                extra["visual_pos_masks"] = torch.ones(1, len(index), dtype=torch.bool)
                extra["deepstack_visual_embeds"] = [self._merged(one[kept], merged.owner) for one in frame.deepstack]
            self._read(merged.tokens, places[:, index.cpu()], notes, None, **extra)
        self.frames += 1
        self.position = after
        self._forget_oldest()
        return len(kept)

    @torch.inference_mode()
    def answer(
        self,
        ids: Sequence[int],
        *,
        limit: int,
        stops: frozenset[int] = frozenset(),
        decide: Decide = greedy,
        ground: Callable[[StreamCache], Grounding] | None = None,
    ) -> Iterator[int]:
        """Yield the answer's tokens, at most `limit`, until one of `stops`; then the question is forgotten.

        `cancel` ends it before the next token, also from another thread.
        """
        length, position, logits = len(self.cache), self.position, self._logits
        grounding = ground(self.cache) if ground is not None else None
        self._cancelled = False
        try:
            self._read_text(ids, grounding)
            for _ in range(limit):
                if self._cancelled:
                    return
                assert self._logits is not None
                token = decide(self._logits)
                if token in stops:
                    return
                yield token
                self._read_text([token], grounding)
        finally:
            self.cache.rewind(length)
            self.position, self._logits = position, logits

    def cancel(self) -> None:
        """End the answer that is being given."""
        self._cancelled = True

    def _read_text(self, ids: Sequence[int], grounding: Grounding | None) -> None:
        if not ids:
            return
        tokens = self._family.embed(torch.tensor(ids, device=self._device))
        notes = notes_of_text(len(ids), self.position)
        self._read(tokens, notes.position.expand(self._family.axes, -1), notes, grounding)
        self.position += len(ids)

    def _read(self, tokens: Tensor, places: Tensor, notes: Notes, grounding: Grounding | None, **extra: Any) -> None:
        """Run the decoder over tokens (N, C) at positions (axes, N) and note what it has cached."""
        reading = Reading(log_size=self._log_size(notes), grounding=grounding)
        places = places.to(self._device)
        step = self._text(
            inputs_embeds=tokens[None],
            position_ids=places[:, None] if self._family.axes == 3 else places,
            past_key_values=self.cache.kv,
            reading=reading,
            **extra,
        )
        self.cache.note(notes)
        self._logits = self._family.head(step.last_hidden_state[0, -1])

    def _log_size(self, notes: Notes) -> Tensor | None:
        """Return the log sizes of what is cached and of what comes, None where every token is one."""
        sizes = torch.cat((self.cache.notes.log_size, notes.log_size))
        return sizes.to(self._device) if bool(sizes.any()) else None

    def _merged(self, features: Tensor, owner: Tensor) -> Tensor:
        """Average features (N, C) over the tokens that were merged."""
        sums = torch.zeros(int(owner.max()) + 1, features.shape[1], device=features.device)
        sums.index_add_(0, owner, features.float())
        return (sums / torch.bincount(owner)[:, None]).to(features.dtype)

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
        self.cache.forget(is_gone)
        if len(self.cache) > self.cache.pinned:
            self.cache.pin_before(int(self.cache.notes.position[self.cache.pinned]))

    @property
    def _device(self) -> torch.device:
        return self._text.get_input_embeddings().weight.device  # type: ignore[no-any-return]
