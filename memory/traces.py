"""The proof that something is gone: its bytes are looked for in every file of the memory, whatever they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

WORD = 8  # bytes of a trace that are looked for first
PIECE_BYTES = 1 << 22
TABLE_BITS = 22
_ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads words over the table


class Traces:
    """Byte strings of at least 8 bytes, found in files at any place; "clip-1" does not stand in "clip-12"."""

    def __init__(self, traces: Iterable[bytes]) -> None:
        self._by_word: dict[int, dict[int, set[bytes]]] = {}  # first word -> length -> traces
        self._longest = WORD
        for trace in traces:
            assert len(trace) >= WORD
            same = self._by_word.setdefault(int.from_bytes(trace[:WORD], "little"), {})
            same.setdefault(len(trace), set()).add(trace)
            self._longest = max(self._longest, len(trace))
        self._table = np.zeros(1 << TABLE_BITS, bool)
        self._table[_slots(np.array(list(self._by_word), np.uint64))] = True

    def find(self, path: Path) -> set[bytes]:
        """Return the traces that stand anywhere in a file."""
        found: set[bytes] = set()
        for piece in _overlapping(path, self._longest):
            for place, word in self._candidates(piece):
                for length, traces in self._by_word.get(word, {}).items():
                    end = place + length
                    if (some := piece[place:end]) in traces and not (
                        some[-1:].isdigit() and piece[end : end + 1].isdigit()
                    ):
                        found.add(some)
        return found

    def _candidates(self, piece: bytes) -> Iterator[tuple[int, int]]:
        """Yield places whose first word may be that of a trace."""
        for shift in range(WORD):
            count = (len(piece) - shift) // WORD
            if count > 0:
                words = np.frombuffer(piece, "<u8", count, shift)
                for hit in np.flatnonzero(self._table[_slots(words)]):
                    yield int(hit) * WORD + shift, int(words[hit])


def _slots(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    slots: NDArray[np.uint64] = (words * _ODD) >> np.uint64(64 - TABLE_BITS)
    return slots


def _overlapping(path: Path, overlap: int) -> Iterator[bytes]:
    """Yield a file in pieces; what lies across two of them lies whole in the second."""
    with path.open("rb") as file:
        rest = b""
        while read := file.read(PIECE_BYTES):
            piece = rest + read
            yield piece
            rest = piece[-overlap:] if overlap else b""
