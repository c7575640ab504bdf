"""Small sound files laid out like ESC-10 and like the repository that it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORIES = {  # the repository's word, its number, ours
    "dog": (0, "dog_bark"),
    "crying_baby": (20, "baby_cry"),
    "crackling_fire": (12, "fire_crackling"),
    "sneezing": (21, "person_sneeze"),
}


def write_sound(path: Path, samples: NDArray[np.int16], rate_hz: int = 44_100, codec: str = "pcm_s16le") -> None:
    """Write one channel of 16-bit samples (n,); the suffix says which container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            sink.mux(packet)


def tone(hertz: float, seconds: float = 1.0, rate_hz: int = 44_100) -> NDArray[np.int16]:
    """Return a tone with a little noise, so that no two are alike."""
    t_s = np.arange(round(rate_hz * seconds)) / rate_hz
    noise = np.random.default_rng(round(hertz)).normal(size=len(t_s))
    return np.round(8000 * np.sin(2 * np.pi * hertz * t_s) + 50 * noise).astype(np.int16)


def write_repository(folder: Path) -> dict[str, NDArray[np.int16]]:
    """Write clips of ESC-10 in folds 1 and 2, and one that is not of it; return samples by the place they belong."""
    lines, wanted = ["filename,fold,target,category,esc10,src_file,take"], {}
    for number, (category, (target, ours)) in enumerate(CATEGORIES.items()):
        for fold in (1, 2):
            name = f"{fold}-{1000 + number}-A-{target}.wav"
            samples = tone(300 + 400 * number + 10 * fold)
            write_sound(folder / "audio" / name, samples)
            lines.append(f"{name},{fold},{target},{category},True,{1000 + number},A")
            wanted[f"{ours}/{fold}-{1000 + number}-A.ogg"] = samples
    write_sound(folder / "audio" / "1-77-A-1.wav", tone(50))
    lines.append("1-77-A-1.wav,1,1,frog,False,77,A")
    (folder / "meta").mkdir()
    (folder / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return wanted
