"""Pictures as a published model wants them, by its preprocessor_config.json: size, resampling, mean, padding.

The values are those of transformers' image processors without torchvision, as near as resampling allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.vision.pixels import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    WHITE,
    Resampling,
    check_frames,
    normalised,
    resized,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

BICUBIC = 3  # Pillow's number; 2 is bilinear


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How pictures become a model's pixels."""

    size_px: tuple[int, int]  # (height, width)
    how: Resampling = "bilinear"
    mean: tuple[float, ...] | None = None  # None: 0 to 1, not normalised
    deviation: tuple[float, ...] = (1.0, 1.0, 1.0)
    is_squared: bool = False  # black below or beside makes the picture square first

    def pack(self, pictures: Sequence[NDArray[np.uint8]], device: str = "cpu") -> Tensor:
        """Take pictures (H, W, 3) of any sizes -> (B, 3, height, width) float32. Raises ValueError for no picture."""
        return torch.cat([self._one(torch.from_numpy(np.ascontiguousarray(one)).to(device)) for one in pictures])

    def _one(self, frame: Tensor) -> Tensor:
        check_frames(frame)
        if self.is_squared:
            height_px, width_px = frame.shape[:2]
            side_px = max(height_px, width_px)
            frame = F.pad(frame, (0, 0, 0, side_px - width_px, 0, side_px - height_px))
        values = resized(frame[None], self.size_px, self.how)
        if self.mean is None:
            return values / WHITE
        mean, deviation = (torch.tensor(one, device=frame.device) for one in (self.mean, self.deviation))
        return normalised(values, mean, deviation)


FLORENCE_FRAMES = Packing(size_px=(768, 768), how="bicubic", mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION)


def packing_of(about: Mapping[str, Any], usual: Packing) -> Packing:
    """Read a preprocessor_config.json, `usual` where it says nothing. Raises ValueError for what is not done."""
    size = about.get("size")
    size_px = usual.size_px
    if isinstance(size, Mapping):
        if not {"height", "width"} <= size.keys():
            raise ValueError(f"its pictures are of no fixed size: {dict(size)}")
        size_px = (int(size["height"]), int(size["width"]))
    elif size is not None:
        size_px = (int(size), int(size))
    if min(size_px) < 1:
        raise ValueError(f"its pictures have no pixels: {size}")
    mean, deviation = about.get("image_mean", usual.mean), about.get("image_std", usual.deviation)
    is_normalised = about.get("do_normalize", usual.mean is not None) and mean is not None
    is_bicubic = about.get("resample", BICUBIC if usual.how == "bicubic" else None) == BICUBIC
    return Packing(
        size_px=size_px,
        how="bicubic" if is_bicubic else "bilinear",
        mean=tuple(map(float, mean)) if is_normalised and mean is not None else None,
        deviation=tuple(map(float, deviation)),
        is_squared=bool(about.get("do_pad", usual.is_squared)) and usual.is_squared,
    )
