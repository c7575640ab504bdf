"""The demo's own recording, made from one table of what happens when: pictures that are drawn, sound that is computed.

The table is also the truth that the demo's answers are graded against. The spoken sentences stand in demo_speech.wav;
demo_speech.txt beside it says how that was made. The same version of FFmpeg gives the same bytes every time.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

VERSION = 1  # of the recording; a new one is made when this changes
WIDTH_PX, HEIGHT_PX, FPS = 640, 360, 15
RATE_HZ = 16_000
LENGTH_S = 48.0
NOISE_DB = -55.0  # dBFS all along: a room, and what pocketsphinx needs around clean speech
SPEECH_DB = -22.0
FADE_S = 0.02
BIT_RATE = 3_000_000
SPEECH_FILE = "demo_speech.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A disc or diamond that is where its path says, in pixels of its middle, and away before and after."""

    shape: str  # disc or diamond
    radius_px: int
    colour: tuple[int, int, int]
    path: tuple[tuple[float, float, float], ...]  # (t_s, x_px, y_px), straight in between

    @property
    def movements_s(self) -> list[tuple[float, float]]:
        """When it moves, start and end."""
        return [(a[0], b[0]) for a, b in pairwise(self.path) if a[1:] != b[1:]]

    def place(self, t_s: float) -> tuple[float, float] | None:
        """Return where its middle is."""
        times, xs, ys = zip(*self.path, strict=True)
        if not times[0] <= t_s <= times[-1]:
            return None
        return float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, ys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A sine with soft ends."""

    start_s: float
    end_s: float
    pitch_hz: float
    level_db: float = -20.0  # dBFS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A spoken sentence: which part of demo_speech.wav, and when it is heard."""

    text: str
    at_s: float
    first: int  # sample of the file
    count: int

    @property
    def heard_s(self) -> tuple[float, float]:
        """When it is heard, start and end."""
        return self.at_s, self.at_s + self.count / RATE_HZ


SCENES_S = (0.0, 17.0, 33.0)  # hills, a town at night, the sea: where each begins
CUTS_S = SCENES_S[1:]
BALL = Thing(shape="disc", radius_px=38, colour=(214, 72, 58), path=((3.0, -38, 205), (6.5, 678, 205)))
KITE = Thing(
    shape="diamond",
    radius_px=46,
    colour=(238, 196, 84),
    path=((20.0, 520, -46), (22.5, 520, 150), (28.5, 520, 150), (30.5, 520, -46)),
)
THINGS = (BALL, KITE)
MOVEMENTS_S = sorted(movement for thing in THINGS for movement in thing.movements_s)
LOW_TONE = Tone(start_s=8.5, end_s=10.0, pitch_hz=440.0)
BEEPS = tuple(Tone(start_s=at_s, end_s=at_s + 0.5, pitch_hz=880.0) for at_s in (41.0, 42.3, 43.6))
GREETING = Sentence(text="good morning everybody and welcome to the meeting", at_s=11.5, first=0, count=0)
VISIT = Sentence(text="the doctor will visit the hospital on monday", at_s=24.0, first=0, count=0)
JOURNEY = Sentence(text="we will travel to london in the summer", at_s=35.5, first=0, count=0)
SENTENCES = (GREETING, VISIT, JOURNEY)


def make_recording(path: Path) -> None:
    """Write the recording to `path` (a .mkv): MPEG-4 pictures and PCM sound."""
    with av.open(str(path), "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH_PX, HEIGHT_PX, "yuv420p", BIT_RATE
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        video.codec_context.thread_count = 1
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        sound = np.round(make_sound() * 32767).astype("<i2")
        step = RATE_HZ // FPS
        for number, picture in enumerate(pictures()):
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            image.pts, image.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(image))
            first = number * RATE_HZ // FPS
            block = av.AudioFrame.from_ndarray(
                sound[None, first : (number + 1) * RATE_HZ // FPS], format="s16", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            container.mux(audio.encode(block))
        container.mux(video.encode())
        container.mux(audio.encode())
