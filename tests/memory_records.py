"""Records for the memory tests, and an embedder whose vectors can be worked out by hand."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from memory.rows import VectorRow, record_row, vector_row
from runtime.messages import Frame, Gap, Motion, Record, Sound, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from memory.rows import Row
    from memory.store import Store
    from runtime.messages import Box

S = 1_000_000_000  # nanoseconds in a second
LEFT: Box = (0.0, 0.4, 0.2, 0.6)


def ns(seconds: float) -> int:
    return round(seconds * S)


def utterance(
    seq: int, start_s: float, end_s: float, text: str, *, session: str = "s", stream: str = "mic", known_s: float = 0.0
) -> Utterance:
    return Utterance(
        session=session,
        stream=stream,
        epoch=0,
        seq=seq,
        t_ns=max(ns(end_s), ns(known_s)),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        text=text,
        model="fake",
    )


def tone(seq: int, start_s: float, end_s: float, *, session: str = "s", stream: str = "mic") -> Sound:
    return Sound(
        session=session,
        stream=stream,
        epoch=0,
        seq=seq,
        t_ns=ns(end_s),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        label="tone",
        level_db=-20.0,
        rise_db=30.0,
        pitch_hz=440.0,
    )


def motion(
    seq: int, start_s: float, end_s: float, *, box: Box = LEFT, session: str = "s", stream: str = "cam"
) -> Motion:
    return Motion(
        session=session,
        stream=stream,
        epoch=0,
        seq=seq,
        t_ns=ns(end_s),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        boxes=(box,),
        area=0.04,
    )


def frame(seq: int, t_s: float, *, is_cut: bool = False, session: str = "s", stream: str = "cam") -> Frame:
    return Frame(
        session=session,
        stream=stream,
        epoch=0,
        seq=seq,
        t_ns=ns(t_s),
        width_px=64,
        height_px=48,
        novelty=0.1,
        is_cut=is_cut,
        luma=0.5,
        payload=b"\xff\xd8" + seq.to_bytes(4, "big"),
    )


def gap(seq: int, start_s: float, end_s: float, *, session: str = "s", stream: str = "mic") -> Gap:
    return Gap(
        session=session,
        stream=stream,
        epoch=0,
        seq=seq,
        t_ns=ns(end_s),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        lost=100,
        reason="the network was slow",
    )


class LetterEmbedder:
    """Counts words by their letters in any order: "kettle" and "tekelt" are the same to it, other words never meet."""

    space = "text:letters"
    width = 1_024

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(counts, texts, strict=True):
            for word in text.lower().split():
                row[crc32("".join(sorted(word)).encode()) % self.width] += 1
        counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
        return counts


def rows_of(records: Iterable[Record]) -> list[Row]:
    return [record_row(record) for record in records]


def letter_vector(owner: str, text: str) -> VectorRow:
    return vector_row(owner, LetterEmbedder.space, LetterEmbedder().encode([text])[0])


def rows_with_vectors(records: Iterable[Record]) -> list[Row]:
    """Return the rows of records, each utterance and sound with its vector."""
    rows = [record_row(record) for record in records]
    return [*rows, *(letter_vector(row.key, row.text) for row in rows if row.kind in ("utterance", "sound"))]


def submitting_to(store: Store) -> Callable[[Sequence[Row]], Future[list[str]]]:
    """Return what a sealer hands its rows to: a commit in the caller's thread."""

    def submit(rows: Sequence[Row]) -> Future[list[str]]:
        stored: Future[list[str]] = Future()
        stored.set_result(store.append(rows))
        return stored

    return submit
