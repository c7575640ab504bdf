"""Log-mel spectra as Whisper's (Radford et al. 2022, arXiv:2212.04356, section 2.2), but causal.

Whisper sets levels against the loudest moment of the clip. A stream has no end, so here the top is the loudest moment
until now, which falls by one decibel a second: after a bang quiet sounds are heard again. Two of Whisper's frames of
10 ms make one of 20 ms.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000
WINDOW = 400  # samples of a spectrum
HOP = 160
PAIR = 2  # spectra of a frame
FRAME = PAIR * HOP  # samples, 20 ms
OVERLAP = WINDOW - HOP  # samples before a frame that it sees too
SMALLEST = 1e-10
LOWEST_TOP = -6.0  # decades; a stream of less, some 75 dB below full scale, is shown as the silence it is
RANGE = 8.0  # decades below the top that are told apart
FALL = 0.1 * FRAME / RATE_HZ  # decades that the top loses a frame: 1 dB/s


class LogMelState(NamedTuple):
    """What a stream keeps; all zero at the start."""

    tail: Tensor  # (B, OVERLAP + samples that fill no frame yet)
    top: Tensor  # (B,) decades above LOWEST_TOP


class LogMel(nn.Module):
    """Samples to frames of levels, from -1 (8 decades below the top, or less) to 1 (the top)."""

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int = 64) -> None:
        super().__init__()
        self.mels = mels
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(mels)), persistent=False)

    def start(self, batch: int) -> LogMelState:
        """Return the state before the first sample: silence."""
        return LogMelState(self.window.new_zeros(batch, OVERLAP), self.window.new_zeros(batch))

    def step(self, samples: Tensor, state: LogMelState) -> tuple[Tensor, LogMelState]:
        """samples (B, n), any n -> (B, F, mels), and the state before the next sample.

        What is not finite counts as silence, and what lies beyond full scale is cut there.
        """
        power, tail = self.power(samples, state.tail)
        frames, top = levels(power.clamp_min(SMALLEST).log10(), state.top)
        return frames, LogMelState(tail, top)

    def power(self, samples: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """samples (B, n) after tail (B, m) -> the power in each filter (B, F, mels), and the next tail."""
        heard = torch.cat([tail, sound(samples)], dim=1)
        count = max(0, (heard.shape[1] - OVERLAP) // FRAME)
        if count == 0:
            return heard.new_zeros(len(heard), 0, self.mels), heard
        spans = heard[:, : count * FRAME + OVERLAP].unfold(1, WINDOW, HOP)  # (B, 2·F, WINDOW)
        spectra = torch.fft.rfft(spans * self.window).abs().square() @ self.filters  # (B, 2·F, mels)
        return spectra.unflatten(1, (count, PAIR)).mean(dim=2), heard[:, count * FRAME :]


def sound(samples: Tensor) -> Tensor:
    """Return samples without what no sound can be."""
    return torch.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0).clamp(-1, 1)


def levels(decades: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    """decades (B, F, mels), top (B,) above LOWEST_TOP -> levels from -1 to 1 of the same shape, and the next top."""
    count = decades.shape[1]
    if count == 0:
        return decades, top
    # The largest of what fell since then: with what each has yet to fall added, that is a plain running maximum.
    fall = FALL * torch.arange(1, count + 1, device=decades.device, dtype=decades.dtype)
    own = (decades.amax(dim=2) - LOWEST_TOP).clamp_min(0)
    tops = torch.cat([top[:, None], own + fall], dim=1).cummax(dim=1).values[:, 1:] - fall
    tops = tops.clamp_min(0)
    reference = (tops + LOWEST_TOP)[:, :, None]
    return (torch.maximum(decades, reference - RANGE) - reference + RANGE / 2) / (RANGE / 2), tops[:, -1]


def mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix samples (n, channels) down to (n,): the mean of those channels that are finite there; (n,) stays itself."""
    if samples.ndim == 1:
        return samples
    known = np.isfinite(samples)
    total = np.where(known, samples, 0).sum(axis=1)
    mixed: NDArray[np.float32] = (total / np.maximum(known.sum(axis=1), 1)).astype(np.float32)
    return mixed


def mel_filters(mels: int) -> NDArray[np.float32]:
    """Return triangles of equal area on Slaney's mel scale, 0 to 8 kHz: (201, mels)."""
    corners = _hertz(np.linspace(0.0, _mel(RATE_HZ / 2), mels + 2))
    bins = np.linspace(0.0, RATE_HZ / 2, WINDOW // 2 + 1)[:, None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])
    return triangles.astype(np.float32)


def _mel(hertz: float) -> float:
    return 15.0 + 27.0 * math.log(hertz / 1000) / math.log(6.4) if hertz >= 1000 else 3 * hertz / 200


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel >= 15, 1000 * np.exp(math.log(6.4) / 27 * (mel - 15)), 200 * mel / 3)
