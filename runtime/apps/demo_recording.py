"""The demo's own two recordings: a world of the yard, and the radio of somebody who talks meanwhile.

Nobody speaks in the yard, so that the words come from a file of their own; the two begin together. The spoken sentences
stand in demo_speech.wav; demo_speech.txt says how that was made.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perception.yard.record import write_world
from runtime.apps.demo_world import LENGTH_S, make_demo_world

if TYPE_CHECKING:
    from numpy.typing import NDArray

YARD, RADIO = "yard.mcap", "radio.wav"
RATE_HZ = 16_000
NOISE_SEED = 1
NOISE_DB = -55.0  # dBFS, all along: a quiet room
SPEECH_DB = -25.0  # dBFS of the voice; pocketsphinx wants noise about 30 dB below a clean voice
SPEECH_FILE = "demo_speech.wav"
FULL_SCALE = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A spoken sentence: when it is heard, and which samples of demo_speech.wav it is."""

    text: str
    start_s: float
    first: int
    count: int

    @property
    def end_s(self) -> float:
        """When it has been said."""
        return self.start_s + self.count / RATE_HZ


COFFEE = Sentence(text="i would like to have a cup of coffee", start_s=5.0, first=0, count=32_980)
LIBRARY = Sentence(text="the library will be closed on saturday", start_s=13.0, first=32_980, count=38_747)
SPEECH = Sentence(text="the president will speak to the nation on friday", start_s=30.0, first=71_727, count=45_461)
SENTENCES = (COFFEE, LIBRARY, SPEECH)


def make_recordings(folder: Path) -> None:
    """Write both recordings into `folder`: the same bytes every time."""
    write_world(folder / YARD, make_demo_world())
    with wave.open(str(folder / RADIO), "wb") as radio:
        radio.setnchannels(1)
        radio.setsampwidth(2)
        radio.setframerate(RATE_HZ)
        radio.writeframes(np.round(make_radio() * FULL_SCALE).astype("<i2").tobytes())


def make_radio() -> NDArray[np.float64]:
    """Return what the radio says (n,), -1 to 1."""
    sound = np.random.default_rng(NOISE_SEED).normal(0.0, _amplitude(NOISE_DB), LENGTH_S * RATE_HZ)
    speech = read_speech()
    voiced = speech[np.abs(speech) > 0.01]
    speech *= _amplitude(SPEECH_DB) / np.sqrt(np.mean(voiced**2))
    for sentence in SENTENCES:
        first = round(sentence.start_s * RATE_HZ)
        sound[first : first + sentence.count] += speech[sentence.first : sentence.first + sentence.count]
    return np.clip(sound, -1.0, 1.0)


def read_speech() -> NDArray[np.float64]:
    """Return the samples (n,) of all sentences one after the other, -1 to 1."""
    with (resources.files("runtime.apps") / SPEECH_FILE).open("rb") as file, wave.open(file) as speech:
        assert (speech.getframerate(), speech.getnchannels(), speech.getsampwidth()) == (RATE_HZ, 1, 2)
        return np.frombuffer(speech.readframes(speech.getnframes()), "<i2") / (FULL_SCALE + 1)


def _amplitude(level_db: float) -> float:
    """Return the RMS amplitude of a level in dBFS."""
    return float(10 ** (level_db / 20))
