"""How things of the yard sound at their source: tones with overtones in pulses, wind, and the hum of a driving rig."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.kinds import Voice

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAMP_S = 0.005  # in which a sound comes and goes: no click
HUM_HZ = 62.0
HUM_PER_M = 18.0  # turns of the engine a metre, beside those a second
HUM_OVERTONES = (0.7, 0.5, 0.3)


def voice_at(voice: Voice, calls_s: Sequence[tuple[float, float]], t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sound pressure 1 m from its source at times t_s of any shape; 1 is full scale, `level` is the RMS."""
    tone = tone_at(voice.pitch_hz * t_s, voice.overtones)
    return voice.level * tone * loudness_at(voice, calls_s, t_s)


def tone_at(turns: NDArray[np.float64], overtones: Sequence[float]) -> NDArray[np.float64]:
    """Return a tone with its overtones after so many turns of its pitch; its RMS is 1."""
    angle = 2 * np.pi * (turns % 1.0)
    now, before, twice_cos = np.sin(angle), np.zeros_like(angle), 2 * np.cos(angle)
    total, power = now.copy(), 1.0
    for strength in overtones:
        now, before = twice_cos * now - before, now  # sin((n + 1) a) from sin(n a) and sin((n - 1) a)
        total += strength * now
        power += strength * strength
    return np.asarray(total / np.sqrt(power / 2))


def loudness_at(voice: Voice, calls_s: Sequence[tuple[float, float]], t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0 to 1: whether it is heard, in its pulses; the first pulse of a call begins with the call."""
    heard = np.zeros_like(t_s)
    for start_s, end_s in calls_s:
        since_s = t_s - start_s
        part = np.clip(since_s / RAMP_S, 0, 1) * np.clip((end_s - t_s) / RAMP_S, 0, 1)
        if voice.pulse_hz:
            pulse = since_s * voice.pulse_hz % 1.0
            part *= np.clip(np.minimum(pulse, voice.duty - pulse) / (RAMP_S * voice.pulse_hz), 0, 1)
        heard += part
    return heard


def hum_at(t_s: NDArray[np.float64], driven_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the engine's hum, of RMS 1, after times and ways driven; the faster, the higher."""
    return tone_at(HUM_HZ * t_s + HUM_PER_M * driven_m, HUM_OVERTONES)
