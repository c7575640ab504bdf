"""One question over a stream: what it needs is brought back, it is read and answered, and all of that is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reasoning.lmm.attention import Reading
from reasoning.lmm.cache import Notes, StreamCache
from reasoning.lmm.contrast import Contrast
from reasoning.lmm.grounding import Grounding

if TYPE_CHECKING:
    from reasoning.lmm.stream import LmmStream

Decide = Callable[[Tensor], int]  # logits (V,) -> the next token
Ground = Callable[[StreamCache], Grounding]  # how the question's rows read the cache


def greedy(logits: Tensor) -> int:
    """Return the likeliest token."""
    return int(logits.argmax())


class Answering:
    """Answers one question at a time of one stream."""

    def __init__(
        self, stream: LmmStream, decide: Decide, ground: Ground | None = None, contrast: Contrast | None = None
    ) -> None:
        """Choose tokens by `decide`; a `contrast` needs a `ground`, whose reliance is its gate."""
        self._stream = stream
        self._decide = decide
        self._ground = ground
        self._contrast = contrast
        self._grounding: Grounding | None = None
        self._blank: LmmStream | None = None  # the same words without the pictures, once the contrast wants them
        self._unread: list[int] = []  # what that branch has not read yet

    @torch.inference_mode()
    def tokens(self, ids: Sequence[int], limit: int, stops: frozenset[int]) -> Generator[int]:
        """Yield at most `limit` tokens, until one of `stops` or the stream's `cancel`; then go back to before."""
        stream = self._stream
        self._unread = list(ids)
        with self._asked(ids):
            self._grounding = self._grounded(ids)
            stream.read_text(ids, Reading(grounding=self._grounding))
            for _ in range(limit):
                if stream.is_cancelled:
                    return
                token = self._decide(self._contrasted())
                if token in stops:
                    return
                yield token
                self._unread.append(token)
                stream.read_text([token], Reading(grounding=self._grounding))

    @torch.inference_mode()
    def score(self, ids: Sequence[int], said: Sequence[int], hides: Callable[[Notes], Sequence[Tensor]]) -> list[float]:
        """Return log likelihoods of an answer: with all keys, then with each mask's hidden."""
        stream = self._stream
        wanted = torch.tensor(said)
        scores = []
        with self._asked(ids):
            length, position = len(stream.cache), stream.position
            for hidden in (None, *hides(stream.cache.notes)):
                grounding = self._grounded(ids, hidden)
                read = [stream.read_text(ids, Reading(hidden=hidden, grounding=grounding))]  # which chooses heads
                read.append(stream.read_text(said[:-1], Reading(hidden=hidden, grounding=grounding)))
                states = torch.cat([one for one in read if one is not None])
                logits = stream.family.head(states[len(ids) - 1 :])  # each row says what comes after it
                shares = torch.log_softmax(logits.float(), dim=-1).cpu()
                scores.append(float(shares.gather(1, wanted[:, None]).sum()))
                stream.cache.rewind(length)
                stream.position = position
        return scores

    def _grounded(self, ids: Sequence[int], hidden: Tensor | None = None) -> Grounding | None:
        """Return how question and answer read the cache; heads that take two rows to be chosen are chosen."""
        if self._ground is None:
            return None
        cache = self._stream.cache
        grounding = self._ground(cache)
        rule = grounding.reinforcement
        if rule is None or not rule.is_faithful or rule.gain == 1 or not ids:
            return grounding
        self._stream.read_beside(ids, Reading(hidden=hidden, grounding=grounding))
        chosen = grounding.heads
        grounding = self._ground(cache)
        grounding.heads.update(chosen)
        return grounding

    @contextmanager
    def _asked(self, ids: Sequence[int]) -> Iterator[None]:
        """Bring back what the question needs; afterwards all is as it was before."""
        stream = self._stream
        stream.flush()
        length, position, logits = len(stream.cache), stream.position, stream.logits
        recalled = 0
        try:
            recalled = self._recall(ids)
            yield
        finally:
            stream.cache.rewind(length + recalled)
            self._send_back(recalled)
            stream.position, stream.logits = position, logits

    def _recall(self, ids: Sequence[int]) -> int:
        """Bring frames back that are like the question; return how many tokens they have."""
        stream = self._stream
        if not len(stream.store) or not stream.returning or not ids:
            return 0
        cache, length, position = stream.cache, len(stream.cache), stream.position
        queries: dict[int, Tensor] = {}
        try:
            stream.read_text(ids, Reading(queries=queries))
        finally:
            cache.rewind(length)
            stream.position = position
        blocks = stream.store.choose(queries, torch.arange(position, position + len(ids)), stream.returning)
        window = int(cache.notes.position[cache.pinned]) if length > cache.pinned else position
        start = window - sum(block.span for block in blocks)
        cache.insert(cache.pinned, blocks, start)
        cache.pin_before(start)
        return sum(len(block.notes) for block in blocks)

    def _send_back(self, recalled: int) -> None:
        """Take the frames that came back out again."""
        if not recalled:
            return
        cache = self._stream.cache
        gone = torch.zeros(len(cache), dtype=torch.bool)
        gone[cache.pinned : cache.pinned + recalled] = True
        cache.forget(gone)
        self._stream.close_up()

    def _contrasted(self) -> Tensor:
        """Return the logits (V,) from which the next token is chosen."""
        seen, rule, grounding = self._stream.logits, self._contrast, self._grounding
        assert seen is not None
        if rule is None or grounding is None or not rule.is_needed(seen, grounding.reliance()):
            return seen
        return rule.apply(seen, self._without_pictures())

    def _without_pictures(self) -> Tensor:
        """Read on in the branch that has the same words and no pictures, and return what it would say next."""
        if self._blank is None:
            self._blank = self._stream.without_pictures()
        self._blank.append_text(self._unread)
        self._unread = []
        assert self._blank.logits is not None
        return self._blank.logits
