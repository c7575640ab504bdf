"""Search keys of texts: made once their records are stored, owed while the disk has no room for them."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Sequence

from memory.embed import TextEmbedder
from memory.rows import Row, VectorRow, vector_row
from memory.store import Store
from memory.writer import Writer

logger = logging.getLogger(__name__)

CATCH_UP_ROWS = 256


class TextKeys:
    """Gives vectors to what is stored; use it in one thread."""

    def __init__(self, embedder: TextEmbedder, store: Store) -> None:
        """`store` is a reader's own, closed by `close`."""
        self.embedder = embedder
        self._store = store
        self._owed: list[tuple[str, str]] = []  # keys and texts that have no vector yet

    def catch_up(self, put: Callable[[Sequence[Row]], object]) -> None:
        """Give vectors to what a crash, another text model, or erasing left without; `put` stores, and raises."""
        left = list(self._store.unembedded(self.embedder.space))
        for start in range(0, len(left), CATCH_UP_ROWS):
            put(self._rows(left[start : start + CATCH_UP_ROWS]))

    def add(self, texts: Sequence[tuple[str, str]], writer: Writer) -> None:
        """Give vectors to keys with their texts, and to all that are owed one; return once they are on disk."""
        self._owed += texts
        try:
            writer.submit(self._rows(self._owed)).result()
        except queue.Full:  # the disk has no room: their records are stored, so they are owed until there is
            logger.info("%d records are found by their words only until there is room", len(self._owed))
        else:
            self._owed.clear()

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _rows(self, texts: Sequence[tuple[str, str]]) -> list[VectorRow]:
        vectors = self.embedder.encode([text for _, text in texts])
        return [vector_row(key, self.embedder.space, vector) for (key, _), vector in zip(texts, vectors, strict=True)]
