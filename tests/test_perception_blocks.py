"""Any audio becomes the same blocks however it arrives."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.blocks import BLOCK, SAMPLE_NS, AudioBlock, BlockCutter, Stretch, pcm_frame


def all_of(blocks: list[AudioBlock]) -> list[tuple[int, int, int, bytes]]:
    return [(block.t_ns, block.seq, block.count, block.samples.tobytes()) for block in blocks]


@given(st.lists(st.integers(0, 1500), max_size=12))
def test_cutting_in_any_pieces_gives_the_same_blocks(sizes: list[int]) -> None:
    whole = np.random.default_rng(0).random(sum(sizes), np.float32)
    pieces, reference = BlockCutter(1000, 5), BlockCutter(1000, 5)
    got: list[AudioBlock] = []
    at = 0
    for size in sizes:
        got += pieces.add(whole[at : at + size])
        at += size
    assert all_of(got + pieces.end()) == all_of(reference.add(whole) + reference.end())


def test_the_last_block_is_padded_and_says_so() -> None:
    cutter = BlockCutter(0, 0)
    (first,) = cutter.add(np.ones(600, np.float32))
    (last,) = cutter.end()
    assert (first.count, last.count, last.t_ns, last.seq) == (512, 88, 512 * SAMPLE_NS, 1)
    assert last.samples.sum() == 88
    assert cutter.end() == []


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_other_rates_keep_pitch_and_length(rate_hz: int) -> None:
    tone = 8000 * np.sin(2 * np.pi * 500 * np.arange(rate_hz) / rate_hz)
    payload = tone.astype("<i2").repeat(2).tobytes()  # left and right
    frame = pcm_frame(payload, rate_hz, channels=2)
    stretch = Stretch(frame, start_ns=7, first_seq=0)
    blocks = stretch.add(frame) + stretch.end()
    heard = np.concatenate([block.samples[: block.count] for block in blocks])
    assert abs(heard.size - 16_000) < 40
    assert np.abs(np.fft.rfft(heard[:16_000], 16_000)).argmax() == 500
    assert blocks[0].t_ns == 7
    assert blocks[0].samples.shape == (BLOCK,)
    assert stretch.end_ns == 7 + 1_000_000_000


def test_an_incomplete_sample_is_dropped() -> None:
    assert pcm_frame(b"\x01\x02\x03\x04\x05\x06\x07", 16_000, channels=2).samples == 1


def test_a_hole_or_another_format_ends_the_stretch() -> None:
    def frame(pts: int | None, rate_hz: int = 16_000) -> av.AudioFrame:
        made = pcm_frame(bytes(2 * 1600), rate_hz, 1)
        made.pts, made.time_base = pts, Fraction(1, 16_000)
        return made

    stretch = Stretch(frame(0), 0, 0)
    stretch.add(frame(0))
    assert stretch.goes_on_with(frame(1600))
    assert stretch.goes_on_with(frame(1600 + 700))  # 44 ms: rounding
    assert stretch.goes_on_with(frame(None))
    assert not stretch.goes_on_with(frame(1600 + 900))
    assert not stretch.goes_on_with(frame(0))
    assert not stretch.goes_on_with(frame(1600, 8_000))
