"""Log-mel frames: any split equals the whole, Whisper's filters, a top that falls, and sound that is none."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from perception.sound.logmel import FALL, FRAME, LOWEST_TOP, OVERLAP, SMALLEST, LogMel, levels, mel_filters, mono, sound
from tests.attention_checks import assert_close, assert_rows_are_independent, seeded


def tone(hertz: float, samples: int = 8000, level: float = 0.5) -> Tensor:
    return (level * torch.sin(2 * math.pi * hertz * torch.arange(samples) / 16000))[None]


@given(st.lists(st.integers(0, 1500), min_size=1, max_size=8))
@torch.no_grad()
def test_pieces_equal_the_whole(cuts: list[int]) -> None:
    front, x = LogMel(), 0.1 * seeded(2, sum(cuts))
    whole, after = front.step(x, front.start(2))
    state, pieces = front.start(2), []
    for piece in x.split(cuts, dim=1):
        frames, state = front.step(piece, state)
        pieces.append(frames)
    assert_close(torch.cat(pieces, dim=1), whole)
    assert whole.shape == (2, sum(cuts) // FRAME, 64)
    assert_close(state.top, after.top)
    assert torch.equal(state.tail, after.tail)


@pytest.mark.parametrize("mels", [64, 80, 128])
def test_filters_are_those_of_whisper(mels: int) -> None:
    theirs = mel_filter_bank(201, mels, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(mels), theirs, atol=1e-7)


@torch.no_grad()
def test_power_equals_a_short_time_fourier_transform() -> None:
    front, x = LogMel(), 0.1 * seeded(1, 3200)
    padded = torch.cat([torch.zeros(1, OVERLAP), x], dim=1)
    spectra = torch.stft(padded, 400, 160, window=front.window, center=False, return_complex=True).abs() ** 2
    slow = (spectra.transpose(1, 2) @ front.filters).unflatten(1, (-1, 2)).mean(dim=2)
    torch.testing.assert_close(front.power(x, front.start(1).tail)[0], slow, rtol=1e-4, atol=1e-7)


def test_the_running_top_equals_one_that_is_followed_frame_by_frame() -> None:
    decades, top = 3 * seeded(2, 30, 4) - 4, torch.tensor([0.0, 5.0])
    found, after = levels(decades, top)
    for row in range(2):
        now = float(top[row])
        for frame in range(30):
            own = float(decades[row, frame].amax()) - LOWEST_TOP
            now = max(0.0, own, now - FALL)
            slow = (decades[row, frame].clamp_min(now + LOWEST_TOP - 8) - (now + LOWEST_TOP) + 4) / 4
            torch.testing.assert_close(found[row, frame], slow, rtol=0, atol=1e-5)
        assert float(after[row]) == pytest.approx(now, abs=1e-5)


@torch.no_grad()
def test_no_frame_hears_what_comes_later() -> None:
    front, x = LogMel(), 0.1 * seeded(1, 3200)
    louder = x.clone()
    louder[:, 1600:] *= 9
    early = 1600 // FRAME
    assert torch.equal(front.step(louder, front.start(1))[0][:, :early], front.step(x, front.start(1))[0][:, :early])


@torch.no_grad()
def test_loudness_does_not_matter() -> None:
    front = LogMel()
    quiet, _ = front.step(tone(440, level=0.01), front.start(1))
    loud, _ = front.step(tone(440, level=0.5), front.start(1))
    assert float(quiet.amax()) == pytest.approx(1.0)
    near = loud > 0  # far below the top the steps of fp32 and the smallest power begin to show
    torch.testing.assert_close(quiet[near], loud[near], rtol=0, atol=1e-3)


@torch.no_grad()
def test_after_a_bang_the_top_falls_one_decibel_a_second() -> None:
    front = LogMel()
    _, state = front.step(tone(440), front.start(1))
    _, later = front.step(torch.zeros(1, 10 * 16000 + 400), state)
    assert float(state.top - later.top) == pytest.approx(1.0, abs=0.02)  # decades of power: 10 dB


@torch.no_grad()
def test_silence_is_low_and_without_structure() -> None:
    front = LogMel()
    frames, state = front.step(torch.zeros(1, 16000), front.start(1))
    assert float(frames.amax()) == float(frames.amin()) == pytest.approx((math.log10(SMALLEST) - LOWEST_TOP + 4) / 4)
    assert float(state.top) == 0.0


@torch.no_grad()
def test_what_is_no_sound_is_silence_or_cut() -> None:
    x = torch.tensor([[0.5, math.nan, math.inf, -math.inf, 7.0, -3.0]])
    assert sound(x).tolist() == [[0.5, 0.0, 0.0, 0.0, 1.0, -1.0]]
    front = LogMel()
    frames, state = front.step(torch.full((1, 4000), math.nan), front.start(1))
    silent, _ = front.step(torch.zeros(1, 4000), front.start(1))
    assert torch.equal(frames, silent)
    assert state.tail.isfinite().all()


@torch.no_grad()
def test_rows_are_independent() -> None:
    front = LogMel()
    assert_rows_are_independent(lambda x: front.step(x, front.start(len(x)))[0], 0.1 * seeded(3, 2000))


def test_many_channels_are_mixed_down_to_their_mean() -> None:
    eight = seeded(1000, 8).numpy()
    np.testing.assert_allclose(mono(eight), eight.mean(axis=1), atol=1e-6)
    eight[:, 3] = np.nan  # a dead microphone takes no part
    np.testing.assert_allclose(mono(eight), np.delete(eight, 3, axis=1).mean(axis=1), atol=1e-6)
    assert not mono(np.full((5, 2), np.nan, np.float32)).any()
    alone = eight[:, 0]
    assert mono(alone) is alone
