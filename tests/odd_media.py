"""Small recordings with something to see and hear, and everything that can be wrong with one."""

from __future__ import annotations

import itertools
import math
import random
import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 15
RATE_HZ = 16_000
SIZE = (160, 120)  # width, height
MS = Fraction(1, 1000)


def film(
    path: Path,
    *,
    length_s: float = 4.0,
    codec: str = "mpeg4",
    sounds: int = 1,
    has_video: bool = True,
    when_ms: Callable[[int], int] | None = None,
    start_s: float = 0.0,
    heard_s: Sequence[tuple[float, float]] = ((0.0, math.inf),),
) -> Path:
    """Write a square that crosses the picture between 1 s and 3 s while a tone sounds; each sound has its own pitch.

    `when_ms` gives the time of a frame by its number; `start_s` shifts all times; sound is there in `heard_s` only.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=FPS) if has_video else None
        tones = [
            container.add_stream("flac" if path.suffix == ".flac" else "pcm_s16le", rate=RATE_HZ, layout="mono")
            for _ in range(sounds)
        ]
        if video is not None:
            assert isinstance(video, av.VideoStream)
            video.width, video.height = SIZE
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.codec_context.time_base = MS
            for number in range(int(length_s * FPS)):
                frame = av.VideoFrame.from_ndarray(_picture(number / FPS), format="rgb24")
                at_ms = round(number * 1000 / FPS) if when_ms is None else when_ms(number)
                frame.pts, frame.time_base = at_ms + round(start_s * 1000), MS
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        for number, tone in enumerate(tones, start=1):
            for at, samples in _cut(_sound(length_s, 440 * number)):
                if not any(first_s <= at / RATE_HZ < last_s for first_s, last_s in heard_s):
                    continue
                piece = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
                piece.sample_rate, piece.time_base = RATE_HZ, Fraction(1, RATE_HZ)
                piece.pts = at + round(start_s * RATE_HZ)
                container.mux(tone.encode(piece))
            container.mux(tone.encode(None))
    return path


def sound_file(path: Path, *, length_s: float = 4.0) -> Path:
    """Write a WAV with a tone between 1 s and 3 s."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(_sound(length_s, 440).tobytes())
    return path


def spoken(path: Path, pieces: Sequence[Path], pause_s: float = 0.6) -> Path:
    """Join 16 kHz speech files, with pauses of faint noise, into one WAV."""
    quiet = np.random.default_rng(1).normal(0, 40, int(pause_s * RATE_HZ)).astype("<i2")
    with wave.open(str(path), "wb") as joined:
        joined.setnchannels(1)
        joined.setsampwidth(2)
        joined.setframerate(RATE_HZ)
        for piece in pieces:
            with wave.open(str(piece), "rb") as file:
                joined.writeframes(quiet.tobytes() + file.readframes(file.getnframes()))
        joined.writeframes(quiet.tobytes())
    return path


def cut_off(path: Path, share: float) -> Path:
    """Copy a recording that breaks off after that share of its bytes."""
    data = path.read_bytes()
    short = path.with_name(f"cut-{path.name}")
    short.write_bytes(data[: int(len(data) * share)])
    return short


def scratched(path: Path, count: int = 40) -> Path:
    """Copy a recording in which `count` bytes of its second half are wrong."""
    data = bytearray(path.read_bytes())
    chance = random.Random(7)
    for _ in range(count):
        data[chance.randrange(len(data) // 2, len(data))] = chance.randrange(256)
    bad = path.with_name(f"scratched-{path.name}")
    bad.write_bytes(data)
    return bad


def _picture(at_s: float) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    width, height = SIZE
    picture = np.full((height, width, 3), 70, np.uint8)
    picture[:, ::16] = 90
    x = int((at_s - 1) / 2 * (width + 40)) - 40
    if 1 <= at_s <= 3:
        picture[40:80, max(0, x) : max(0, x + 40)] = 230
    return picture


def _sound(length_s: float, pitch_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    times_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(0).normal(0, 30, times_s.size)
    tone = 8000 * np.sin(2 * np.pi * pitch_hz * times_s) * ((times_s >= 1) & (times_s < 3))
    samples: np.ndarray[tuple[int], np.dtype[np.int16]] = (tone + noise).astype("<i2")
    return samples


def _cut(
    samples: np.ndarray[tuple[int], np.dtype[np.int16]],
) -> list[tuple[int, np.ndarray[tuple[int], np.dtype[np.int16]]]]:
    borders = [*range(0, samples.size, 1024), samples.size]
    return [(start, samples[start:end]) for start, end in itertools.pairwise(borders)]
