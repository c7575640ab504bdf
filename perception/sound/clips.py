"""Labelled clips in folders: CLASS/FOLD-ID-TAKE.ogg, as 16 kHz mono and as power in mels, at several speeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import torch
from av.audio.resampler import AudioResampler

from perception.sound.logmel import RATE_HZ, LogMel
from runtime.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = (
    "baby_cry",
    "chainsaw",
    "clock_tick",
    "dog_bark",
    "fire_crackling",
    "helicopter",
    "person_sneeze",
    "rain",
    "rooster",
    "sea_waves",
)
SUFFIXES = (".ogg", ".wav", ".flac")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Where a clip is, and what is known of it."""

    path: Path
    label: int  # in CLASSES
    fold: int

    @property
    def name(self) -> str:
        """Its place below the folder of all."""
        return f"{self.path.parent.name}/{self.path.name}"


def find_clips(folder: Path) -> list[Clip]:
    """Return the clips of a folder in the order of their names. Raises InputError where there are none, or others."""
    found = []
    for place in sorted(one for one in folder.glob("*") if one.is_dir()) if folder.is_dir() else []:
        if place.name not in CLASSES:
            raise InputError(place, f"is no class of ESC-10; they are {', '.join(CLASSES)}")
        for path in sorted(one for one in place.iterdir() if one.suffix in SUFFIXES):
            fold = path.name.split("-")[0]
            if not fold.isdigit():
                raise InputError(path, "has no fold before the first dash of its name")
            found.append(Clip(path=path, label=CLASSES.index(place.name), fold=int(fold)))
    if not found:
        raise InputError(folder, "has no clips; they lie in folders named after their class")
    return found


def read_clip(path: Path, speed: float = 1.0) -> NDArray[np.float32]:
    """Return samples (n,) at 16 kHz, mono; played faster they are fewer, and all of it higher. Raises InputError."""
    pieces: list[NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as media:
            resampler: AudioResampler | None = None
            for frame in media.decode(audio=0):
                frame.pts = None
                frame.sample_rate = round(frame.sample_rate * speed)
                resampler = resampler or AudioResampler("flt", "mono", RATE_HZ)
                pieces += [one.to_ndarray()[0] for one in resampler.resample(frame)]
            pieces += [one.to_ndarray()[0] for one in resampler.resample(None)] if resampler else []
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise InputError(path, f"cannot be decoded: {error}") from error
    if not pieces:
        raise InputError(path, "has no sound")
    return np.concatenate(pieces)


@torch.no_grad()
def power_of(samples: NDArray[np.float32], logmel: LogMel) -> NDArray[np.float32]:
    """Return the power in mels of a whole clip (n,) -> (F, mels)."""
    batch = torch.from_numpy(samples)[None]
    power: NDArray[np.float32] = logmel.power(batch, logmel.start(1).tail)[0][0].numpy()
    return power


def powers(
    clips: Sequence[Clip], speeds: Sequence[float], cache: Path | None = None
) -> list[list[NDArray[np.float32]]]:
    """Return the power in mels of each clip at each speed; `cache` keeps them in a file between runs."""
    names = np.array([f"{one.name} {speed}" for one in clips for speed in speeds])
    if cache is not None and cache.exists():
        with np.load(cache) as known:
            if np.array_equal(known["names"], names):
                flat = np.split(known["power"], np.cumsum(known["lengths"])[:-1])
                return [flat[place : place + len(speeds)] for place in range(0, len(flat), len(speeds))]
    logmel = LogMel()
    flat = [power_of(read_clip(one.path, speed), logmel) for one in clips for speed in speeds]
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, names=names, power=np.concatenate(flat), lengths=[len(one) for one in flat])
    return [flat[place : place + len(speeds)] for place in range(0, len(flat), len(speeds))]
