"""What `heedful eval esc10` says of sounds that are named as they are heard: in each clip, and where there are none.

In a folder of sample data there are speech and a street too, in which every name of a sound is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perception.sound.clips import Clip, read_clip
from perception.sound.logmel import RATE_HZ
from perception.sound.tags import SoundTag, SoundTagger
from perception.sound.weights import SoundModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 512  # samples, as they come in a live stream
NS_PER_S = 1_000_000_000
STRANGE = {"speech": ("speech/*.wav", "speech/*.raw"), "street": ("video/car-detection.mp4",)}


def tag_lines(model: SoundModel, clips: Sequence[Clip], data: Path) -> Iterator[dict[str, Any]]:
    """Yield a line about the clips, and one for each kind of sound in `data` that is none of them."""
    right = wrong = 0
    for clip in clips:
        said = {tag.label for tag in tags_in(model, read_clip(clip.path))}
        right += clip.path.parent.name in said
        wrong += bool(said - {clip.path.parent.name})
    share = {"right": round(right / len(clips), 4), "wrong": round(wrong / len(clips), 4)}
    yield {"measure": "tags", "on": "clips", "n": len(clips), **share}
    for name, patterns in STRANGE.items():
        paths = sorted(path for pattern in patterns for path in data.glob(pattern))
        if paths:
            yield false_tags(model, name, paths)


def false_tags(model: SoundModel, name: str, paths: Sequence[Path]) -> dict[str, Any]:
    """Count what is named in recordings in which there is nothing to name."""
    heard = [_samples(one) for one in paths]
    tags = [tag.label for samples in heard for tag in tags_in(model, samples)]
    minutes = sum(map(len, heard)) / RATE_HZ / 60
    labels = {label: tags.count(label) for label in sorted(set(tags))}
    rate = round(len(tags) / minutes, 2)
    return {"measure": "false tags", "on": name, "minutes": round(minutes, 2), "per_minute": rate, "labels": labels}


def _samples(path: Path) -> NDArray[np.float32]:
    return (np.fromfile(path, "<i2") / 32768).astype(np.float32) if path.suffix == ".raw" else read_clip(path)


def tags_in(model: SoundModel, samples: NDArray[np.float32]) -> list[SoundTag]:
    """Return what is named in a recording (n,), heard block by block as it would be live."""
    tagger, tags = SoundTagger(model), []
    for start in range(0, len(samples), BLOCK):
        tags += tagger.step(samples[start : start + BLOCK], start * NS_PER_S // RATE_HZ)
    return tags + tagger.flush()
