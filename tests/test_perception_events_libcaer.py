"""libcaer_cmp words: fast equals slow, chunked equals whole, packets begin anew."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from perception.events.arrays import joined
from perception.events.libcaer import LibcaerDecoder
from tests.event_words import read_libcaer, rows

# Base rows stay low: a mask beyond row 2047 is outside every sensor, and the two may differ in what they call it.
_word = st.builds(
    lambda code, rest: code << 12 | (rest & 0xBFF if code == 4 else rest), st.integers(0, 6), st.integers(0, 4095)
)
_packets = st.lists(st.tuples(st.integers(0, 2**50), st.lists(_word, max_size=40)), max_size=4)


def packed(packets: list[tuple[int, list[int]]]) -> list[tuple[int, bytes]]:
    return [(base_us, struct.pack(f"<{len(words)}H", *words)) for base_us, words in packets]


@given(_packets)
@settings(deadline=None)
def test_any_packets_are_read_as_the_slow_decoder_reads_them(found: list[tuple[int, list[int]]]) -> None:
    packets = packed(found)
    decoder, parts = LibcaerDecoder(), []
    for base_us, data in packets:
        decoder.begin(base_us)
        parts.append(decoder.feed(data))
    assert rows(joined(parts)) == read_libcaer(packets)


@given(st.lists(_word, max_size=40), st.lists(st.integers(1, 7), max_size=20))
@settings(deadline=None)
def test_chunks_that_cut_words_give_what_the_whole_gives(words: list[int], sizes: list[int]) -> None:
    [(_, data)] = packed([(7, words)])
    decoder, at, parts = LibcaerDecoder(), 0, []
    decoder.begin(7)
    for size in [*sizes, len(data)]:
        parts.append(decoder.feed(data[at : at + size]))
        at += size
    assert rows(joined(parts)) == read_libcaer([(7, data)])


def test_half_a_word_at_the_end_of_a_packet_is_not_part_of_the_next() -> None:
    decoder = LibcaerDecoder()
    decoder.begin(0)
    decoder.feed(struct.pack("<HHB", 2 << 12 | 5, 3 << 12 | 9, 1))
    assert decoder.waiting == 1
    decoder.begin(100)
    assert rows(decoder.feed(struct.pack("<H", 3 << 12 | 1 << 11 | 4))) == [(5, 4, 1, 100)]
