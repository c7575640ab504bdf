"""Sounds that are none of the known classes, made up by rule: tones, tunes, babble and still noise.

A network that only ever heard ten kinds of sound calls everything one of them. These are learnt as "nothing known".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from perception.sound.clips import power_of
from perception.sound.logmel import RATE_HZ, LogMel

LENGTH = 5 * RATE_HZ
KINDS = 4

Samples = NDArray[np.float64]


class Strangers(Sequence[NDArray[np.float32]]):
    """The power in mels (F, mels) of so many of them, each made when it is first wanted."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._made: dict[int, NDArray[np.float32]] = {}
        self._logmel = LogMel()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[NDArray[np.float32]]: ...
    def __getitem__(self, place: int | slice) -> NDArray[np.float32] | Sequence[NDArray[np.float32]]:
        """Return one of them, or some."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        seed = range(self._count)[place]
        if seed not in self._made:
            self._made[seed] = power_of(stranger(seed), self._logmel)
        return self._made[seed]


def stranger(seed: int) -> NDArray[np.float32]:
    """Return 5 s at 16 kHz, which the seed decides; the kinds take turns."""
    rng = np.random.default_rng([7, seed])
    made = (_babble, _tune, _babble, _steady)[seed % KINDS](rng)
    made = made / max(1e-9, float(np.abs(made).max()))
    made += rng.normal(size=LENGTH) * 10 ** rng.uniform(-4.5, -2)
    level = 10 ** rng.uniform(-1.5, 0)
    return np.clip(made * level, -1, 1).astype(np.float32)


def _babble(rng: np.random.Generator) -> Samples:
    """Syllables as of a voice: buzz and hiss through formants that move, at 3 to 6 a second, with pauses."""
    pitch = rng.uniform(80, 280) * np.exp(_wander(rng, 3.0, 0.15))
    phase = np.cumsum(pitch) / RATE_HZ
    buzz = _through((phase % 1.0) - 0.5, 6.0, falls=True)
    syllables = np.clip(_wander(rng, rng.uniform(6, 12), 1.0) + 0.3, 0, 1)
    syllables *= np.clip(_wander(rng, 0.8, 3.0) + 2.0, 0, 1)  # somebody breathes
    voiced = np.clip(_wander(rng, 8.0, 2.0) + 1.5, 0, 1)
    source = buzz * voiced + rng.normal(size=LENGTH) * 0.3 * (1 - voiced)
    return _formants(source, rng) * syllables


def _formants(source: Samples, rng: np.random.Generator) -> Samples:
    """Weigh the spectrum of each 32 ms by three peaks that wander."""
    size = 512
    window = np.hanning(size + 1)[:-1]
    tracks = [base * np.exp(_wander(rng, 5.0, 0.25))[:: size // 2] for base in (rng.uniform(400, 700), 1500.0, 2600.0)]
    bins = np.fft.rfftfreq(size, 1 / RATE_HZ)
    out = np.zeros(LENGTH + size)
    for place, start in enumerate(range(0, LENGTH - size, size // 2)):
        peaks = [np.exp(-(((bins - track[place]) / 150.0) ** 2)) for track in tracks]
        shape = 0.02 + sum(peak / (1 + rank) for rank, peak in enumerate(peaks))
        spectrum = np.fft.rfft(source[start : start + size] * window) * shape
        out[start : start + size] += np.fft.irfft(spectrum, size)
    return out[:LENGTH]


def _tune(rng: np.random.Generator) -> Samples:
    """One to three voices of notes with overtones, struck or held, over an even beat."""
    out = np.zeros(LENGTH)
    beat = int(RATE_HZ * rng.uniform(0.12, 0.6))
    root = rng.uniform(80, 330)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    for _ in range(rng.integers(1, 4)):
        strengths = rng.uniform(0, 1, 6) / np.arange(1, 7)
        fades_s = rng.choice([0.15, 0.5, 3.0])
        for start in range(0, LENGTH, beat * int(rng.integers(1, 3))):
            pitch = root * 2 ** (rng.choice(scale) / 12) * rng.choice([0.5, 1, 2])
            t_s = np.arange(min(LENGTH - start, 2 * beat)) / RATE_HZ
            note = sum(s * np.sin(2 * np.pi * pitch * (n + 1) * t_s) for n, s in enumerate(strengths))
            out[start : start + len(t_s)] += note * np.exp(-t_s / fades_s) * np.clip(t_s / 0.005, 0, 1)
    return out


def _steady(rng: np.random.Generator) -> Samples:
    """Nothing much: a hum, a beep, or very quiet."""
    t_s = np.arange(LENGTH) / RATE_HZ
    pitch = rng.uniform(50, 4000) * np.exp(_wander(rng, 0.5, rng.choice([0.0, 0.02, 0.5])))
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)
    gate = rng.choice([0, 1, 2])
    if gate == 1:
        tone *= (t_s * rng.uniform(0.5, 4)) % 1 < rng.uniform(0.2, 0.8)
    return tone * (1e-3 if gate == 2 else 1.0)


def _wander(rng: np.random.Generator, rate_hz: float, size: float) -> Samples:
    """Return a smooth random line (LENGTH,) that turns about `rate_hz` times a second."""
    knots = rng.normal(size=int(5 * rate_hz) + 3) * size
    return np.interp(np.linspace(0, len(knots) - 1, LENGTH), np.arange(len(knots)), knots)


def _through(x: Samples, samples: float, *, falls: bool) -> Samples:
    """Take the edge off a buzz, or its depth."""
    kernel = np.exp(-np.arange(64) / samples)
    smooth = np.convolve(x, kernel / kernel.sum())[: len(x)]
    return smooth if falls else x - smooth
