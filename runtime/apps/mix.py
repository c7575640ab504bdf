"""Speech, tones and noise put together as a recipe says: what is heard when is known by construction."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE_HZ = 16_000


def build_mix(recipe: Mapping[str, Any], data: Path) -> NDArray[np.int16]:
    """Build the recording that a recipe describes (head of tests/truth/speech_mix.yaml), 16 kHz mono."""
    noise_rms = 10 ** (recipe["noise"]["level_db"] / 20)
    total = round(recipe["duration_s"] * RATE_HZ)
    mix = noise_rms * np.random.default_rng(recipe["noise"]["seed"]).standard_normal(total)
    for part in recipe["parts"]:
        samples = _faded(_read_pcm(data / part["file"]), recipe["fade_s"])
        start = round(part["start_s"] * RATE_HZ)
        active = [samples[round(a * RATE_HZ) - start : round(b * RATE_HZ) - start] for a, b in part["speech"]]
        speech_rms = np.sqrt(np.mean(np.concatenate(active) ** 2))
        mix[start : start + len(samples)] += samples * (noise_rms * 10 ** (part["snr_db"] / 20) / speech_rms)
    for tone in recipe["tones"]:
        t_s = np.arange(round(tone["duration_s"] * RATE_HZ)) / RATE_HZ
        wave_form = np.sin(2 * np.pi * tone["tone_hz"] * t_s) * 10 ** (tone["level_db"] / 20) * np.sqrt(2)
        start = round(tone["start_s"] * RATE_HZ)
        mix[start : start + len(t_s)] += _faded(wave_form, recipe["fade_s"])
    whole: NDArray[np.int16] = np.round(np.clip(mix, -1, 1 - 1 / 32768) * 32768).astype(np.int16)
    return whole


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    """Write 16 kHz mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


def _read_pcm(path: Path) -> NDArray[np.float64]:
    if path.suffix == ".raw":
        return np.fromfile(path, "<i2").astype(np.float64) / 32768
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768


def _faded(samples: NDArray[np.float64], fade_s: float) -> NDArray[np.float64]:
    count = round(fade_s * RATE_HZ)
    ramp = np.linspace(0, 1, count)
    out = samples.copy()
    out[:count] *= ramp
    out[-count:] *= ramp[::-1]
    return out
