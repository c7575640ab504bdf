"""The demo's own recording, made from one table of what happens when.

The table is also the truth that the demo's answers are graded against. The spoken sentences stand in demo_speech.wav;
demo_speech.txt says how that was made.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.codec.context import Flags

from runtime.apps.demo_pictures import HEIGHT_PX, WIDTH_PX, Thing, hills, sea, town

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FPS = 15
RATE_HZ = 16_000
LENGTH_S = 48
BIT_RATE = 3_000_000
NOISE_SEED = 1
NOISE_DB = -55.0  # dBFS, all along: a quiet room
SPEECH_DB = -25.0  # dBFS of the voice; pocketsphinx wants noise about 30 dB below a clean voice
FADE_S = 0.02
SPEECH_FILE = "demo_speech.wav"
FULL_SCALE = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A sine with soft ends."""

    start_s: float
    end_s: float
    pitch_hz: float
    level_db: float = -20.0  # dBFS


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


SCENES = ((0, hills), (17, town), (33, sea))
CUTS_S = tuple(start_s for start_s, _ in SCENES[1:])
BALL = Thing(shape="disc", radius_px=38, colour=(214, 72, 58), path=((3, -38, 205), (6.5, 678, 205)))
KITE = Thing(
    shape="diamond",
    radius_px=46,
    colour=(238, 196, 84),
    path=((20, 540, -46), (22.5, 540, 120), (28.5, 540, 120), (30.5, 540, -46)),
)
CROSSING_S, *_ = BALL.movements_s
COMING_S, LEAVING_S = KITE.movements_s
MOVEMENTS_S = (CROSSING_S, COMING_S, LEAVING_S)
LOW_TONE = Tone(start_s=8.5, end_s=10, pitch_hz=440)
EARLY_BEEP = Tone(start_s=31.5, end_s=32, pitch_hz=880)
BEEPS = tuple(Tone(start_s=start_s, end_s=start_s + 0.5, pitch_hz=880) for start_s in (41, 42.3, 43.6))
TONES = (LOW_TONE, EARLY_BEEP, *BEEPS)
COFFEE = Sentence(text="i would like to have a cup of coffee", start_s=11.5, first=0, count=32_980)
LIBRARY = Sentence(text="the library will be closed on saturday", start_s=23.5, first=32_980, count=38_747)
SPEECH = Sentence(text="the president will speak to the nation on friday", start_s=35.5, first=71_727, count=45_461)
SENTENCES = (COFFEE, LIBRARY, SPEECH)


def make_recording(path: Path) -> None:
    """Write the recording to `path` as Matroska with MPEG-4 pictures and 16 kHz sound: the same bytes every time."""
    sound = np.round(make_sound() * FULL_SCALE).astype(np.int16)
    with av.open(str(path), "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH_PX, HEIGHT_PX, "yuv420p", BIT_RATE
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        for stream in (video, audio):
            stream.codec_context.flags |= Flags.bitexact
            stream.codec_context.thread_count = 1
        for number, picture in enumerate(make_pictures()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
            first, end = number * RATE_HZ // FPS, (number + 1) * RATE_HZ // FPS
            block = av.AudioFrame.from_ndarray(sound[None, first:end], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            container.mux(audio.encode(block))
        container.mux(video.encode())
        container.mux(audio.encode())


def make_pictures() -> Iterator[NDArray[np.uint8]]:
    """Yield every picture, (360, 640, 3) RGB."""
    borders_s = (*(start_s for start_s, _ in SCENES), LENGTH_S)
    for (_, draw), (start_s, end_s) in zip(SCENES, pairwise(borders_s), strict=True):
        scene = np.round(draw()).astype(np.uint8)
        for number in range(start_s * FPS, end_s * FPS):
            picture = scene.copy()
            for thing in (BALL, KITE):
                thing.put_into(picture, number / FPS)
            yield picture


def make_sound() -> NDArray[np.float64]:
    """Return the whole sound track (n,), -1 to 1."""
    sound = np.random.default_rng(NOISE_SEED).normal(0.0, _amplitude(NOISE_DB), LENGTH_S * RATE_HZ)
    for tone in TONES:
        t_s = np.arange(round((tone.end_s - tone.start_s) * RATE_HZ)) / RATE_HZ
        fade = np.minimum(1.0, np.minimum(t_s, t_s[::-1]) / FADE_S)
        sine = np.sin(2 * np.pi * tone.pitch_hz * t_s)
        _mix(sound, np.sqrt(2) * _amplitude(tone.level_db) * fade * sine, tone.start_s)
    speech = read_speech()
    voiced = speech[np.abs(speech) > 0.01]
    speech *= _amplitude(SPEECH_DB) / np.sqrt(np.mean(voiced**2))
    for sentence in SENTENCES:
        _mix(sound, speech[sentence.first : sentence.first + sentence.count], sentence.start_s)
    return np.clip(sound, -1.0, 1.0)


def read_speech() -> NDArray[np.float64]:
    """Return the samples (n,) of all sentences one after the other, -1 to 1."""
    with (resources.files("runtime.apps") / SPEECH_FILE).open("rb") as file, wave.open(file) as speech:
        assert (speech.getframerate(), speech.getnchannels(), speech.getsampwidth()) == (RATE_HZ, 1, 2)
        return np.frombuffer(speech.readframes(speech.getnframes()), "<i2") / (FULL_SCALE + 1)


def _mix(sound: NDArray[np.float64], part: NDArray[np.float64], at_s: float) -> None:
    first = round(at_s * RATE_HZ)
    sound[first : first + part.size] += part


def _amplitude(level_db: float) -> float:
    """Return the RMS amplitude of a level in dBFS."""
    return float(10 ** (level_db / 20))
