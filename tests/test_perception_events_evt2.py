"""EVT2 words: fast equals slow, chunked equals whole, over wraps, garbage and the sample."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.events.arrays import joined
from perception.events.evt2 import PIECE, WRAP_US, Evt2Decoder
from tests.event_words import drawn, read_evt2, rows, write_evt2

words = st.lists(st.integers(0, 2**32 - 1) | st.integers(0x80000000, 0x8FFFFFFF), max_size=60)


@given(words)
@settings(deadline=None)
def test_any_words_are_read_as_the_slow_decoder_reads_them(found: list[int]) -> None:
    data = struct.pack(f"<{len(found)}I", *found)
    assert rows(Evt2Decoder().feed(data)) == read_evt2(data)


@given(words, st.lists(st.integers(1, 9), max_size=30))
@settings(deadline=None)
def test_chunks_that_cut_words_give_what_the_whole_gives(found: list[int], sizes: list[int]) -> None:
    data = struct.pack(f"<{len(found)}I", *found)
    decoder, at, parts = Evt2Decoder(), 0, []
    for size in [*sizes, len(data)]:
        parts.append(decoder.feed(data[at : at + size]))
        at += size
    assert rows(joined(parts)) == rows(Evt2Decoder().feed(data))
    assert decoder.waiting == 0


def test_more_words_than_are_decoded_at_a_time_are_one_stream() -> None:
    data = write_evt2(rows(drawn(1, PIECE + 9_000, 900_000)))
    assert rows(Evt2Decoder().feed(data)) == read_evt2(data)


def test_what_was_written_is_read_over_a_wrap_of_the_counter() -> None:
    events = [(1, 2, 1, WRAP_US - 5), (3, 4, 0, WRAP_US + 5), (3, 4, 0, 2 * WRAP_US - 64), (5, 6, 1, 2 * WRAP_US)]
    decoder = Evt2Decoder()
    data = write_evt2(events)
    assert rows(joined([decoder.feed(data[:8]), decoder.feed(data[8:])])) == events
    assert decoder.wraps == 2


def test_a_file_that_breaks_off_in_a_word_says_so() -> None:
    data = write_evt2([(1, 2, 1, 70), (3, 4, 0, 80)])
    decoder = Evt2Decoder()
    assert rows(decoder.feed(data[:-1])) == [(1, 2, 1, 70)]
    assert decoder.waiting == 3


@pytest.mark.data
def test_the_sample_holds_every_event(data_dir: Path) -> None:
    data = (data_dir / "events" / "evt2_sample.raw").read_bytes()
    body = data[data.index(b"\n", data.index(b"% evt 2.0")) + 1 :]
    found = Evt2Decoder().feed(body)
    assert len(found) == 539_481
    assert (np.diff(found.t_us) >= 0).all()
    assert rows(found) == read_evt2(body)
