"""Small recordings made on the spot: a square that moves, a tone that sounds, and what is known about them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from perception.picture import encode_jpeg

RATE_HZ = 16_000
FPS = 10
MOVES_S = (2.0, 4.0)  # the square crosses the picture in this time
TONE_S = (5.0, 5.6)


def make_clip(path: Path, length_s: float = 7.0, *, video: bool = True, audio: bool = True) -> Path:
    """Write a recording with one movement and one tone of 660 Hz; the container follows the file name."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=FPS) if video else None
        codec = "aac" if path.suffix == ".mp4" else "pcm_s16le"
        sound = container.add_stream(codec, rate=RATE_HZ, layout="mono") if audio else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 160, 120, "yuv420p"
            picture.bit_rate = 2_000_000
            for number in range(round(length_s * FPS)):
                frame = av.VideoFrame.from_ndarray(draw(number / FPS), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        if sound is not None:
            assert isinstance(sound, av.AudioStream)
            samples = (hear(length_s) * 32767).astype(np.int16)
            for start in range(0, len(samples), 1024):
                block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def draw(t_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the picture (120, 160, 3) at a time: a bright square on a textured ground."""
    rows, columns = np.mgrid[0:120, 0:160]
    ground = (90 + 30 * np.sin(columns / 9) * np.cos(rows / 7)).astype(np.uint8)
    image = np.repeat(ground[:, :, None], 3, axis=2)
    share = np.clip((t_s - MOVES_S[0]) / (MOVES_S[1] - MOVES_S[0]), 0, 1)
    left = round(8 + 110 * float(share))
    image[45:80, left : left + 35] = (240, 235, 225)
    return image


def hear(length_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the sound: a soft noise floor and the tone."""
    t_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    noise = 0.001 * np.random.default_rng(7).standard_normal(len(t_s))
    tone = 0.2 * np.sin(2 * np.pi * 660 * t_s) * ((t_s >= TONE_S[0]) & (t_s < TONE_S[1]))
    samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = noise + tone
    return samples


def jpeg(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Return a picture (H, W, 3) as perception would send it."""
    return encode_jpeg(av.VideoFrame.from_ndarray(image, format="rgb24"), 640)[0]
