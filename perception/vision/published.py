"""A video encoder from a published folder: weights, shape, and how it wants its frames.

Frames are resized whole: timm's own evaluation crops the middle, but what happens at the border of a camera counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perception.vision.encoder import VideoEncoder
from perception.vision.packing import FLORENCE_FRAMES, Packing, packing_of
from perception.vision.pixels import IMAGENET_DEVIATION, IMAGENET_MEAN
from perception.vision.weights import load_davit
from runtime.errors import ModelError

USUAL_TIMM = Packing(size_px=(224, 224), how="bicubic", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION)
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def published_encoder(folder: Path | str, size_px: tuple[int, int] | None = None) -> VideoEncoder:
    """Return the encoder of a folder in timm's or Florence-2's form; `size_px` (height, width) replaces its own.

    Raises ModelError.
    """
    place = Path(folder).expanduser()
    davit = load_davit(place)
    try:
        packing = _packing(place)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(str(folder), f"tells of no frames that it takes: {error}") from error
    mean, deviation = (packing.mean, packing.deviation) if packing.mean is not None else PLAIN
    made = VideoEncoder(davit, size_px=size_px or packing.size_px, how=packing.how, mean=mean, deviation=deviation)
    return made.eval()


def _packing(place: Path) -> Packing:
    """Read timm's pretrained_cfg or Florence-2's preprocessor_config.json."""
    about = json.loads((place / "config.json").read_text(encoding="utf-8"))
    if "architecture" in about:
        return packing_of(_as_processor(about.get("pretrained_cfg") or {}), USUAL_TIMM)
    file = place / "preprocessor_config.json"
    return packing_of(json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}, FLORENCE_FRAMES)


def _as_processor(timm: Mapping[str, Any]) -> dict[str, Any]:
    """Return what timm says of pictures in the words of transformers."""
    about: dict[str, Any] = {}
    if "input_size" in timm:
        _, height_px, width_px = timm["input_size"]
        about["size"] = {"height": height_px, "width": width_px}
    if "interpolation" in timm:
        about["resample"] = 3 if timm["interpolation"] == "bicubic" else 2
    if "mean" in timm and "std" in timm:
        about |= {"image_mean": timm["mean"], "image_std": timm["std"]}
    return about
